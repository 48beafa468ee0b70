import type { Alternative, AlternativeResult, MeasureOptions } from "../alternative.ts";
import { orderProcesses } from "./order_processes.ts";
import { measureOrders } from "./order_rounds.ts";

/** Bun.spawn's `ipc`: the parent sends, its children receive. */
function spawnIpc(serialization: "advanced" | "json"): Alternative {
	const name = `Bun.spawn ipc, ${serialization}`;
	return {
		name,
		async measure(options: MeasureOptions): Promise<AlternativeResult> {
			await using receivers = orderProcesses(options, { program: "spawn_ipc.program.ts", serialization });
			const { programs } = receivers;
			return await measureOrders(name, options, receivers, {
				send(order) {
					for (const { child } of programs) child.send(order);
					return undefined;
				},
			});
		},
	};
}

export const spawnIpcSerializations: readonly Alternative[] = [spawnIpc("json"), spawnIpc("advanced")];
