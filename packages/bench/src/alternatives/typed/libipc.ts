import { list, Route } from "libipc";
import type { Alternative, AlternativeResult, MeasureOptions } from "../alternative.ts";
import { type OrderCodec, orderCodecs } from "./order_codecs.ts";
import { orderProcesses } from "./order_processes.ts";
import { measureOrders } from "./order_rounds.ts";

/** A route with a codec: sends that wait, and receivers that read with `for await`. */
function libipc(codec: OrderCodec): Alternative {
	const name = `libipc, ${codec}`;
	return {
		name,
		async measure(options: MeasureOptions): Promise<AlternativeResult> {
			options.signal?.throwIfAborted();
			const prefix = `typed${process.pid}.`;
			try {
				using sender = Route.sender("orders", { prefix, codec: orderCodecs[codec] });
				await using receivers = orderProcesses(options, { program: "libipc.program.ts", args: [codec, prefix] });
				return await measureOrders(name, options, receivers, {
					// If all receivers have ended, their reports say better why: wait for them.
					send: (order) => (sender.send(order) ? undefined : new Promise(() => {})),
				});
			} finally {
				// After an abort, killed receivers are left.
				for (const left of list({ prefix })) Route.clear(left.name, { prefix });
			}
		},
	};
}

export const libipcCodecs: readonly Alternative[] = [libipc("json"), libipc("structured")];
