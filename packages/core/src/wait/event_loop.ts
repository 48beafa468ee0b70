import type { Engine, EngineWaker } from "@libipc/protocol";

/**
 * How long waits are served in one go before timers, sockets and everything else get their turn. A wait that finds its
 * message there is served in a microtask, so a loop over a flood of messages would never let go by itself.
 */
const TIME_SLICE_MS = 4;

/**
 * How often waiting endpoints poll. It is not how they are woken: it notices what a process left that was
 * killed before it could wake us, and dead peers, within a second. Little is done each time, or an idle process would not be one.
 */
const POLL_INTERVAL_MS = 700;

/** Something that waits for the event loop: the waits of an endpoint, see {@link WaitQueue}. */
export interface Pollable {
	readonly keepsAlive: boolean;
	/** Whether no wait is left. */
	readonly isEmpty: boolean;
	/** Whether it has reason to look again. */
	isSignalled(): boolean;
	/** Looks again and serves whom it can. */
	serve(): void;
	/** Whether there is a reason to try again without a signal. */
	hasMissed(): boolean;
}

/** The waits of all endpoints of one engine in this thread, and the waker they share. */
export class EventLoop {
	readonly #engine: Engine;
	/** Held weakly: an endpoint that was forgotten must be collected, and leave. */
	readonly #users = new WeakSet<object>();
	readonly #forgotten = new FinalizationRegistry<undefined>(() => this.#countOut());
	#userCount = 0;
	readonly #waiting = new Set<Pollable>();
	/** Those that go on when everybody else has had a turn. */
	readonly #postponed = new Set<Pollable>();
	#keepingAlive = 0;
	#waker: EngineWaker | undefined;
	#pollTimer: ReturnType<typeof setInterval> | undefined;
	/** Whether a turn has begun and the event loop has not gone round since. */
	#inSlice = false;
	/** When it is over; 0: the clock has not been read yet. */
	#sliceEnds = 0;

	constructor(engine: Engine) {
		this.#engine = engine;
	}

	/** The waker, open until every user that has asked for it has called {@link release}. */
	waker(user: object): EngineWaker {
		if (!this.#users.has(user)) {
			this.#users.add(user);
			this.#forgotten.register(user, undefined, user);
			this.#userCount++;
		}
		if (!this.#waker) {
			this.#waker = this.#engine.openWaker(this.#serveSignalled);
			if (this.#keepingAlive > 0) this.#waker.keepAlive(true);
		}
		return this.#waker;
	}

	release(user: object): void {
		if (!this.#users.delete(user)) return;
		this.#forgotten.unregister(user);
		this.#countOut();
	}

	#countOut(): void {
		if (--this.#userCount > 0) return;
		this.#waker?.close();
		this.#waker = undefined;
	}

	add(waiting: Pollable): void {
		if (this.#waiting.has(waiting)) return;
		this.#waiting.add(waiting);
		if (waiting.keepsAlive && ++this.#keepingAlive === 1) this.#waker?.keepAlive(true);
		if (this.#pollTimer === undefined) {
			this.#pollTimer = setInterval(this.#serveMissed, POLL_INTERVAL_MS);
			this.#pollTimer.unref();
		}
	}

	remove(waiting: Pollable): void {
		if (!this.#waiting.delete(waiting)) return;
		this.#postponed.delete(waiting);
		if (waiting.keepsAlive && --this.#keepingAlive === 0) this.#waker?.keepAlive(false);
		if (this.#waiting.size > 0) return;
		clearInterval(this.#pollTimer);
		this.#pollTimer = undefined;
	}

	/** `waiting` has become empty: it is removed at the end of the slice, unless it has a wait again by then. */
	rest(): void {
		if (!this.#inSlice) this.#beginSlice();
	}

	/** Counts again whether `waiting` keeps the process alive; its slice stays as it is. */
	keepsAliveChanged(waiting: Pollable): void {
		if (!this.#waiting.has(waiting)) return;
		if (!waiting.keepsAlive) {
			if (--this.#keepingAlive === 0) this.#waker?.keepAlive(false);
		} else if (++this.#keepingAlive === 1) this.#waker?.keepAlive(true);
	}

	/** Whether there is time left in this turn. If not, `waiting` is served in the next one. */
	mayServe(waiting: Pollable): boolean {
		if (this.#hasTime()) return true;
		this.add(waiting);
		this.#postponed.add(waiting);
		return false;
	}

	#hasTime(): boolean {
		if (!this.#inSlice) {
			this.#beginSlice();
			return true;
		}
		const now = performance.now();
		if (this.#sliceEnds === 0) this.#sliceEnds = now + TIME_SLICE_MS;
		return now < this.#sliceEnds;
	}

	/**
	 * A turn lasts until the event loop has gone round, which an immediate tells. Being called again does not: a socket
	 * that always has another signal to read is read in a loop.
	 */
	#beginSlice(): void {
		this.#inSlice = true;
		this.#sliceEnds = 0;
		// Not before what has been served was handed over: that has waited long enough.
		queueMicrotask(() => queueMicrotask(() => setImmediate(this.#endSlice)));
	}

	readonly #endSlice = (): void => {
		this.#inSlice = false;
		for (const waiting of this.#waiting) if (waiting.isEmpty) this.remove(waiting);
		const postponed = [...this.#postponed];
		this.#postponed.clear();
		for (const waiting of postponed) if (this.mayServe(waiting)) waiting.serve();
	};

	readonly #serveSignalled = (): void => {
		const isOnly = this.#waiting.size === 1;
		for (const waiting of this.#waiting)
			if ((isOnly || waiting.isSignalled()) && this.mayServe(waiting)) waiting.serve();
	};

	readonly #serveMissed = (): void => {
		for (const waiting of this.#waiting)
			if (!waiting.isEmpty && waiting.hasMissed() && this.mayServe(waiting)) waiting.serve();
	};
}

const loops = new WeakMap<Engine, EventLoop>();

export function eventLoopOf(engine: Engine): EventLoop {
	let loop = loops.get(engine);
	if (!loop) {
		loop = new EventLoop(engine);
		loops.set(engine, loop);
	}
	return loop;
}
