import { receiveFrames } from "./frame_receiver.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import { SendingProcess } from "./sending_process.ts";

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
