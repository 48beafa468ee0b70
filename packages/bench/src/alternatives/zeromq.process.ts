import { readReceiverSetup } from "./receiver_setup.ts";
import { SendingProcess } from "./sending_process.ts";
import { Tally } from "./tally.ts";
import { loadZeroMq } from "./zeromq_module.ts";

const setup = readReceiverSetup();
const tally = new Tally(setup);
const sender = new SendingProcess();

const { Pull } = await loadZeroMq();
const socket = new Pull();
socket.connect(setup.address ?? "");
sender.tell({ kind: "ready" });
for await (const [message] of socket) {
	if (message === undefined) continue;
	if (message.length > 0) tally.take(message);
	else sender.tell({ kind: "round", ...tally.finish() });
}
