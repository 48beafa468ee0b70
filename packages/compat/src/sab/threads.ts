import { availableParallelism } from "node:os";
import { EventIndex, headerLong, headerWord, IpcError, MAGIC, SLOT_WORDS, Status, slotWord } from "@libipc/protocol";
import { claimLockSlow, claimUnlock } from "../segment/claim_lock.ts";
import { diedInsideAt } from "../segment/died_inside.ts";
import { notify } from "../segment/event.ts";
import { isKeptAt } from "../segment/kept.ts";
import type { MappedSegment, Platform } from "../segment/platform.ts";
import type { Segment } from "../segment/segment.ts";
import { instanceAt, isOwnerAlive } from "../segment/slots.ts";
import { Blocks, blockWords, UNIT_WORDS } from "./blocks.ts";
import { monotonicNs } from "./clock.ts";
import { findHub, hubSegment, joinHub, systemKnowsThreads } from "./hub.ts";
import { threadEntry, threadWord, UNIT_BYTES } from "./hub_layout.ts";
import { type Identity, isSystemThreadAlive, systemIdentity } from "./identity.ts";
import { findBlock, firstWord, keyIn, removeBlock } from "./name_table.ts";
import { isThreadRegistered, recordParent, threadIdentity } from "./thread_exits.ts";

const { orphaned: ORPHANED } = headerWord;
const { instance: INSTANCE } = slotWord;
const MEMORY_BYTES = headerLong.memoryBytes * 2;

/** How long a thread that releases a hold waits for the lock of names. Milliseconds. */
const RELEASE_HOLD_PATIENCE = 1000;

/** How {@link Threads} identifies the threads of this process. */
export interface ThreadIdentities {
	readonly self: Identity;
	isAlive(hub: Segment, low: number, high: number): boolean;
}

/** By the system's thread numbers, or by the threads' own records: as the main thread has decided. */
function threadIdentities(buffer: SharedArrayBuffer): ThreadIdentities {
	if (!systemKnowsThreads(buffer)) return { self: threadIdentity(), isAlive: isThreadRegistered };
	const self = systemIdentity();
	if (self) return { self, isAlive: (_hub, low, high) => isSystemThreadAlive(low, high) };
	// With another identity the other threads would consider this one dead.
	throw new IpcError(
		"ERR_IPC_SYSTEM",
		"",
		"/proc/thread-self could not be read, so other threads could not know that this one lives. Are too many files open? Close some, or allow more (ulimit -n).",
	);
}

/**
 * This thread among the threads that share a hub. The runtime waits and wakes (Atomics). A waker is the thread's slot (low) and
 * instance (high). The lock of any name is the lock of all names.
 */
