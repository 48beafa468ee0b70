import { type Comparer, Workload } from "../workload/workload.ts";
import type { ReceiverSetup } from "./receiver_setup.ts";

/** What one receiver counted in one round. */
export interface RoundCount {
	readonly delivered: number;
	readonly corrupt: number;
}

/** Counts the messages of a round, and compares each with the message that had to come next. */
export class RoundCounter {
	readonly #workload: Workload;
	#delivered = 0;
	#corrupt = 0;

	constructor({ min, max }: ReceiverSetup, compare: Comparer) {
		this.#workload = new Workload({ min, max, senders: 1 }, compare);
	}

	/** Counts a message in its own array. */
	take(message: Uint8Array): void {
		const fits = message.length <= this.#workload.target.length;
		if (fits) this.#workload.target.set(message);
		this.#count(fits && this.#workload.accept(message.length));
	}

	/** Counts a message inside a larger chunk. `copy` needs no view of it: a view would cost more than the copy. */
	takeFrom(chunk: Buffer, start: number, end: number): void {
		const fits = end - start <= this.#workload.target.length;
		if (fits) chunk.copy(this.#workload.target, 0, start, end);
		this.#count(fits && this.#workload.accept(end - start));
	}

	/** Ends the round: answers its numbers and starts from zero. */
	finish(): RoundCount {
		const report = { delivered: this.#delivered, corrupt: this.#corrupt };
		this.#delivered = 0;
		this.#corrupt = 0;
		this.#workload.restart();
		return report;
	}

	#count(accepted: boolean): void {
		this.#delivered++;
		if (!accepted) this.#corrupt++;
	}
}
