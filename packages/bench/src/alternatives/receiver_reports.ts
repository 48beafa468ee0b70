import type { ReceiverEvent } from "./receiver_event.ts";
import type { RoundReport } from "./tally.ts";

/** Gathers what the receivers say, and turns the first failure of any of them into a rejection for whoever waits. */
export class ReceiverReports implements Disposable {
	readonly #receivers: number;
	readonly #signal: AbortSignal | undefined;
	readonly #failure = Promise.withResolvers<never>();
	readonly #ready = Promise.withResolvers<void>();
	#readyCount = 0;
	#round = Promise.withResolvers<RoundReport>();
	#reported: RoundReport[] = [];

	constructor(receivers: number, signal?: AbortSignal) {
		signal?.throwIfAborted();
		this.#receivers = receivers;
		this.#signal = signal;
		// A failure nobody waits for right now is still seen by the next wait; it must not end the process.
		this.#failure.promise.catch(() => {});
		signal?.addEventListener("abort", this.#abort);
	}

	/** Called by whoever hears the receivers, for each thing one of them says. */
	add(event: ReceiverEvent): void {
		if (event.kind === "ready") {
			if (++this.#readyCount === this.#receivers) this.#ready.resolve();
			return;
		}
		this.#reported.push(event);
		if (this.#reported.length < this.#receivers) return;
		const sum = { delivered: 0, corrupt: 0 };
		for (const { delivered, corrupt } of this.#reported) {
			sum.delivered += delivered;
			sum.corrupt += corrupt;
		}
		this.#reported = [];
		this.#round.resolve(sum);
		this.#round = Promise.withResolvers();
	}

	fail(reason: unknown): void {
		this.#failure.reject(reason);
	}

	/** `work`, unless a receiver fails or the caller aborts before it is done. */
	unlessFailed<T>(work: Promise<T>): Promise<T> {
		return Promise.race([this.#failure.promise, work]);
	}

	/** Until every receiver can receive. */
	allReady(): Promise<void> {
		return this.unlessFailed(this.#ready.promise);
	}

	/** The sum of all reports of the round that is about to start: ask before the first send. */
	nextRound(): Promise<RoundReport> {
		return this.unlessFailed(this.#round.promise);
	}

	[Symbol.dispose](): void {
		this.#signal?.removeEventListener("abort", this.#abort);
	}

	readonly #abort = (): void => this.fail(this.#signal?.reason);
}
