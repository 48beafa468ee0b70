import { WorkerProgram } from "../../launcher/worker_program.ts";
import type { Alternative, AlternativeResult, MeasureOptions } from "../alternative.ts";
import { type ReceiverReport, Receivers } from "../receivers.ts";
import { measureOrders } from "./order_rounds.ts";

const name = "Worker postMessage";

/** `postMessage` to Workers: threads of one process, not processes. */
export const workerPostMessage: Alternative = {
	name,
	async measure(options: MeasureOptions): Promise<AlternativeResult> {
		await using receivers = new Receivers(
			options,
			(receiver) =>
				new WorkerProgram<never, ReceiverReport>({
					name: `receiver ${receiver} of worker.program.ts`,
					program: new URL("worker.program.ts", import.meta.url),
					signal: options.signal,
					isRaw: true,
				}),
		);
		const { programs } = receivers;
		return await measureOrders(name, options, receivers, {
			send(order) {
				for (const { worker } of programs) worker.postMessage(order);
				return undefined;
			},
		});
	},
};
