import { clear } from "libipc";
import { createWeb } from "libipc/web";
import type { AlternativeResult, MeasureOptions } from "./alternative.ts";
import { receiverProcesses } from "./receivers.ts";
import { measureRounds } from "./rounds.ts";

export const name = "libipc/web BroadcastChannel";

/** The BroadcastChannel of libipc/web, from one process to the others. */
export async function measure(options: MeasureOptions): Promise<AlternativeResult> {
	const prefix = `alternatives-${crypto.randomUUID()}`;
	using cleanup = new DisposableStack();
	// The receivers are killed, and are the last that have the name open.
	cleanup.defer(() => clear({ prefix }));
	await using receivers = receiverProcesses(options, {
		program: "web_broadcast_channel.program.ts",
		address: () => prefix,
	});
	using web = createWeb({ prefix });
	const channel = new web.BroadcastChannel("messages");
	return await measureRounds(name, options, receivers, {
		send(message) {
			channel.postMessage(message);
			return undefined;
		},
	});
}
