import type { Program } from "../../launcher/program.ts";
import type { AlternativeResult, MeasureOptions } from "../alternative.ts";
import type { ReceiverReport, Receivers } from "../receivers.ts";
import { timeRounds } from "../rounds.ts";
import { END_OF_ROUND, type Order, orderAt } from "./order.ts";

/** The sending side of a transport of values. A returned promise is back-pressure: nothing more is sent until it resolves. */
export interface OrderBroadcast {
	/** One order to every receiver. */
	send(order: Order): Promise<unknown> | undefined;
	/** For transports that gather messages: sends what is still held back. */
	flush?(): Promise<unknown>;
}

/** Waits until every receiver is ready, then runs one warm-up round of orders and the timed ones. */
export function measureOrders(
	transport: string,
	options: MeasureOptions,
	receivers: Receivers<Program<never, ReceiverReport>>,
	broadcast: OrderBroadcast,
): Promise<AlternativeResult> {
	return timeRounds(transport, options, receivers, async () => {
		for (let sequence = 0; sequence < options.count; sequence++) {
			const pressure = broadcast.send(orderAt(sequence));
			// An await costs as much as a message over a fast transport: only if there is something to wait for.
			if (pressure !== undefined) await pressure;
		}
		await broadcast.send(END_OF_ROUND);
		await broadcast.flush?.();
	});
}
