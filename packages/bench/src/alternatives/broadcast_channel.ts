import type { MeasureOptions, PeerResult } from "./alternative.ts";
import { ReceiverWorkers } from "./receiver_workers.ts";
import { measureRounds } from "./rounds.ts";

export const name = "BroadcastChannel";

/** One BroadcastChannel from the main thread to all Workers: threads of one process, not processes. */
export async function measure(options: MeasureOptions): Promise<PeerResult> {
	const address = `libipc-peers-${crypto.randomUUID()}`;
	await using receivers = new ReceiverWorkers(options, { entry: "broadcast_channel.worker.ts", address });
	using cleanup = new DisposableStack();
	const channel = cleanup.adopt(new BroadcastChannel(address), (open) => open.close());
	return await measureRounds(name, options, receivers.reports, {
		send(message) {
			// Structured clone takes the whole buffer behind a view along: the message needs one of its own.
			channel.postMessage(message.slice());
			return undefined;
		},
	});
}
