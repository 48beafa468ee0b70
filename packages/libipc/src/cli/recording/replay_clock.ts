import { setTimeout as sleep } from "node:timers/promises";

/** A timer is late by up to so much: the rest is waited for in another way. Milliseconds. */
const ROUGH = 2;
/** Without pauses, the event loop has its turn so often, in messages. */
const TURN = 1024;

const word = new Int32Array(new SharedArrayBuffer(4));

/** Waits until it is time for a message of a recording. */
export class ReplayClock {
	readonly #speed: number;
	readonly #firstTime: number;
	readonly #started = performance.now();
	#calls = 0;

	/**
	 * @param speed - 1: as it was recorded. `Infinity`: without pauses.
	 * @param firstTime - Of the first message, in nanoseconds.
	 */
	constructor(speed: number, firstTime: number) {
		this.#speed = speed;
		this.#firstTime = firstTime;
	}

	/** Waits for the time of a message; `undefined`: it has come already. */
	wait(time: number, signal: AbortSignal): Promise<void> | undefined {
		const left = this.#left(time);
		if (left <= 0) return ++this.#calls % TURN === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
		return this.#sleep(time, left, signal);
	}

	/** Milliseconds until then. */
	#left(time: number): number {
		if (this.#speed === Number.POSITIVE_INFINITY) return 0;
		return (time - this.#firstTime) / 1e6 / this.#speed - (performance.now() - this.#started);
	}

	async #sleep(time: number, first: number, signal: AbortSignal): Promise<void> {
		// A day at a time: longer timers are not possible.
		for (let left = first; left > ROUGH; left = this.#left(time)) {
			await sleep(Math.min(left - ROUGH / 2, 86_400_000), undefined, { signal }).catch(() => {});
			if (signal.aborted) return;
		}
		const left = this.#left(time);
		if (left > 0) Atomics.wait(word, 0, 0, left);
	}
}
