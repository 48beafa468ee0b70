/** A lock of threads that share a SharedArrayBuffer: 0 free, 1 held, 2 held, and a thread may sleep. */
export class AtomicsLock {
	readonly #word: Int32Array<SharedArrayBuffer>;

	constructor(word: Int32Array<SharedArrayBuffer>) {
		this.#word = word;
	}

	lock(): void {
		if (Atomics.compareExchange(this.#word, 0, 0, 1) === 0) return;
		while (Atomics.exchange(this.#word, 0, 2) !== 0) Atomics.wait(this.#word, 0, 2);
	}

	unlock(): void {
		if (Atomics.exchange(this.#word, 0, 0) === 2) Atomics.notify(this.#word, 0, 1);
	}
}
