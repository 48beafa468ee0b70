import type { WaitOutcomes, WaitQueue } from "./wait_queue.ts";

/** What a line of waits yields, one after another, until the endpoint is closed. */
export class WaitIterator<Value> implements AsyncIterableIterator<Value> {
	readonly #endpoint: string;
	readonly #queue: WaitQueue;
	readonly #take: () => Value | undefined;
	readonly #options: { readonly signal: AbortSignal } | undefined;
	#ended = false;

	constructor(endpoint: string, queue: WaitQueue, take: () => Value | undefined, signal: AbortSignal | undefined) {
		this.#endpoint = endpoint;
		this.#queue = queue;
		this.#take = take;
		this.#options = signal && { signal };
	}

	readonly #attempt = (): IteratorResult<Value, undefined> | undefined => {
		// Ended while it waited: what comes is for others.
		if (this.#ended) return { value: undefined, done: true };
		let value: Value | undefined;
		try {
			value = this.#take();
		} catch (error) {
			// Code of the caller runs in it, and may have closed the endpoint: the iteration has ended then.
			if (this.#queue.closed) return { value: undefined, done: true };
			throw error;
		}
		return value === undefined ? undefined : { value, done: false };
	};

	readonly #ends: WaitOutcomes<IteratorResult<Value, undefined>> = {
		timedOut: () => ({ value: undefined, done: true }),
		closed: () => ({ value: undefined, done: true }),
	};

	next(): Promise<IteratorResult<Value, undefined>> {
		if (this.#ended || this.#queue.closed) return Promise.resolve({ value: undefined, done: true });
		return this.#queue.wait(this.#endpoint, this.#options, this.#attempt, this.#ends);
	}

	async return(): Promise<IteratorResult<Value, undefined>> {
		this.#ended = true;
		if (!this.#queue.isEmpty) queueMicrotask(() => this.#queue.serve());
		return { value: undefined, done: true };
	}

	[Symbol.asyncIterator](): this {
		return this;
	}
}
