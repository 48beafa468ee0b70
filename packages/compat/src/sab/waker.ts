import { type EngineWaker, slotWord } from "@libipc/protocol";
import { entryOf } from "./hub.ts";
import { threadWord } from "./hub_layout.ts";
import type { Threads } from "./threads.ts";

/** The longest time of a timer, in milliseconds. */
const LONG = 0x7fffffff;

/**
 * Wakes this thread's event loop by Atomics.waitAsync on a word of the thread's entry in the hub. A thread that signals adds one to the
 * word before it notifies. So a signal between two waits is not lost.
 */
export class ThreadWaker implements EngineWaker {
	readonly low: number;
	readonly high: number;
	readonly #words: Int32Array;
	readonly #index: number;
	readonly #signalled: () => void;
	#seen: number;
	#isOpen = true;
	/** The wait of Atomics.waitAsync keeps no process alive, but a timer does. */
	#timer: ReturnType<typeof setInterval> | undefined;

	constructor({ hub, slot }: Threads, signalled: () => void) {
		this.#words = hub.words;
		this.#index = entryOf(hub, slot) + threadWord.signals;
		this.low = slot;
		this.high = hub.words[slot + slotWord.instance] as number;
		this.#signalled = signalled;
		this.#seen = Atomics.load(this.#words, this.#index);
		this.#wait();
	}

	#wait(): void {
		const waiting = Atomics.waitAsync(this.#words, this.#index, this.#seen);
		if (waiting.async) void waiting.value.then(this.#onSignal);
		// Signalled meanwhile. Not at once, so that timers and sockets are served.
		else setImmediate(this.#onSignal);
	}

	readonly #onSignal = (): void => {
		if (!this.#isOpen) return;
		this.#seen = Atomics.load(this.#words, this.#index);
		this.#wait();
		this.#signalled();
	};

	keepAlive(yes: boolean): void {
		if (yes) this.#timer ??= setInterval(() => {}, LONG);
		else {
			clearInterval(this.#timer);
			this.#timer = undefined;
		}
	}

	close(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.keepAlive(false);
		// Ends the wait, which would keep this object in memory.
		Atomics.add(this.#words, this.#index, 1);
		Atomics.notify(this.#words, this.#index);
	}
}
