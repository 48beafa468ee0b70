import { report } from "../launcher/started.ts";
import { byMemcmp } from "../workload/memcmp.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import type { ReceiverReport } from "./receivers.ts";
import { RoundCounter } from "./round_counter.ts";

const counter = new RoundCounter(readReceiverSetup(), byMemcmp);

process.on("message", (message: Uint8Array) => {
	if (message.length > 0) counter.take(message);
	else report<ReceiverReport>(counter.finish());
});
report<ReceiverReport>("ready");
