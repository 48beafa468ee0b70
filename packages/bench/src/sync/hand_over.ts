import { Condition, Mutex, monotonicNs, SharedMemory, Signal } from "libipc";
import { sleep } from "./sleep.ts";

/**
 * "turn": a mutex and a condition, back to back. With the others one process holds for 1 ms what the other process waits for
 * asleep: a mutex ("lock": the thread waits, "lockAsync": the event loop waits), a word of shared memory ("waitOn"), or a
 * notification of a Signal ("wait": the thread waits, "waitAsync": the event loop waits).
 */
export type HandOverKind = "turn" | "lock" | "lockAsync" | "waitOn" | "wait" | "waitAsync";

/** The kinds that hold a mutex. */
const holdsMutex = (kind: HandOverKind): boolean => kind === "lock" || kind === "lockAsync";

export interface HandOver {
	readonly kind: HandOverKind;
	readonly prefix: string;
	readonly rounds: number;
}

export interface HandOverOrder {
	readonly side: 0 | 1;
	readonly handOver: HandOver;
}

/** The code is compiled after these. */
const WARM_UP_ROUNDS = 200;
const HOLD_MS = 1;
const POLL_MS = 0.05;
/** Words of the memory; the stamp is the double at STAMP. */
const TURN = 0;
const HELD = 1;
const TAKEN = 2;
const READY = 3;
const STAMP = 8;
const BYTES = STAMP * 8 + 8;

/** What both sides open. */
class SharedState implements Disposable {
	readonly #stack = new DisposableStack();
	readonly memory: SharedMemory;
	readonly mutex: Mutex;
	readonly condition: Condition;
	readonly signal: Signal;
	readonly words: Int32Array;
	readonly #stamp: Float64Array;

	constructor(prefix: string) {
		this.memory = this.#stack.use(SharedMemory.open("hand-over", { prefix, size: BYTES }));
		this.mutex = this.#stack.use(Mutex.open("hand-over", { prefix }));
		this.condition = this.#stack.use(Condition.open("hand-over", { prefix }));
		this.signal = this.#stack.use(Signal.open("hand-over", { prefix }));
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

	/** Sleeps until the other side has reached this round. */
	await(word: number, round: number): void {
		while (Atomics.load(this.words, word) !== round) sleep(POLL_MS);
	}

	[Symbol.dispose](): void {
		this.#stack.dispose();
	}
}

/** Removes what killed processes left. */
export function clearHandOver(prefix: string): void {
	for (const kind of [SharedMemory, Mutex, Condition, Signal]) kind.clear("hand-over", { prefix });
}

/** Runs side 0 or 1 to the end and answers nanoseconds of each hand-over to it. */
export async function handOver(side: 0 | 1, { kind, prefix, rounds }: HandOver): Promise<Float64Array> {
	using state = new SharedState(prefix);
	const times = new Float64Array(rounds);
	// A notification reaches only a side that is open.
	if (side === 1) Atomics.store(state.words, READY, 1);
	else state.await(READY, 1);
	for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
		if (kind === "turn") times[round] = takeTurn(state, side);
		else if (side === 0) give(state, kind, round + WARM_UP_ROUNDS + 1);
		else times[round] = await take(state, kind, round + WARM_UP_ROUNDS + 1);
	}
	return kind !== "turn" && side === 0 ? new Float64Array() : times;
}

function takeTurn(state: SharedState, side: number): number {
	const { mutex, condition, words } = state;
	mutex.lock();
	while (words[TURN] !== side) condition.wait(mutex);
	const took = state.sinceStamp();
	words[TURN] = 1 - side;
	state.stamp();
	condition.notify();
	mutex.unlock();
	return took;
}

function give(state: SharedState, kind: HandOverKind, round: number): void {
	const { mutex, memory, signal, words } = state;
	if (holdsMutex(kind)) mutex.lock();
	Atomics.store(words, HELD, round);
	sleep(HOLD_MS);
	state.stamp();
	if (kind === "waitOn") {
		Atomics.store(words, TURN, round);
		memory.wake(TURN * 4);
	} else if (holdsMutex(kind)) mutex.unlock();
	else signal.notify(1);
	state.await(TAKEN, round);
}

async function take(state: SharedState, kind: HandOverKind, round: number): Promise<number> {
	const { mutex, memory, signal, words } = state;
	state.await(HELD, round);
	if (kind === "lock") mutex.lock();
	if (kind === "lockAsync") await mutex.lockAsync();
	if (kind === "waitOn") while (Atomics.load(words, TURN) !== round) memory.waitOn(TURN * 4, round - 1);
	if (kind === "wait") signal.wait();
	if (kind === "waitAsync") await signal.waitAsync();
	const took = state.sinceStamp();
	if (holdsMutex(kind)) mutex.unlock();
	Atomics.store(words, TAKEN, round);
	return took;
}
