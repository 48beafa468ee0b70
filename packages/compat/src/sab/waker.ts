import { type EngineWaker, slotWord } from "@libipc/protocol";
import { entryOf } from "./hub.ts";
import { threadWord } from "./hub_layout.ts";
import type { Threads } from "./threads.ts";

/** The longest time a timer can have. */
const LONG = 0x7fffffff;

/**
 * Wakes this thread's event loop by Atomics.waitAsync on a word of the thread's place in the hub. Whoever rings adds one to
 * the word before it notifies, so nothing signalled between two waits is lost.
 */
export class ThreadWaker implements EngineWaker {
	readonly low: number;
	readonly high: number;
	readonly #words: Int32Array;
	readonly #index: number;
	readonly #signalled: () => void;
	#seen: number;
	#isOpen = true;
	/** The engine's own waiting keeps no process alive: a timer does. */
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
		if (waiting.async) void waiting.value.then(this.#look);
		// Rung meanwhile. Not at once: timers and sockets get their turn.
		else setImmediate(this.#look);
	}

	readonly #look = (): void => {
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
		// Ends the wait, which would hold on to this object.
		Atomics.add(this.#words, this.#index, 1);
		Atomics.notify(this.#words, this.#index);
	}
}
