import { receiveFrames } from "./frame_receiver.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import { SendingProcess } from "./sending_process.ts";

const sender = new SendingProcess();
const decoder = receiveFrames(readReceiverSetup(), sender);

sender.tell({ kind: "ready" });
for await (const chunk of Bun.stdin.stream()) decoder.push(chunk);
