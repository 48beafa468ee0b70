import { openSync, readSync } from "node:fs";
import { report } from "../launcher/started.ts";
import { receiveFrames } from "./frame_receiver.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import type { ReceiverReport } from "./receivers.ts";

/** A read gets what is in the pipe, up to so much. */
const READ_BYTES = 256 * 1024;

const setup = readReceiverSetup();
const decoder = receiveFrames(setup);
const pipe = openSync(setup.address ?? "", "r");
const chunk = Buffer.allocUnsafe(READ_BYTES);

report<ReceiverReport>("ready");
for (let length = 1; length > 0; ) {
	length = readSync(pipe, chunk);
	decoder.push(length < chunk.length ? chunk.subarray(0, length) : chunk);
}
