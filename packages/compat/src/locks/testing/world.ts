/** What the threads of a scenario share: named locks, and words to note in what they see. */
import {
	type Condition,
	createApi,
	type Latest,
	type Mutex,
	type RwLock,
	type Semaphore,
	type SemaphoreOptions,
	type SharedMemory,
	type Signal,
} from "@libipc/core/api";
import type { Engine } from "@libipc/protocol";
import { sabEngine } from "../../sab/engine.ts";

/** Words of the field. */
export const Word = {
	/** 1: end. */
	stop: 0,
	/** How often a new owner saw that the one before it had died. */
	ownersDied: 2,
	/** How much was done. */
	done: 3,
	/** What should never be seen was seen. */
	wrong: 4,
	/** Changed together, under the lock, with plain stores. */
	left: 5,
	right: 6,
	/** How many are inside, and were at most. */
	inside: 7,
	most: 8,
	/** A thread has reached this point and stays there. */
	held: 9,
	/** To wait on. */
	bell: 10,
	/** Listeners of the Signal that have begun. */
	listening: 11,
	/** A ring of numbers: the next to read, the next to write, and the numbers. */
	read: 16,
	write: 17,
	items: 20,
} as const;

export const RING = 8;
/** From here on a word for each id of the Signal: what was written before it was notified. */
export const NOTIFIED = 32;
/** From here on a word for each number that was in the ring: how often it was taken out. */
export const TAKEN = 64;
/** From here on a word for each thread that can be killed: 1 when it has begun. */
export const BEGUN = 32_000;
export const FIELD_BYTES = 1 << 18;

export class World {
	readonly prefix: string;
	readonly field: SharedMemory;
	readonly words: Int32Array;
	readonly #engine: () => Engine;

	/** Not the index's engine: in Node that may be another one. */
	constructor(prefix: string, engine: Engine = sabEngine) {
		this.prefix = prefix;
		this.#engine = () => engine;
		this.field = createApi(this.#engine).SharedMemory.open("field", { prefix, size: FIELD_BYTES });
		this.words = this.field.words;
	}

	mutex(): Mutex {
		return createApi(this.#engine).Mutex.open("mutex", { prefix: this.prefix });
	}

	rwlock(): RwLock {
		return createApi(this.#engine).RwLock.open("lock", { prefix: this.prefix });
	}

	semaphore(options?: SemaphoreOptions): Semaphore {
		return createApi(this.#engine).Semaphore.open("permits", { ...options, prefix: this.prefix });
	}

	condition(name: string): Condition {
		return createApi(this.#engine).Condition.open(name, { prefix: this.prefix });
	}

	latest(maxLength = 2000): Latest {
		return createApi(this.#engine).Latest.open("latest", { prefix: this.prefix, maxLength });
	}

	signal(listen = true): Signal {
		return createApi(this.#engine).Signal.open("signal", { prefix: this.prefix, listen });
	}

	close(): void {
		this.field.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	add(word: number, value = 1): number {
		return Atomics.add(this.words, word, value) + value;
	}

	begin(id: number): void {
		Atomics.store(this.words, BEGUN + id, 1);
	}

	get stopped(): boolean {
		return Atomics.load(this.words, Word.stop) !== 0;
	}

	/** Records that a thread enters, and how many are inside. */
	enter(): void {
		const inside = this.add(Word.inside);
		for (let most = Atomics.load(this.words, Word.most); most < inside; ) {
			const found = Atomics.compareExchange(this.words, Word.most, most, inside);
			if (found === most) break;
			most = found;
		}
	}

	leave(): void {
		this.add(Word.inside, -1);
	}
}
