import { receiveFrames } from "./frame-receiver.ts";
import { readReceiverSetup } from "./receiver-setup.ts";
import { SendingProcess } from "./sending-process.ts";

const sender = new SendingProcess();
const decoder = receiveFrames(readReceiverSetup(), sender);

sender.tell({ kind: "ready" });
for await (const chunk of Bun.stdin.stream()) decoder.push(chunk);
