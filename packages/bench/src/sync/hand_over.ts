import { Condition, Mutex, monotonicNs, SharedMemory } from "@libipc/core";
import { sleep } from "./sleep.ts";

/**
 * "turn": a mutex and a condition, back to back. The others hold what the other process sleeps for 1 ms: a mutex, waited
 * for by the thread or in the event loop, or a word of shared memory.
 */
export type HandOverKind = "turn" | "lock" | "lockAsync" | "waitOn";

export interface HandOver {
	readonly kind: HandOverKind;
	readonly prefix: string;
	readonly rounds: number;
}

/** Sleeping or not, the code is compiled after these. */
const WARM_UP_ROUNDS = 200;
const HOLD_MS = 1;
const LOOK_MS = 0.05;
/** Words of the memory; the stamp is the double at STAMP. */
const TURN = 0;
const HELD = 1;
const TAKEN = 2;
const STAMP = 8;
const BYTES = STAMP * 8 + 8;

/** What both sides open. */
class Table implements Disposable {
	readonly #stack = new DisposableStack();
	readonly memory: SharedMemory;
	readonly mutex: Mutex;
	readonly condition: Condition;
	readonly words: Int32Array;
	readonly #stamp: Float64Array;

	constructor(prefix: string) {
		this.memory = this.#stack.use(SharedMemory.open("hand-over", { prefix, size: BYTES }));
		this.mutex = this.#stack.use(Mutex.open("hand-over", { prefix }));
		this.condition = this.#stack.use(Condition.open("hand-over", { prefix }));
		this.words = this.memory.words;
		const { buffer, byteOffset } = this.memory.bytes;
		this.#stamp = new Float64Array(buffer, byteOffset + STAMP * 8, 1);
	}

	stamp(): void {
		this.#stamp[0] = monotonicNs();
	}

	sinceStamp(): number {
		return monotonicNs() - (this.#stamp[0] as number);
	}

	/** Sleeps until the other side has got so far. */
	await(word: number, round: number): void {
		while (Atomics.load(this.words, word) !== round) sleep(LOOK_MS);
	}

	[Symbol.dispose](): void {
		this.#stack.dispose();
	}
}

/** Removes what killed processes left. */
export function clearHandOver(prefix: string): void {
	for (const kind of [SharedMemory, Mutex, Condition]) kind.clear("hand-over", { prefix });
}

/** Plays side 0 or 1 to the end: the nanoseconds of what came to it. */
export async function handOver(side: 0 | 1, { kind, prefix, rounds }: HandOver): Promise<Float64Array> {
	using table = new Table(prefix);
	const times = new Float64Array(rounds);
	for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
		if (kind === "turn") times[round] = takeTurn(table, side);
		else if (side === 0) give(table, kind, round + WARM_UP_ROUNDS + 1);
		else times[round] = await take(table, kind, round + WARM_UP_ROUNDS + 1);
	}
	return kind !== "turn" && side === 0 ? new Float64Array() : times;
}

function takeTurn(table: Table, side: number): number {
	const { mutex, condition, words } = table;
	mutex.lock();
	while (words[TURN] !== side) condition.wait(mutex);
	const took = table.sinceStamp();
	words[TURN] = 1 - side;
	table.stamp();
	condition.notify();
	mutex.unlock();
	return took;
}

function give(table: Table, kind: HandOverKind, round: number): void {
	const { mutex, memory, words } = table;
	if (kind !== "waitOn") mutex.lock();
	Atomics.store(words, HELD, round);
	sleep(HOLD_MS);
	table.stamp();
	if (kind === "waitOn") {
		Atomics.store(words, TURN, round);
		memory.wake(TURN * 4);
	} else {
		mutex.unlock();
	}
	table.await(TAKEN, round);
}

async function take(table: Table, kind: HandOverKind, round: number): Promise<number> {
	const { mutex, memory, words } = table;
	table.await(HELD, round);
	if (kind === "lock") mutex.lock();
	if (kind === "lockAsync") await mutex.lockAsync();
	if (kind === "waitOn") while (Atomics.load(words, TURN) !== round) memory.waitOn(TURN * 4, round - 1);
	const took = table.sinceStamp();
	if (kind !== "waitOn") mutex.unlock();
	Atomics.store(words, TAKEN, round);
	return took;
}
