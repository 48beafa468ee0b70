import { report } from "../launcher/started.ts";
import { byMemcmp } from "../workload/memcmp.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import type { ReceiverSetup } from "./receiver_setup.ts";
import type { ReceiverReport } from "./receivers.ts";
import { RoundCounter } from "./round_counter.ts";

/** Decodes a byte stream, checks its messages, and reports each round to the sender. */
export function receiveFrames(setup: ReceiverSetup): FrameDecoder {
	const counter = new RoundCounter(setup, byMemcmp);
	return new FrameDecoder(setup.max, (chunk, start, end) => {
		if (start < end) counter.takeFrom(chunk, start, end);
		else report<ReceiverReport>(counter.finish());
	});
}
