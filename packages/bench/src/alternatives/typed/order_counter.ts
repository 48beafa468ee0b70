import type { RoundCount } from "../round_counter.ts";
import { END_OF_ROUND, isOrderAt, type Order } from "./order.ts";

/** Counts the orders of a round, and compares each with the order that had to come next. */
export class OrderCounter {
	#delivered = 0;
	#corrupt = 0;

	/** Counts an order. The last one of a round returns the numbers of the round, and the next round starts from zero. */
	take(order: Order): RoundCount | undefined {
		if (order.id === END_OF_ROUND.id) return this.#finish();
		if (!isOrderAt(order, this.#delivered++)) this.#corrupt++;
		return undefined;
	}

	#finish(): RoundCount {
		const count = { delivered: this.#delivered, corrupt: this.#corrupt };
		this.#delivered = 0;
		this.#corrupt = 0;
		return count;
	}
}
