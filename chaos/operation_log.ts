/**
 * What an instance of a participant has done, in shared memory: it outlives the instance, which may be killed at any moment.
 * Each instance has a log. The process that runs the experiment keeps all logs open.
 */
import { SharedMemory } from "@libipc/core";

const LENGTH = 0;
const ENDED = 1;
const READY = 2;
const REPLACEABLE = 3;
const LOST = 4;
const HEADER_WORDS = 5;
const CAPACITY = 1 << 21;

export class OperationLog implements Disposable {
	readonly #memory: SharedMemory;
	readonly #words: Uint32Array;

	/** `instance`: a number that no other instance of the experiment has. */
	constructor(prefix: string, instance: number) {
		this.#memory = SharedMemory.open(`log-${instance}`, { prefix, size: 4 * (HEADER_WORDS + CAPACITY) });
		const { buffer, byteOffset, length } = this.#memory.words;
		this.#words = new Uint32Array(buffer, byteOffset, length);
	}

	/** How many entries there are. */
	get length(): number {
		return Atomics.load(this.#words, LENGTH);
	}

	/** Whether the instance has ended regularly. */
	get ended(): boolean {
		return Atomics.load(this.#words, ENDED) === 1;
	}

	get full(): boolean {
		return this.length === CAPACITY;
	}

	/** Whether the instance is ready: its endpoint is open. */
	get ready(): boolean {
		return Atomics.load(this.#words, READY) === 1;
	}

	/** Whether the signal replaces the instance, instead of ending it. */
	get replaceable(): boolean {
		return Atomics.load(this.#words, REPLACEABLE) === 1;
	}

	/** The entry is written before the length: a kill between the two loses the entry, and never adds a wrong one. */
	append(entry: number): void {
		const length = this.length;
		this.#words[HEADER_WORDS + length] = entry;
		Atomics.store(this.#words, LENGTH, length + 1);
	}

	setReady(): void {
		Atomics.store(this.#words, READY, 1);
	}

	setReplaceable(): void {
		Atomics.store(this.#words, REPLACEABLE, 1);
	}

	/** Of an observer that has ended: the messages that it did not get since it was opened. */
	get lost(): number {
		return Atomics.load(this.#words, LOST);
	}

	setLost(count: number): void {
		Atomics.store(this.#words, LOST, count);
	}

	setEnded(): void {
		Atomics.store(this.#words, ENDED, 1);
	}

	entries(): Uint32Array {
		return this.#words.subarray(HEADER_WORDS, HEADER_WORDS + this.length);
	}

	[Symbol.dispose](): void {
		this.#memory.close();
	}
}
