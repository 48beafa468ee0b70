/**
 * What the participants of an experiment share apart from the object under test: when to end, and the two words that a lock
 * protects. It is shared memory, so it outlives a participant that is killed.
 */
import { SharedMemory } from "@libipc/core";

/** How many processes an experiment may start. */
export const MAX_INSTANCES = 200;

const PHASE = 0;
const FIRST = 1;
const SECOND = 2;
const COUNT = 3;
const INSIDE = 8;
const DEAD = INSIDE + MAX_INSTANCES;
const RECOVERIES = DEAD + MAX_INSTANCES;
const CURRENT = RECOVERIES + 1;
const WORDS = CURRENT + MAX_INSTANCES;

/**
 * `working`: all participants work. `ending`: senders and users of locks end. `reading`: all senders have ended, receivers read
 * what is left.
 */
export const PHASES = ["working", "ending", "reading"] as const;
export type Phase = (typeof PHASES)[number];

export class ControlBlock implements Disposable {
	readonly #memory: SharedMemory;
	readonly #words: Int32Array;

	constructor(prefix: string) {
		this.#memory = SharedMemory.open("control", { prefix, size: 4 * WORDS });
		this.#words = this.#memory.words;
	}

	get phase(): Phase {
		return PHASES[Atomics.load(this.#words, PHASE)] ?? "reading";
	}

	set phase(phase: Phase) {
		Atomics.store(this.#words, PHASE, PHASES.indexOf(phase));
		this.#memory.wake(4 * PHASE);
	}

	/** The two words that the lock protects. They differ only while an owner of the lock changes them. */
	get pair(): readonly [number, number] {
		return [this.#words[FIRST] ?? 0, this.#words[SECOND] ?? 0];
	}

	/** Adds one to both words, with `between` in the middle. Only the owner of the lock calls this: the words are not atomic. */
	addToPair(between: () => void): void {
		this.#words[FIRST] = (this.#words[FIRST] ?? 0) + 1;
		between();
		this.#words[SECOND] = (this.#words[SECOND] ?? 0) + 1;
	}

	/** Makes the words equal again. An owner calls this when the lock reports that the previous owner died. */
	repairPair(): void {
		this.#words[SECOND] = this.#words[FIRST] ?? 0;
		Atomics.add(this.#words, RECOVERIES, 1);
	}

	/** How often a lock has reported that the previous owner died. */
	get recoveries(): number {
		return Atomics.load(this.#words, RECOVERIES);
	}

	/** Called before an instance of the participant starts, or replaces its predecessor in the same process. */
	setInstance(participant: number, instance: number): void {
		Atomics.store(this.#words, CURRENT + participant, instance);
	}

	/** The number of the instance that now runs for the participant. */
	instanceOf(participant: number): number {
		return Atomics.load(this.#words, CURRENT + participant);
	}

	/** An instance is marked as inside before it is counted, so that a kill between the two never counts it too often. */
	enter(instance: number): void {
		Atomics.store(this.#words, INSIDE + instance, 1);
		Atomics.add(this.#words, COUNT, 1);
	}

	/** The reverse order of `enter`. */
	leave(instance: number): void {
		Atomics.sub(this.#words, COUNT, 1);
		Atomics.store(this.#words, INSIDE + instance, 0);
	}

	/** Called before an instance is killed or replaced: from then on, what it holds may be taken from it. */
	setDead(instance: number): void {
		Atomics.store(this.#words, DEAD + instance, 1);
	}

	isDead(instance: number): boolean {
		return Atomics.load(this.#words, DEAD + instance) === 1;
	}

	/** How many live instances are inside, or fewer: one that is killed or replaced while it enters or leaves may be missing, never extra. */
	countInside(): number {
		let count = Atomics.load(this.#words, COUNT);
		for (let instance = 0; instance < MAX_INSTANCES; instance++)
			if (Atomics.load(this.#words, INSIDE + instance) === 1 && Atomics.load(this.#words, DEAD + instance) === 1)
				count--;
		return count;
	}

	[Symbol.dispose](): void {
		this.#memory.close();
	}
}
