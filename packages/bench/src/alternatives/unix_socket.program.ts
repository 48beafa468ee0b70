import { report } from "../launcher/started.ts";
import { receiveFrames } from "./frame_receiver.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import type { ReceiverReport } from "./receivers.ts";

const setup = readReceiverSetup();
const decoder = receiveFrames(setup);

await Bun.connect({
	unix: setup.address ?? "",
	socket: {
		data: (_socket, chunk) => decoder.push(chunk),
		error(_socket, error) {
			throw error;
		},
	},
});
report<ReceiverReport>("ready");
