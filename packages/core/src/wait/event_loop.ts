import type { Engine, EngineWaker } from "@libipc/protocol";
import { warnOnce } from "../warn_once.ts";

/**
 * How long waits are served before timers, sockets and everything else run. A wait whose message has arrived is served in a
 * microtask, so a loop over a flood of messages would never return to the event loop without this limit.
 */
const TIME_SLICE_MS = 4;

/**
 * How often waiting endpoints poll. It is not how they are woken: a poll notices dead peers, and a signal that a killed process
 * did not send, within a second. It does little, so that an idle process stays idle.
 */
const POLL_INTERVAL_MS = 700;

/**
 * How many polls pass before the signal must have arrived that the first waker of a thread has sent to itself. Between two polls,
 * the event loop has looked at its sockets.
 */
const POLLS_BEFORE_ARRIVAL = 3;

/** How often waiting endpoints poll after that signal has not arrived. */
const UNSIGNALLED_POLL_INTERVAL_MS = 20;

/**
 * Calls `run` when timers and sockets have run. Deno polls its sockets each sixty-first turn only, as long as an immediate waits, so
 * it gets a timer.
 */
const afterTurn: (run: () => void) => unknown = process.versions.deno ? (run) => setTimeout(run, 0) : setImmediate;

/** The waits of an endpoint for one thing: {@link WaitQueue}. */
export interface Pollable {
	readonly keepsAlive: boolean;
	/** Whether no wait is left. */
	readonly isEmpty: boolean;
	/** Whether there is a reason to try again. */
	isSignalled(): boolean;
	/** Tries again, and serves the waits that succeed. */
	serve(): void;
	/** Whether there is a reason to try again without a signal. */
	hasMissed(): boolean;
}

/**
 * The waits of all endpoints of one engine in this thread, and the waker that they share.
 *
 * | state | fields | until |
 * | --- | --- | --- |
 * | no slice | `#inSlice` false | the first wait is served: a slice begins |
 * | slice, clock not read | `#inSlice` true, `#sliceEnds` 0 | a second wait is served: its end is set, `TIME_SLICE_MS` from then |
 * | slice, time left | `#sliceEnds` in the future | the time is over, or the event loop has run |
 * | slice, time over | `#sliceEnds` passed | the event loop has run: waits are postponed until then |
 *
 * An immediate (in Deno, a timer) ends the slice: timers and sockets have run before it. Then the postponed waits are served, in a new slice.
 */
export class EventLoop {
	readonly #engine: Engine;
	/** Held weakly: an endpoint that was forgotten must be collected, and leave. */
	readonly #users = new WeakSet<object>();
	readonly #forgotten = new FinalizationRegistry<undefined>(() => this.#countOut());
	#userCount = 0;
	readonly #waiting = new Set<Pollable>();
	/** Those that are served in the next slice. */
	readonly #postponed = new Set<Pollable>();
	#keepingAlive = 0;
	#waker: EngineWaker | undefined;
	#pollTimer: ReturnType<typeof setInterval> | undefined;
	#pollInterval = POLL_INTERVAL_MS;
	/** Whether a waker of this thread has signalled itself. */
	#isTested = false;
	/** How many more polls may pass before that signal arrives; 0: it has arrived, or was not sent. */
	#pollsLeft = 0;
	/** Whether a slice has begun and the event loop has not run since. */
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
			if (!this.#isTested) this.#test(this.#waker);
		}
		return this.#waker;
	}

	#test(waker: EngineWaker): void {
		this.#isTested = true;
		if (!waker.signalItself) return;
		this.#pollsLeft = POLLS_BEFORE_ARRIVAL;
		waker.signalItself();
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
			this.#startPolling();
		}
	}

	#startPolling(): void {
		this.#pollTimer = setInterval(this.#serveMissed, this.#pollInterval);
		this.#pollTimer.unref();
	}

	/** Messages arrive nevertheless: the polls find them. */
	#doWithoutSignals(): void {
		this.#pollInterval = UNSIGNALLED_POLL_INTERVAL_MS;
		clearInterval(this.#pollTimer);
		this.#startPolling();
		warnOnce(
			"IPC_NO_SIGNALS",
			"",
			"The event loop of this process cannot be woken: a signal that it sent to itself did not arrive. Waiting endpoints now " +
				`poll every ${UNSIGNALLED_POLL_INTERVAL_MS} ms. Signals are datagrams to a socket in the directory of the names ` +
				"(libipc-wake.*). Check that the directory has room for files, and that no sandbox or security policy (seccomp, " +
				"AppArmor) forbids such sockets.",
		);
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

	/** Whether there is time left in this slice. If not, `waiting` is served in the next one. */
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
	 * Only {@link afterTurn} shows that the event loop has run. Another call from the waker does not: the runtime reads a socket that
	 * always has another signal in a loop.
	 */
	#beginSlice(): void {
		this.#inSlice = true;
		this.#sliceEnds = 0;
		// After the promises of what has been served have run: two microtasks.
		queueMicrotask(() => queueMicrotask(() => afterTurn(this.#endSlice)));
	}

	readonly #endSlice = (): void => {
		this.#inSlice = false;
		for (const waiting of this.#waiting) if (waiting.isEmpty) this.remove(waiting);
		const postponed = [...this.#postponed];
		this.#postponed.clear();
		for (const waiting of postponed) if (this.mayServe(waiting)) waiting.serve();
	};

	readonly #serveSignalled = (): void => {
		this.#pollsLeft = 0;
		const isOnly = this.#waiting.size === 1;
		for (const waiting of this.#waiting)
			if ((isOnly || waiting.isSignalled()) && this.mayServe(waiting)) waiting.serve();
	};

	readonly #serveMissed = (): void => {
		if (this.#pollsLeft > 0 && --this.#pollsLeft === 0) this.#doWithoutSignals();
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
