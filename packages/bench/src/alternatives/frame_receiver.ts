import { FrameDecoder } from "./frame_decoder.ts";
import type { ReceiverSetup } from "./receiver_setup.ts";
import type { SendingProcess } from "./sending_process.ts";
import { Tally } from "./tally.ts";

/** Decodes a byte stream, checks its messages, and reports each round to the sender. */
export function receiveFrames(setup: ReceiverSetup, sender: SendingProcess): FrameDecoder {
	const tally = new Tally(setup);
	return new FrameDecoder(setup.max, (chunk, start, end) => {
		if (start < end) tally.takeFrom(chunk, start, end);
		else sender.tell({ kind: "round", ...tally.finish() });
	});
}
