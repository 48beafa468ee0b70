/** What a stream needs of its call. */
export interface StreamCall {
	/** So many items were taken by the program since the last time. */
	taken(items: number): void;
	/** The program has left the loop. */
	leave(): void;
	/** Of a thread without an event loop: reads answers until there is one for this call. */
	block(): void;
}

interface Waiter {
	resolve(result: IteratorResult<unknown, undefined>): void;
	reject(reason: unknown): void;
}

const DONE: IteratorResult<unknown, undefined> = { value: undefined, done: true };

/** The items of a stream that have arrived, for one loop. */
export class IncomingStream implements AsyncIterableIterator<unknown, undefined> {
	readonly #call: StreamCall;
	/** Credits are given back in groups of so many. */
	readonly #group: number;
	#items: unknown[] = [];
	/** The index of the next item. */
	#next = 0;
	#taken = 0;
	#waiters: Waiter[] = [];
	#isOver = false;
	#error: { readonly reason: unknown } | undefined;
	/** Whether an item has arrived: the call cannot begin again. */
	hasItems = false;

	constructor(call: StreamCall, buffer: number) {
		this.#call = call;
		this.#group = Math.max(1, buffer >> 1);
	}

	push(item: unknown): void {
		this.hasItems = true;
		const waiter = this.#waiters.shift();
		if (waiter) {
			this.#count();
			waiter.resolve({ value: item, done: false });
		} else this.#items.push(item);
	}

	/** No item follows. `error`: what the loop throws after the items that have arrived. */
	end(error?: { readonly reason: unknown }): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#error = error;
		const waiters = this.#waiters;
		this.#waiters = [];
		for (const waiter of waiters) {
			if (this.#error) waiter.reject(this.#throwOnce());
			else waiter.resolve(DONE);
		}
	}

	/** No item follows, and those that have arrived are dropped. */
	abort(reason: unknown): void {
		this.#items = [];
		this.#next = 0;
		this.end({ reason });
	}

	#throwOnce(): unknown {
		const reason = this.#error?.reason;
		this.#error = undefined;
		return reason;
	}

	/** The next item that has arrived. */
	#take(): IteratorResult<unknown, undefined> | undefined {
		if (this.#next < this.#items.length) {
			const value = this.#items[this.#next];
			this.#items[this.#next++] = undefined;
			if (this.#next === this.#items.length) {
				this.#items = [];
				this.#next = 0;
			}
			this.#count();
			return { value, done: false };
		}
		if (!this.#isOver) return undefined;
		if (this.#error) throw this.#throwOnce();
		return DONE;
	}

	#count(): void {
		if (++this.#taken < this.#group) return;
		if (!this.#isOver) this.#call.taken(this.#taken);
		this.#taken = 0;
	}

	async next(): Promise<IteratorResult<unknown, undefined>> {
		const result = this.#take();
		if (result) return result;
		return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
	}

	async return(): Promise<IteratorResult<unknown, undefined>> {
		this.#leave();
		return DONE;
	}

	#leave(): void {
		if (!this.#isOver) this.#call.leave();
		this.#items = [];
		this.#next = 0;
		this.#error = undefined;
		this.end();
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	/** The same for a thread without an event loop. */
	*sync(): Generator<unknown, void> {
		try {
			for (;;) {
				const result = this.#take();
				if (!result) this.#call.block();
				else if (result.done) return;
				else yield result.value;
			}
		} finally {
			this.#leave();
		}
	}
}
