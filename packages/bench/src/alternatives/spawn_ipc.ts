import type { MeasureOptions, PeerResult } from "./alternative.ts";
import { ReceiverProcesses } from "./receiver_processes.ts";
import { measureRounds } from "./rounds.ts";

export const name = "Bun.spawn ipc";

/** Bun.spawn's `ipc` with `serialization: "advanced"`: the parent sends, its children receive. */
export async function measure(options: MeasureOptions): Promise<PeerResult> {
	await using receivers = new ReceiverProcesses(options, { entry: "spawn_ipc.process.ts", stdin: "ignore" });
	const { processes, reports } = receivers;
	return await measureRounds(name, options, reports, {
		send(message) {
			// Structured clone takes the whole buffer behind a view along: the message needs one of its own.
			const own = message.slice();
			for (const child of processes) child.send(own);
			return undefined;
		},
	});
}
