import { report } from "../launcher/started.ts";
import type { ReceiverSetup } from "./receiver_setup.ts";
import type { ReceiverReport } from "./receivers.ts";
import type { RoundCounter } from "./round_counter.ts";
import { loadZeroMq } from "./zeromq_module.ts";

/** Receives, in Bun or in Node, until the process ends. */
export async function receiveFromZeroMq(setup: ReceiverSetup, counter: RoundCounter): Promise<void> {
	const { Pull } = await loadZeroMq(setup.module ?? "");
	const socket = new Pull();
	socket.connect(setup.address ?? "");
	report<ReceiverReport>("ready");
	for await (const [message] of socket) {
		if (message === undefined) continue;
		if (message.length > 0) counter.take(message);
		else report<ReceiverReport>(counter.finish());
	}
}
