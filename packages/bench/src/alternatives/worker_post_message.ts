import type { AlternativeResult, MeasureOptions } from "./alternative.ts";
import { receiverWorkers } from "./receivers.ts";
import { measureRounds } from "./rounds.ts";

export const name = "Worker postMessage";

/** `postMessage` to Workers: threads of one process, not processes. */
export async function measure(options: MeasureOptions): Promise<AlternativeResult> {
	await using receivers = receiverWorkers(options, { program: "worker_post_message.program.ts" });
	const { programs } = receivers;
	return await measureRounds(name, options, receivers, {
		send(message) {
			// Structured clone copies the whole buffer behind a view: the message needs its own buffer.
			const own = message.slice();
			for (const { worker } of programs) worker.postMessage(own);
			return undefined;
		},
	});
}
