import { SharedMemory } from "./under_test.ts";

/** What the words of a control are for. */
export const ControlWord = {
	/** 1: the steady sender is to end. */
	stop: 0,
	/** 1 + how many messages it has sent, once it has ended. */
	total: 1,
	/** 1: the steady sender pauses. */
	pause: 2,
	/** And the words after it: how many of its messages each reader has got. */
	received: 4,
} as const;

export const READERS = 2;

/** Words that the threads of a test of terminations share. */
export class Control {
	readonly memory: SharedMemory;
	readonly words: Int32Array;

	constructor(prefix: string, name: string) {
		this.memory = SharedMemory.open(`${name}.control`, { prefix, size: 64 });
		this.words = this.memory.words;
	}

	get(word: number): number {
		return Atomics.load(this.words, word);
	}

	set(word: number, value: number): void {
		Atomics.store(this.words, word, value);
	}

	/** Lets the steady sender pause, or go on. */
	pause(yes: boolean): void {
		this.set(ControlWord.pause, Number(yes));
		if (!yes) this.memory.wake(4 * ControlWord.pause);
	}

	/** Returns when the steady sender may send. */
	waitWhilePaused(): void {
		while (this.get(ControlWord.pause) === 1) this.memory.waitOn(4 * ControlWord.pause, 1, { timeout: 1000 });
	}

	/** How many messages of the steady sender have come, of a queue; else at the reader that is behind. */
	received(kind: string): number {
		const each = Array.from({ length: READERS }, (_, reader) => this.get(ControlWord.received + reader));
		return kind === "queue" ? each.reduce((sum, count) => sum + count, 0) : Math.min(...each);
	}

	/** Whether all has come that was sent, and no more will be. */
	isOver(kind: string): boolean {
		const total = this.get(ControlWord.total);
		return total > 0 && this.received(kind) >= total - 1;
	}
}
