import type { MeasureOptions, PeerResult } from "./alternative.ts";
import { ReceiverWorkers } from "./receiver_workers.ts";
import { measureRounds } from "./rounds.ts";

export const name = "Worker postMessage";

/** `postMessage` to Workers: threads of one process, not processes. */
export async function measure(options: MeasureOptions): Promise<PeerResult> {
	await using receivers = new ReceiverWorkers(options, { entry: "worker_post_message.worker.ts" });
	const { workers, reports } = receivers;
	return await measureRounds(name, options, reports, {
		send(message) {
			// Structured clone takes the whole buffer behind a view along: the message needs one of its own.
			const own = message.slice();
			for (const worker of workers) worker.postMessage(own);
			return undefined;
		},
	});
}