export class Threads implements Platform {
	readonly self: Platform["self"];
	readonly pid: number = process.pid;
	readonly processors: number = availableParallelism();
	readonly blocks: Blocks;
	/** The hub itself, as a segment. */
	readonly hub: Segment;
	/** The first word of this thread's slot in the hub, and its instance. */
	readonly slot: number;
	readonly instance: number;
	readonly #identities: ThreadIdentities;
	readonly #index: number;
	/** How often this thread holds each block. */
	readonly #holds = new Map<number, number>();
	/** How many of these are for views. */
	readonly #views = new Map<number, number>();
	/** Blocks whose hold could not be released, because another thread kept the lock. */
	#overdue: number[] = [];
	readonly #collected = new FinalizationRegistry<number>((unit) => {
		this.#countView(unit, -1);
		this.releaseHold(unit);
	});

	constructor(buffer: SharedArrayBuffer, identities: ThreadIdentities = threadIdentities(buffer)) {
		this.#identities = identities;
		this.self = { ...identities.self, thread: 0, pidNamespace: 0 };
		this.blocks = new Blocks(buffer);
		this.hub = hubSegment(this, buffer);
		this.slot = joinHub(this.hub);
		this.instance = instanceAt(this.hub, this.slot);
		this.#index = (this.slot - this.hub.receivers) / SLOT_WORDS;
		recordParent(this.hub, this.slot);
	}

	now(): number {
		return performance.now();
	}

	monotonicMs(): number {
		return Math.floor(monotonicNs() / 1e6);
	}

	/** `Atomics.wait` does not say whether a signal arrived: no call ends early. */
	wait(words: Int32Array, index: number, expected: number, milliseconds: number): boolean {
		Atomics.wait(words, index, expected, milliseconds);
		return false;
	}

	wakeAll(words: Int32Array, index: number): void {
		Atomics.notify(words, index);
	}

	signal(low: number, high: number): void {
		const { words, receivers, maxReceivers } = this.hub;
		const index = (low - receivers) / SLOT_WORDS;
		if (!Number.isInteger(index) || index < 0 || index >= maxReceivers || words[low + INSTANCE] !== high) return;
		const at = threadEntry(index) + threadWord.signals;
		Atomics.add(words, at, 1);
		Atomics.notify(words, at);
	}

	/** All threads of the process may signal. */
	admitTo(): void {}

	isAlive(low: number, high: number): boolean {
		if (low === this.self.low && high === this.self.high) return true;
		return this.#identities.isAlive(this.hub, low, high);
	}

	/** Takes the lock of all names. False: other threads had it all the time. */
	lockNames(patience: number): boolean {
		return claimLockSlow(this.hub, headerWord.claim, this.instance, this.now() + patience);
	}

	unlockNames(): void {
		claimUnlock(this.hub, headerWord.claim);
		notify(this.hub, EventIndex.claimFree);
	}

	lock(segment: MappedSegment, patience: number): number {
		if (!this.lockNames(patience)) return Status.busy;
		if (Atomics.load(segment.words, ORPHANED) === 0) return 0;
		this.unlockNames();
		return Status.orphaned;
	}

	unlock(_segment: MappedSegment): void {
		this.unlockNames();
	}

	/** The mark removes the name. A thread that is killed after it leaves a block that name_table.ts skips. */
	unlink(segment: MappedSegment): void {
		Atomics.compareExchange(segment.words, ORPHANED, 0, 1);
		removeBlock(this.blocks, unitOf(segment));
	}

	isNamed(segment: MappedSegment): boolean {
		return Atomics.load(segment.words, ORPHANED) === 0;
	}

	/** Keeps a block for its segment as long as this thread lives, or until {@link releaseHold}. Under the lock, or with another hold. */
	hold(unit: number): void {
		const before = this.#holds.get(unit) ?? 0;
		this.#holds.set(unit, before + 1);
		if (before === 0) Atomics.store(this.blocks.words, this.#holdWord(unit), this.instance);
	}

	#holdWord(unit: number): number {
		return unit * UNIT_WORDS + blockWords.holds + this.#index;
	}

	/** Releases a hold. A block without a name and without holds is freed. Takes the lock itself. */
	releaseHold(unit: number): void {
		const count = this.#holds.get(unit) ?? 0;
		if (count > 1) {
			this.#holds.set(unit, count - 1);
			return;
		}
		this.#overdue.push(unit);
		if (!this.lockNames(RELEASE_HOLD_PATIENCE)) return;
		for (const each of this.#overdue) this.#drop(each);
		this.#overdue = [];
		this.unlockNames();
	}

	/** If the hold could not be released at once, the thread may have taken another hold since. */
	#drop(unit: number): void {
		const count = this.#holds.get(unit) ?? 0;
		if (count > 1) {
			this.#holds.set(unit, count - 1);
			return;
		}
		this.#holds.delete(unit);
		Atomics.store(this.blocks.words, this.#holdWord(unit), 0);
		if (Atomics.load(this.blocks.words, firstWord(unit) + ORPHANED) === 0 || this.isHeld(unit)) return;
		removeBlock(this.blocks, unit);
		this.blocks.free(unit);
	}

	/** Whether a live thread holds a block, and so may use it. Under the lock. */
	isHeld(unit: number): boolean {
		const { words } = this.blocks;
		const { hub } = this;
		const first = unit * UNIT_WORDS + blockWords.holds;
		for (let index = 0; index < hub.maxReceivers; index++) {
			const holder = Atomics.load(words, first + index);
			if (holder === 0) continue;
			const at = hub.receivers + index * SLOT_WORDS;
			if (instanceAt(hub, at) === holder && isOwnerAlive(hub, at)) return true;
		}
		return false;
	}

	/**
	 * Whether a block has a name that stays although no thread has it open: a lock whose owner died inside, of which the next thread to
	 * open it must learn, or a latest value that is kept.
	 */
	keepsName(unit: number): boolean {
		const { words } = this.blocks;
		const first = firstWord(unit);
		const isLeft = words[first + headerWord.magic] === MAGIC && (diedInsideAt(words, first) || isKeptAt(words, first));
		return isLeft && findBlock(this.blocks, keyIn(this.blocks, unit)) === unit;
	}

	/** Removes a block's name, if it has one, and frees the block. No live thread may use it. Under the lock. */
	forgetBlock(unit: number): void {
		this.orphanBlock(unit);
		this.blocks.free(unit);
	}

	/** Removes a block's name, if it has one. Under the lock. */
	orphanBlock(unit: number): void {
		// The mark first: see unlink().
		Atomics.store(this.blocks.words, firstWord(unit) + ORPHANED, 1);
		removeBlock(this.blocks, unit);
	}

	retain(segment: MappedSegment, view: object): void {
		const unit = unitOf(segment);
		this.hold(unit);
		this.#countView(unit, 1);
		this.#collected.register(view, unit);
	}

	#countView(unit: number, change: number): void {
		const count = (this.#views.get(unit) ?? 0) + change;
		if (count === 0) this.#views.delete(unit);
		else this.#views.set(unit, count);
	}

	/** Bytes of shared memory that this thread holds for views only. */
	keptBytes(): number {
		const { words } = this.blocks;
		let bytes = 0;
		for (const [unit, views] of this.#views) {
			if (views !== this.#holds.get(unit)) continue;
			const [low = 0, high = 0] = words.subarray(firstWord(unit) + MEMORY_BYTES);
			bytes += (low >>> 0) + high * 2 ** 32;
		}
		return bytes;
	}
}

/** The unit at which a segment's block begins. */
export const unitOf = (segment: MappedSegment): number => segment.bytes.byteOffset / UNIT_BYTES - 1;

let here: Threads | undefined;

/** This thread, in the hub of its process. */
export function threads(): Threads {
	here ??= new Threads(findHub());
	return here;
}
