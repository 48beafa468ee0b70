import type { AlternativeResult, MeasureOptions } from "./alternative.ts";
import { receiverProcesses } from "./receivers.ts";
import { measureRounds } from "./rounds.ts";

export const name = "Bun.spawn ipc";

/** Bun.spawn's `ipc` with `serialization: "advanced"`: the parent sends, its children receive. */
export async function measure(options: MeasureOptions): Promise<AlternativeResult> {
	await using receivers = receiverProcesses(options, { program: "spawn_ipc.program.ts" });
	const { programs } = receivers;
	return await measureRounds(name, options, receivers, {
		send(message) {
			// Structured clone copies the whole buffer behind a view: the message needs its own buffer.
			const own = message.slice();
			for (const { child } of programs) child.send(own);
			return undefined;
		},
	});
}
