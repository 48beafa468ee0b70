import { createWeb } from "libipc/web";
import { report } from "../launcher/started.ts";
import { byMemcmp } from "../workload/memcmp.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import type { ReceiverReport } from "./receivers.ts";
import { RoundCounter } from "./round_counter.ts";

const setup = readReceiverSetup();
const counter = new RoundCounter(setup, byMemcmp);

const web = createWeb({ prefix: setup.address });
const channel = new web.BroadcastChannel("messages");
channel.onmessage = (event) => {
	const message: Uint8Array = event.data;
	if (message.length > 0) counter.take(message);
	else report<ReceiverReport>(counter.finish());
};
report<ReceiverReport>("ready");
