import { type EngineWaitable, WaitBits } from "@libipc/protocol";
import { type CheckedWait, checkWaitOptions } from "../check/call_options.ts";
import { listenTo, throwIfAborted } from "../check/signal.ts";
import type { AsyncWaitOptions } from "../endpoint/types.ts";
import type { EventLoop, Pollable } from "./event_loop.ts";

/** Tries what the wait is for; `undefined`: it has to wait. If it throws, the wait has failed. */
export type Attempt<Result> = () => Result | undefined;

interface Wait {
	/** Whether the wait is over, with a result or an error. */
	attempt(): boolean;
	fail(reason: unknown): void;
	/** The endpoint was closed. */
	close(): void;
	/** Whether its timer keeps the process alive. */
	keepAlive(yes: boolean): void;
}

/** What happens to a wait that ends without a result. */
export interface WaitOutcomes<Result> {
	/** When the time was up; 0 ms: at once. */
	timedOut(timeout: number): Result;
	/** When the endpoint was closed: a result, or an exception to reject with. */
	closed(): Result;
	/** Called when the wait was given up: the time was up, it was aborted, or the endpoint was closed. */
	givenUp?(): void;
}

/** How often an endpoint has been armed for something that several queues wait for. */
type Armings = WeakMap<EngineWaitable, { count: number }>;
const forPeers: Armings = new WeakMap();
/** A sender waits for the same event to send and to learn what was read. */
const forSpace: Armings = new WeakMap();

function armingsOf(engine: EngineWaitable, what: number): { count: number } {
	const shared = what === WaitBits.peers ? forPeers : forSpace;
	const isShared = what === WaitBits.peers || what === WaitBits.space || what === WaitBits.read;
	let counter = isShared ? shared.get(engine) : undefined;
	if (!counter) {
		counter = { count: 0 };
		if (isShared) shared.set(engine, counter);
	}
	return counter;
}

/** The end of a wait whose signal was aborted. */
function failWith(signal: AbortSignal): never {
	throwIfAborted(signal);
	throw new DOMException("The wait was aborted.", "AbortError"); // the signal was another implementation's, and says that it was not
}

/**
 * The waits of one endpoint for one thing.
 *
 * Ordered queues (data, space, a lock) serve the oldest wait first; only that one tries and arms. The engine is in one of three
 * states: not armed (the first wait has to try, then arm, then try once more), armed (it waits for a signal), signalled (armed
 * before and not any more: try again).
 *
 * Queues for peers, for what receivers have read, and for waits that are `woken`, are not ordered: each wait is for something else,
 * so all of them try. Several queues of one endpoint may arm for peers, or for space and what was read, and one signal answers all
 * of them: `#armings` counts the armings, and a queue that has not seen the last one tries again, because the signal of its own may
 * have been used up.
 */
export class WaitQueue implements Pollable {
	readonly #loop: EventLoop;
	readonly #engine: EngineWaitable;
	readonly #for: number;
	readonly #isOrdered: boolean;
	readonly #waits = new Set<Wait>();
	readonly #armings: { count: number };
	/** The arming after which this queue tried last. Another queue that armed since may have used up the signal. */
	#seen = 0;
	#keepsAlive = true;
	#closed = false;
	/** While it is true, waits are not tried, and nothing is armed: what arrives is for others. Then the owner calls {@link serve}. */
	isPaused = false;

	/** `what`: one of {@link WaitBits}. */
	constructor(loop: EventLoop, engine: EngineWaitable, what: number) {
		this.#loop = loop;
		this.#engine = engine;
		this.#for = what;
		this.#isOrdered = what !== WaitBits.peers && what !== WaitBits.read && what !== WaitBits.woken;
		this.#armings = armingsOf(engine, what);
	}

	get closed(): boolean {
		return this.#closed;
	}

	get isEmpty(): boolean {
		return this.#waits.size === 0;
	}

	get keepsAlive(): boolean {
		return this.#keepsAlive;
	}

