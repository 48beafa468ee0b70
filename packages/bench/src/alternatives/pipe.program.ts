import { report } from "../launcher/started.ts";
import { receiveFrames } from "./frame_receiver.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import type { ReceiverReport } from "./receivers.ts";

const decoder = receiveFrames(readReceiverSetup());

report<ReceiverReport>("ready");
for await (const chunk of Bun.stdin.stream()) decoder.push(chunk);
