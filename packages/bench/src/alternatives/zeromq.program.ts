import { report } from "../launcher/started.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import type { ReceiverReport } from "./receivers.ts";
import { RoundCounter } from "./round_counter.ts";
import { loadZeroMq } from "./zeromq_module.ts";

const setup = readReceiverSetup();
const counter = new RoundCounter(setup);

const { Pull } = await loadZeroMq();
const socket = new Pull();
socket.connect(setup.address ?? "");
report<ReceiverReport>("ready");
for await (const [message] of socket) {
	if (message === undefined) continue;
	if (message.length > 0) counter.take(message);
	else report<ReceiverReport>(counter.finish());
}
