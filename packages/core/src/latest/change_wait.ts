import { type EngineLatest, type EngineWaker, Status } from "@libipc/protocol";
import type { WaitQueue } from "../wait/wait_queue.ts";

/** A wait of an event loop for values that are newer than a version. */
export class ChangeWait<Value> {
	/** The version that was seen. */
	#since: number;
	readonly #engine: EngineLatest;
	readonly #waker: EngineWaker;
	readonly #take: () => (() => Value) | undefined;
	readonly #fail: (status: number) => Error;
	/** The entry in the table of waits, or -1. */
	#wait = -1;

	/**
	 * @param take - Copies the present value, and returns what decodes the copy; `undefined`: it was never set.
	 * @param fail - The error for a status.
	 */
	constructor(
		engine: EngineLatest,
		waker: EngineWaker,
		since: number,
		take: () => (() => Value) | undefined,
		fail: (status: number) => Error,
	) {
		this.#engine = engine;
		this.#waker = waker;
		this.#since = since;
		this.#take = take;
		this.#fail = fail;
	}

	/** The value, if there is a newer one. If it cannot be decoded, this throws, and the value counts as seen. */
	readonly attempt = (): Value | undefined => {
		for (;;) {
			if (this.#wait < 0) {
				this.#wait = this.#engine.enter(this.#since, this.#waker);
				if (this.#wait === Status.notEqual) {
					const decode = this.#take();
					// Before code of the caller runs, which may use the handle.
					this.#since = decode ? this.#engine.seen() : 0;
					if (decode) return decode();
					continue;
				}
				if (this.#wait < 0) throw this.#fail(this.#wait);
			}
			const status = this.#engine.sleep(this.#wait, 0);
			if (status === Status.timedOut) return undefined;
			this.#wait = -1;
			if (status < 0) throw this.#fail(status);
			// It was notified, or a handle has died: the version says which.
		}
	};

	/** Leaves the table of waits. */
	readonly giveUp = (): void => {
		if (this.#wait >= 0) this.#engine.leave(this.#wait);
		this.#wait = -1;
	};
}

/** The present value, and then the changes, each the newest one when it is asked for. */
export class ChangeIterator<Value> implements AsyncIterableIterator<Value> {
	readonly #name: string;
	readonly #queue: WaitQueue;
	readonly #wait: ChangeWait<Value>;
	readonly #options: { readonly signal: AbortSignal } | undefined;
	#ended = false;

	constructor(name: string, queue: WaitQueue, wait: ChangeWait<Value>, signal: AbortSignal | undefined) {
		this.#name = name;
		this.#queue = queue;
		this.#wait = wait;
		this.#options = signal && { signal };
	}

	next(): Promise<IteratorResult<Value, undefined>> {
		if (this.#ended || this.#queue.closed) return Promise.resolve({ value: undefined, done: true });
		const over = (): IteratorResult<Value, undefined> => ({ value: undefined, done: true });
		const attempt = (): IteratorResult<Value, undefined> | undefined => {
			if (this.#ended) return over();
			let value: Value | undefined;
			try {
				value = this.#wait.attempt();
			} catch (error) {
				// The codec is code of the caller, and may have closed the handle.
				if (this.#queue.closed) return over();
				throw error;
			}
			return value === undefined ? undefined : { value, done: false };
		};
		return this.#queue.wait(this.#name, this.#options, attempt, {
			timedOut: over,
			closed: over,
			givenUp: this.#wait.giveUp,
		});
	}

	async return(): Promise<IteratorResult<Value, undefined>> {
		this.#ended = true;
		if (!this.#queue.closed) this.#wait.giveUp();
		if (!this.#queue.isEmpty) queueMicrotask(() => this.#queue.serve());
		return { value: undefined, done: true };
	}

	[Symbol.asyncIterator](): this {
		return this;
	}
}
