/**
 * What a participant has done, in shared memory: it outlives a participant that is killed at any moment. Each life of
 * a seat has a journal of its own; the process that plays the chaos holds them open.
 */
import { SharedMemory } from "@libipc/core";

const HEADER_WORDS = 4;
const ENTRIES = 1 << 21;

export class Journal implements Disposable {
	readonly #memory: SharedMemory;
	readonly #words: Uint32Array;

	/** `life`: the number of the participant, never used twice in a round. */
	constructor(prefix: string, life: number) {
		this.#memory = SharedMemory.open(`journal-${life}`, { prefix, size: 4 * (HEADER_WORDS + ENTRIES) });
		const { buffer, byteOffset, length } = this.#memory.words;
		this.#words = new Uint32Array(buffer, byteOffset, length);
	}

	/** How many entries there are. */
	get length(): number {
		return Atomics.load(this.#words, 0);
	}

	/** Whether the participant has ended as it was asked to. */
	get ended(): boolean {
		return Atomics.load(this.#words, 1) === 1;
	}

	get full(): boolean {
		return this.length === ENTRIES;
	}

	/** Whether its owner is ready: its endpoint is open. */
	get ready(): boolean {
		return Atomics.load(this.#words, 2) === 1;
	}

	add(entry: number): void {
		const length = this.length;
		this.#words[HEADER_WORDS + length] = entry;
		Atomics.store(this.#words, 0, length + 1);
	}

	setReady(): void {
		Atomics.store(this.#words, 2, 1);
	}

	end(): void {
		Atomics.store(this.#words, 1, 1);
	}

	entries(): Uint32Array {
		return this.#words.subarray(HEADER_WORDS, HEADER_WORDS + this.length);
	}

	[Symbol.dispose](): void {
		this.#memory.close();
	}
}
