/**
 * What the participants of a round share beside the thing that is tried: when to end, and the two words that a lock
 * protects. Everything in it outlives whoever is killed.
 */
import { SharedMemory } from "@libipc/core";

export const MOST_LIVES = 200;

const PHASE = 0;
const FIRST = 1;
const SECOND = 2;
const COUNT = 3;
const INSIDE = 8;
const DEAD = INSIDE + MOST_LIVES;
const RECOVERIES = DEAD + MOST_LIVES;
const WORDS = RECOVERIES + 1;

/** `working`: all are; `ending`: nobody sends any more; `reading`: all senders have left, what there is is read. */
export const PHASES = ["working", "ending", "reading"] as const;
export type Phase = (typeof PHASES)[number];

export class Field implements Disposable {
	readonly #memory: SharedMemory;
	readonly #words: Int32Array;

	constructor(prefix: string) {
		this.#memory = SharedMemory.open("field", { prefix, size: 4 * WORDS });
		this.#words = this.#memory.words;
	}

	get phase(): Phase {
		return PHASES[Atomics.load(this.#words, PHASE)] ?? "reading";
	}

	set phase(phase: Phase) {
		Atomics.store(this.#words, PHASE, PHASES.indexOf(phase));
		this.#memory.wake(4 * PHASE);
	}

	/** The two are equal but for a moment in a critical section. */
	get pair(): readonly [number, number] {
		return [this.#words[FIRST] ?? 0, this.#words[SECOND] ?? 0];
	}

	/** Adds one to both, with `between` in the middle. For the owner of the lock; plain words, on purpose. */
	addToPair(between: () => void): void {
		this.#words[FIRST] = (this.#words[FIRST] ?? 0) + 1;
		between();
		this.#words[SECOND] = (this.#words[SECOND] ?? 0) + 1;
	}

	/** For an owner that was told of a death. */
	repairPair(): void {
		this.#words[SECOND] = this.#words[FIRST] ?? 0;
		Atomics.add(this.#words, RECOVERIES, 1);
	}

	/** How often an owner was told of a death. */
	get recoveries(): number {
		return Atomics.load(this.#words, RECOVERIES);
	}

	/** What it is about to be counted as comes before the count, what it is no more after it. */
	enter(life: number): void {
		Atomics.store(this.#words, INSIDE + life, 1);
		Atomics.add(this.#words, COUNT, 1);
	}

	leave(life: number): void {
		Atomics.sub(this.#words, COUNT, 1);
		Atomics.store(this.#words, INSIDE + life, 0);
	}

	/** Before it is killed: what it holds is to be taken from it. */
	setDead(life: number): void {
		Atomics.store(this.#words, DEAD + life, 1);
	}

	/** At least how many that live are inside: whoever is killed while it comes or goes may count as out, never as in. */
	countInside(): number {
		let count = Atomics.load(this.#words, COUNT);
		for (let life = 0; life < MOST_LIVES; life++)
			if (Atomics.load(this.#words, INSIDE + life) === 1 && Atomics.load(this.#words, DEAD + life) === 1) count--;
		return count;
	}

	[Symbol.dispose](): void {
		this.#memory.close();
	}
}
