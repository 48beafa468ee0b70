import type { AlternativeResult, MeasureOptions } from "./alternative.ts";
import { receiverWorkers } from "./receivers.ts";
import { measureRounds } from "./rounds.ts";

export const name = "BroadcastChannel";

/** One BroadcastChannel from the main thread to all Workers: threads of one process, not processes. */
export async function measure(options: MeasureOptions): Promise<AlternativeResult> {
	const address = `libipc-alternatives-${crypto.randomUUID()}`;
	await using receivers = receiverWorkers(options, { program: "broadcast_channel.program.ts", address: () => address });
	using cleanup = new DisposableStack();
	const channel = cleanup.adopt(new BroadcastChannel(address), (open) => open.close());
	return await measureRounds(name, options, receivers, {
		send(message) {
			// Structured clone copies the whole buffer behind a view: the message needs its own buffer.
			channel.postMessage(message.slice());
			return undefined;
		},
	});
}
