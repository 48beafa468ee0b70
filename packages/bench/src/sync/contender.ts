import { Mutex, monotonicNs, RwLock, Semaphore, SharedMemory } from "libipc";
import { AtomicsLock } from "./atomics_lock.ts";
import { sleep } from "./sleep.ts";

/** "nothing" is no lock: the count goes wrong, as it would with a lock that fails. */
export type ContenderKind = "mutex" | "rwlock" | "semaphore" | "semaphore-robust" | "atomics" | "nothing";

/** What each of several processes, or threads, does at the same time. */
export interface Task {
	readonly kind: ContenderKind;
	/** The name of the lock. */
	readonly name: string;
	readonly prefix: string;
	/** Operations. */
	readonly count: number;
	/** When to begin, by monotonicNs(). */
	readonly start: number;
}

/** The first order has the memory that threads share; processes open theirs by name. The others are tasks. */
export type ContenderOrder = Task | { readonly shared: SharedArrayBuffer | undefined };

/** "ready" after the first order; when the task was done, by monotonicNs(), after each other one. */
export type ContenderReport = "ready" | number;

/** Words of the memory: a counter that is not atomic, its copy, whether a reader saw them differ, the lock of "atomics". */
export const COUNTER = 0;
export const COPY = 1;
export const TORN = 2;
const LOCK = 32;
export const MEMORY_BYTES = 256;
/** With a reader-writer lock, one of so many operations writes. */
export const READS_PER_WRITE = 10;

type Operations = (words: Int32Array, count: number) => void;

function add(words: Int32Array): void {
	words[COUNTER] = (words[COUNTER] as number) + 1;
	words[COPY] = (words[COPY] as number) + 1;
}

function locking(lock: { lock(): unknown; unlock(): void }): Operations {
	return (words, count) => {
		for (let i = 0; i < count; i++) {
			lock.lock();
			add(words);
			lock.unlock();
		}
	};
}

function acquiring(semaphore: Semaphore): Operations {
	return (words, count) => {
		for (let i = 0; i < count; i++) {
			const permit = semaphore.acquire();
			add(words);
			permit.release();
		}
	};
}

function reading(lock: RwLock): Operations {
	return (words, count) => {
		for (let i = 0; i < count; i++) {
			if (i % READS_PER_WRITE === 0) {
				lock.lock();
				add(words);
				lock.unlock();
			} else {
				lock.lockShared();
				if (words[COUNTER] !== words[COPY]) words[TORN] = 1;
				lock.unlockShared();
			}
		}
	};
}

const nothing = { lock() {}, unlock() {} };

/** Competes for locks; what it has opened stays open for its next tasks. */
export class Contender {
	readonly #operations = new Map<string, Operations>();
	readonly #memories = new Map<string, Int32Array>();
	readonly #shared: SharedArrayBuffer | undefined;

	/** @param shared the memory in which the threads of one process count */
	constructor(shared?: SharedArrayBuffer) {
		this.#shared = shared;
	}

	/** Does the task and answers when it was done, by monotonicNs(). */
	run({ kind, name, prefix, count, start }: Task): number {
		const words = this.#words(prefix);
		let operations = this.#operations.get(name);
		if (!operations) {
			operations = this.#open(kind, name, prefix);
			this.#operations.set(name, operations);
		}
		for (let now = monotonicNs(); now < start; now = monotonicNs()) sleep((start - now) / 1e6);
		operations(words, count);
		return monotonicNs();
	}

	#words(prefix: string): Int32Array {
		let words = this.#memories.get(prefix);
		if (!words) {
			if (this.#shared) words = new Int32Array(this.#shared);
			else words = SharedMemory.open("counter", { prefix, size: MEMORY_BYTES }).words;
			this.#memories.set(prefix, words);
		}
		return words;
	}

	#open(kind: ContenderKind, name: string, prefix: string): Operations {
		switch (kind) {
			case "mutex":
				return locking(Mutex.open(name, { prefix }));
			case "rwlock":
				return reading(RwLock.open(name, { prefix }));
			case "semaphore":
				return acquiring(Semaphore.open(name, { prefix }));
			case "semaphore-robust":
				return acquiring(Semaphore.open(name, { prefix, robust: true }));
			case "atomics":
				return locking(new AtomicsLock(new Int32Array(this.#shared as SharedArrayBuffer, LOCK * 4, 1)));
			case "nothing":
				return locking(nothing);
		}
	}
}
