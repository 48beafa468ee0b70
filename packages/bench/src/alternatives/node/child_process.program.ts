import { report } from "../../launcher/started.ts";
import { byWords } from "../../workload/compare_words.ts";
import { readReceiverSetup } from "../receiver_setup.ts";
import type { ReceiverReport } from "../receivers.ts";
import { RoundCounter } from "../round_counter.ts";

const setup = readReceiverSetup();
const counter = new RoundCounter(setup, byWords);

process.on("message", (message: Uint8Array | string) => {
	const bytes = typeof message === "string" ? Buffer.from(message, "base64") : message;
	if (bytes.length > 0) counter.take(bytes);
	else report<ReceiverReport>(counter.finish());
});
report<ReceiverReport>("ready");
