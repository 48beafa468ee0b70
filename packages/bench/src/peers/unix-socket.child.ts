import { receiveFrames } from "./frame-receiver.ts";
import { readReceiverSetup } from "./receiver-setup.ts";
import { SendingProcess } from "./sending-process.ts";

const setup = readReceiverSetup();
const sender = new SendingProcess();
const decoder = receiveFrames(setup, sender);

await Bun.connect({
	unix: setup.address ?? "",
	socket: {
		data: (_socket, chunk) => decoder.push(chunk),
		error(_socket, error) {
			throw error;
		},
	},
});
sender.tell({ kind: "ready" });
