import type { Engine, EngineWaker } from "@libipc/protocol";

/**
 * How long waits are served in one go before timers, sockets and everything else get their turn. A wait that finds its
 * message there is served in a microtask, so a loop over a flood of messages would never let go by itself.
 */
const TURN_MS = 4;

/**
 * How often waiting endpoints look around by themselves. Not how they are woken: it notices what a process left that was
 * killed before it could wake us, and dead peers, within a second. Little is done each time, or an idle process would not be one.
 */
const LOOK_AROUND_MS = 700;

/** Something that waits for the event loop: the waits of an endpoint, see {@link WaitLine}. */
export interface Waiting {
	readonly keepsAlive: boolean;
	/** Whether nobody is waiting any more. */
	readonly isEmpty: boolean;
	/** Whether it has reason to look again. */
	isRung(): boolean;
	/** Looks again and serves whom it can. */
	serve(): void;
	/** Whether there is reason to look again that nobody rang for. */
	hasMissed(): boolean;
}

/** The waits of all endpoints of one engine in this thread, and the waker they share. */
export class EventLoop {
	readonly #engine: Engine;
	/** Held weakly: an endpoint that was forgotten must be collected, and leave. */
	readonly #users = new WeakSet<object>();
	readonly #forgotten = new FinalizationRegistry<undefined>(() => this.#countOut());
	#userCount = 0;
	readonly #waiting = new Set<Waiting>();
	/** Those that go on when everybody else has had a turn. */
	readonly #postponed = new Set<Waiting>();
	#keepingAlive = 0;
	#waker: EngineWaker | undefined;
	#lookAround: ReturnType<typeof setInterval> | undefined;
	/** Whether a turn has begun and the event loop has not gone round since. */
	#inTurn = false;
	/** When it is over; 0: nobody has looked at the clock yet. */
	#turnEnds = 0;

	constructor(engine: Engine) {
		this.#engine = engine;
	}

	/** The waker, open as long as somebody who has asked for it has not called {@link release}. */
	waker(user: object): EngineWaker {
		if (!this.#users.has(user)) {
			this.#users.add(user);
			this.#forgotten.register(user, undefined, user);
			this.#userCount++;
		}
		if (!this.#waker) {
			this.#waker = this.#engine.openWaker(this.#serveRung);
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

	add(waiting: Waiting): void {
		if (this.#waiting.has(waiting)) return;
		this.#waiting.add(waiting);
		if (waiting.keepsAlive && ++this.#keepingAlive === 1) this.#waker?.keepAlive(true);
		if (this.#lookAround === undefined) {
			this.#lookAround = setInterval(this.#serveMissed, LOOK_AROUND_MS);
			this.#lookAround.unref();
		}
	}

	remove(waiting: Waiting): void {
		if (!this.#waiting.delete(waiting)) return;
		this.#postponed.delete(waiting);
		if (waiting.keepsAlive && --this.#keepingAlive === 0) this.#waker?.keepAlive(false);
		if (this.#waiting.size > 0) return;
		clearInterval(this.#lookAround);
		this.#lookAround = undefined;
	}

	/** `waiting` has become empty: it is removed at the end of the turn, unless by then somebody waits there again. */
	rest(): void {
		if (!this.#inTurn) this.#beginTurn();
	}

	/** Counts anew whether `waiting` keeps the process alive; where it is in its turns stays as it is. */
	keepsAliveChanged(waiting: Waiting): void {
		if (!this.#waiting.has(waiting)) return;
		if (!waiting.keepsAlive) {
			if (--this.#keepingAlive === 0) this.#waker?.keepAlive(false);
		} else if (++this.#keepingAlive === 1) this.#waker?.keepAlive(true);
	}

	/** Whether there is time left in this turn. If not, `waiting` is served in the next one. */
	mayServe(waiting: Waiting): boolean {
		if (this.#hasTime()) return true;
		this.add(waiting);
		this.#postponed.add(waiting);
		return false;
	}

	#hasTime(): boolean {
		if (!this.#inTurn) {
			this.#beginTurn();
			return true;
		}
		const now = performance.now();
		if (this.#turnEnds === 0) this.#turnEnds = now + TURN_MS;
		return now < this.#turnEnds;
	}

	/**
	 * A turn lasts until the event loop has gone round, which an immediate tells. Being called again does not: a socket
	 * that always has another ring to read is read in a loop of its own.
	 */
	#beginTurn(): void {
		this.#inTurn = true;
		this.#turnEnds = 0;
		// Not before what has been served was handed over: that has waited long enough.
		queueMicrotask(() => queueMicrotask(() => setImmediate(this.#endTurn)));
	}

	readonly #endTurn = (): void => {
		this.#inTurn = false;
		for (const waiting of this.#waiting) if (waiting.isEmpty) this.remove(waiting);
		const postponed = [...this.#postponed];
		this.#postponed.clear();
		for (const waiting of postponed) if (this.mayServe(waiting)) waiting.serve();
	};

	readonly #serveRung = (): void => {
		const isOnly = this.#waiting.size === 1;
		for (const waiting of this.#waiting) if ((isOnly || waiting.isRung()) && this.mayServe(waiting)) waiting.serve();
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
