import { byMemcmp } from "../workload/memcmp.ts";
import { Workload } from "../workload/workload.ts";
import type { ReceiverSetup } from "./receiver_setup.ts";

/** What one receiver saw in one round. */
export interface RoundReport {
	readonly delivered: number;
	readonly corrupt: number;
}

/** A receiver's count of one round: every message is compared with the one that had to come next. */
export class Tally {
	readonly #workload: Workload;
	#delivered = 0;
	#corrupt = 0;

	constructor({ min, max }: ReceiverSetup) {
		this.#workload = new Workload({ min, max, senders: 1 }, byMemcmp);
	}

	/** A message that arrived as an object of its own. */
	take(message: Uint8Array): void {
		const fits = message.length <= this.#workload.target.length;
		if (fits) this.#workload.target.set(message);
		this.#count(fits && this.#workload.accept(message.length));
	}

	/** A message somewhere in a larger chunk: `copy` needs no view of it, which would cost more than the copy. */
	takeFrom(chunk: Buffer, start: number, end: number): void {
		const fits = end - start <= this.#workload.target.length;
		if (fits) chunk.copy(this.#workload.target, 0, start, end);
		this.#count(fits && this.#workload.accept(end - start));
	}

	/** The round is over: its numbers, and everything back to the start. */
	finish(): RoundReport {
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