	set keepsAlive(yes: boolean) {
		if (yes === this.#keepsAlive) return;
		this.#keepsAlive = yes;
		this.#loop.keepsAliveChanged(this);
		for (const wait of this.#waits) wait.keepAlive(yes);
	}

	wait<Result>(
		endpoint: string,
		options: AsyncWaitOptions | undefined,
		attempt: Attempt<Result>,
		ends: WaitOutcomes<Result>,
	): Promise<Result> {
		try {
			return this.waitChecked(checkWaitOptions(endpoint, options), attempt, ends);
		} catch (error) {
			return Promise.reject(error);
		}
	}

	/** {@link wait} with options that were checked, and so are not read again. */
	waitChecked<Result>(
		{ timeout, signal }: CheckedWait,
		attempt: Attempt<Result>,
		ends: WaitOutcomes<Result>,
	): Promise<Result> {
		try {
			throwIfAborted(signal);
			const isFirst = !this.#isOrdered || this.#waits.size === 0;
			const isTried = isFirst && !this.isPaused && (timeout === 0 || this.#loop.mayServe(this));
			if (isTried) {
				const result = attempt();
				if (result !== undefined) return Promise.resolve(result);
			}
			if (timeout === 0) {
				if (isFirst) ends.givenUp?.();
				return Promise.resolve(ends.timedOut(timeout));
			}
			return this.#enqueue(timeout, signal, attempt, ends, isTried);
		} catch (error) {
			return Promise.reject(error);
		}
	}

	#enqueue<Result>(
		timeout: number,
		signal: AbortSignal | undefined,
		attempt: Attempt<Result>,
		ends: WaitOutcomes<Result>,
		isTried: boolean,
	): Promise<Result> {
		return new Promise<Result>((resolve, reject) => {
			let timer: ReturnType<typeof setTimeout> | undefined;
			let unlisten: (() => void) | undefined;
			const leave = (): void => {
				this.#waits.delete(wait);
				clearTimeout(timer);
				unlisten?.();
			};
			const settle = (end: () => Result): void => {
				const isFirst = this.#isOrdered && this.#waits.values().next().value === wait;
				leave();
				try {
					// In an ordered queue only the first wait is armed: nothing was begun for the others.
					if (isFirst || !this.#isOrdered) ends.givenUp?.();
					resolve(end());
				} catch (error) {
					reject(error);
				}
				this.#rest();
				// The next wait may need less. Not now: this may run inside a handler or a batch of the endpoint.
				if (isFirst && this.#waits.size > 0) queueMicrotask(() => this.serve());
			};
			const wait: Wait = {
				attempt() {
					try {
						const result = attempt();
						if (result === undefined) return false;
						leave();
						resolve(result);
					} catch (error) {
						leave();
						reject(error);
					}
					return true;
				},
				fail(reason) {
					settle(() => {
						throw reason;
					});
				},
				close: () => settle(() => ends.closed()),
				keepAlive(yes) {
					if (yes) timer?.ref();
					else timer?.unref();
				},
			};
			this.#waits.add(wait);
			this.#loop.add(this);
			if (signal) {
				try {
					unlisten = listenTo(signal, () => {
						// Another implementation's signal may call this at any time, and more than once.
						if (this.#waits.has(wait)) settle(() => failWith(signal));
					});
					throwIfAborted(signal);
				} catch (error) {
					wait.fail(error);
				}
				if (!this.#waits.has(wait)) {
					unlisten?.();
					return;
				}
			}
			/** The event loop may have had no time to try since the wait began: what it waits for may be there. */
			const tryOnceMore = (): boolean => {
				const isNext = !this.#isOrdered || this.#waits.values().next().value === wait;
				if (!isNext || this.isPaused || !wait.attempt()) return false;
				this.#rest();
				if (this.#waits.size > 0) queueMicrotask(() => this.serve());
				return true;
			};
			if (timeout >= 0) {
				timer = setTimeout(() => {
					if (!tryOnceMore()) settle(() => ends.timedOut(timeout));
				}, timeout);
				wait.keepAlive(this.#keepsAlive);
			}
			// Else the wait before it, or the next slice of the event loop, serves it.
			if (isTried) this.#serve(true);
		});
	}

	#isArmed(): boolean {
		return (this.#engine.armed() & this.#for) !== 0;
	}

	isSignalled(): boolean {
		return !this.#isArmed() || this.#seen !== this.#armings.count;
	}

	hasMissed(): boolean {
		if (this.isPaused) return false;
		// It arms: other queues that were armed for the same have to try as well.
		this.#armings.count++;
		// An ordered queue that arms alone needs no further try: the poll looks after it has armed.
		if (this.#isOrdered) this.#seen = this.#armings.count;
		return this.#engine.poll(this.#for, this.#loop.waker(this.#engine));
	}

	#arm(): void {
		this.#engine.arm(this.#for, this.#loop.waker(this.#engine));
		this.#armings.count++;
	}

	serve(): void {
		this.#serve(false);
	}

	/** `tried`: the first wait has just been tried, and nothing armed. */
	#serve(tried: boolean): void {
		if (!this.#isOrdered) {
			this.#serveEach();
			return;
		}
		for (const wait of this.#waits) {
			if (this.isPaused) return;
			this.#seen = this.#armings.count;
			while (tried || !wait.attempt()) {
				if (!tried && this.#isArmed()) return;
				tried = false;
				try {
					// Armed before the last attempt: a later change signals.
					this.#arm();
					this.#seen = this.#armings.count;
				} catch (error) {
					wait.fail(error);
					break;
				}
			}
			if (this.#waits.size > 0 && !this.#loop.mayServe(this)) return;
		}
		this.#rest();
	}

	#serveEach(): void {
		try {
			// Armed before the attempt: what changes afterwards signals. Waits to be `woken` are armed by the engine.
			if (this.#for !== WaitBits.woken && !this.#isArmed()) this.#arm();
			this.#seen = this.#armings.count;
			for (const wait of this.#waits) wait.attempt();
		} catch (error) {
			for (const wait of [...this.#waits]) wait.fail(error);
		}
		this.#rest();
	}

	/** No wait is left: the event loop may drop this queue. */
	#rest(): void {
		if (this.#waits.size === 0) this.#loop.rest();
	}

	close(): void {
		this.#closed = true;
		for (const wait of [...this.#waits]) wait.close();
		this.#loop.remove(this);
	}
}
