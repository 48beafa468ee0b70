import { readReceiverSetup } from "./receiver_setup.ts";
import { SendingProcess } from "./sending_process.ts";
import { Tally } from "./tally.ts";

const tally = new Tally(readReceiverSetup());
const sender = new SendingProcess();

process.on("message", (message: Uint8Array) => {
	if (message.length > 0) tally.take(message);
	else sender.tell({ kind: "round", ...tally.finish() });
});
sender.tell({ kind: "ready" });
