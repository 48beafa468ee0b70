import { readReceiverSetup } from "./receiver-setup.ts";
import { SendingProcess } from "./sending-process.ts";
import { Tally } from "./tally.ts";

const tally = new Tally(readReceiverSetup());
const sender = new SendingProcess();

process.on("message", (message: Uint8Array) => {
	if (message.length > 0) tally.take(message);
	else sender.tell({ kind: "round", ...tally.finish() });
});
sender.tell({ kind: "ready" });
