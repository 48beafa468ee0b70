import { availableParallelism } from "node:os";
import {
	EventIndex,
	HEADER_BYTES,
	header,
	headerWord,
	IpcError,
	Kind,
	MAGIC,
	SLOT_WORDS,
	Status,
	slotWord,
} from "@libipc/protocol";
import { claimLockSlow, claimUnlock } from "../segment/claim_lock.ts";
import { notify } from "../segment/event.ts";
import type { Platform } from "../segment/platform.ts";
import type { Segment } from "../segment/segment.ts";
import { instanceAt, isOwnerAlive } from "../segment/slots.ts";
import { Blocks, blockWords, UNIT_WORDS } from "./blocks.ts";
import { findHub, hubSegment, hubWords, joinHub, SIGNALS, UNIT_BYTES } from "./hub.ts";
import { type Identity, isSystemThreadAlive, systemIdentity } from "./identity.ts";
import { findBlock, firstWord, keyIn, removeBlock } from "./name_table.ts";
import { isThreadRegistered, recordParent, threadIdentity } from "./thread_exits.ts";

const { orphaned: ORPHANED } = headerWord;
const { instance: INSTANCE } = slotWord;

/** How long a thread that leaves waits for the lock of names. Milliseconds. */
const RELEASE_HOLD_PATIENCE = 1000;

/** Who the threads of this process are, for {@link Threads}. */
export interface ThreadIdentities {
	readonly self: Identity;
	isAlive(hub: Segment, low: number, high: number): boolean;
}

/** As the system tells, or as the threads tell each other: as the main thread has decided. */
function threadIdentities(buffer: SharedArrayBuffer): ThreadIdentities {
	if (new Int32Array(buffer, 0, HEADER_BYTES >> 2)[hubWords.systemKnowsThreads] !== 1)
		return { self: threadIdentity(), isAlive: isThreadRegistered };
	const self = systemIdentity();
	if (self) return { self, isAlive: (_hub, low, high) => isSystemThreadAlive(low, high) };
	// Under another number it would be taken for dead.
	throw new IpcError(
		"ERR_IPC_SYSTEM",
		"",
		"/proc/thread-self could not be read, which tells other threads that this one lives. Are too many files open? Close some, or allow more (ulimit -n).",
	);
}

/**
 * This thread among those that share a hub. Pollable and waking are the engine's own; a waker is the thread's place (low) and
 * instance (high); the lock of a name is that of all names.
 */
export class Threads implements Platform {
	readonly self: Identity;
	readonly pid: number = process.pid;
	readonly processors: number = availableParallelism();
	readonly blocks: Blocks;
	/** The hub itself, as a segment. */
	readonly hub: Segment;
	/** This thread's place in it, and its number. */
	readonly slot: number;
	readonly instance: number;
	readonly #identities: ThreadIdentities;
	readonly #index: number;
	/** How often this thread holds which block. */
	readonly #holds = new Map<number, number>();
	/** Blocks that could not be let go, for somebody kept the lock. */
	#overdue: number[] = [];
	readonly #forgotten = new FinalizationRegistry<number>((unit) => this.releaseHold(unit));

	constructor(buffer: SharedArrayBuffer, identities: ThreadIdentities = threadIdentities(buffer)) {
		this.#identities = identities;
		this.self = identities.self;
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

	wait(words: Int32Array, index: number, expected: number, milliseconds: number): void {
		Atomics.wait(words, index, expected, milliseconds);
	}

	wakeAll(words: Int32Array, index: number): void {
		Atomics.notify(words, index);
	}

	signal(low: number, high: number): void {
		const { words, receivers, maxReceivers } = this.hub;
		const index = (low - receivers) / SLOT_WORDS;
		if (!Number.isInteger(index) || index < 0 || index >= maxReceivers || words[low + INSTANCE] !== high) return;
		Atomics.add(words, low + SIGNALS, 1);
		Atomics.notify(words, low + SIGNALS);
	}

	isAlive(low: number, high: number): boolean {
		if (low === this.self.low && high === this.self.high) return true;
		return this.#identities.isAlive(this.hub, low, high);
	}

	/** Takes the lock of all names; false: somebody kept it all the time. */
	lockNames(patience: number): boolean {
		return claimLockSlow(this.hub, hubWords.claim, this.instance, this.now() + patience);
	}

	unlockNames(): void {
		claimUnlock(this.hub, hubWords.claim);
		notify(this.hub, EventIndex.claimFree);
	}

	lock(segment: Segment, patience: number): number {
		if (!this.lockNames(patience)) return Status.busy;
		if (Atomics.load(segment.words, ORPHANED) === 0) return 0;
		this.unlockNames();
		return Status.orphaned;
	}

	unlock(_segment: Segment): void {
		this.unlockNames();
	}

	/** The mark is what removes the name; killed after it, we leave a block that name_table.ts passes over. */
	unlink(segment: Segment): void {
		Atomics.compareExchange(segment.words, ORPHANED, 0, 1);
		removeBlock(this.blocks, unitOf(segment));
	}

	isNamed(segment: Segment): boolean {
		return Atomics.load(segment.words, ORPHANED) === 0;
	}

	/** Keeps a block for its segment as long as this thread lives, or until {@link releaseHold}. Under the lock, or with a hold. */
	hold(unit: number): void {
		const before = this.#holds.get(unit) ?? 0;
		this.#holds.set(unit, before + 1);
		if (before === 0) Atomics.store(this.blocks.words, this.#holdWord(unit), this.instance);
	}

	#holdWord(unit: number): number {
		return unit * UNIT_WORDS + blockWords.holds + this.#index;
	}

	/** Takes a hold back. What has no name any more, and nobody's hold, is free then. Takes the lock itself. */
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

	/** It may be held anew by now, if it could not be let go when it was to be. */
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

	/** Whether a thread that lives may touch a block. Under the lock. */
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

	/** Whether the lock in a block has a name, and somebody was killed inside: whoever opens it is to be told. */
	recordsDeath(unit: number): boolean {
		const { words } = this.blocks;
		const word = (offset: number): number => words[firstWord(unit) + (offset >> 2)] as number;
		if (word(header.magic) !== MAGIC) return false;
		const kind = word(header.kind);
		const isLeft =
			(kind === Kind.mutex && word(header.claim) !== 0) || (kind === Kind.rwlock && word(header.writing) !== 0);
		return isLeft && findBlock(this.blocks, keyIn(this.blocks, unit)) === unit;
	}

	/** Takes a block's name, if it has one, and frees it. Nobody alive may touch it. Under the lock. */
	forgetBlock(unit: number): void {
		this.orphanBlock(unit);
		this.blocks.free(unit);
	}

	/** Takes a block's name, if it has one. Under the lock. */
	orphanBlock(unit: number): void {
		// The mark first: see unlink().
		Atomics.store(this.blocks.words, firstWord(unit) + ORPHANED, 1);
		removeBlock(this.blocks, unit);
	}

	keep(segment: Segment, view: object): void {
		const unit = unitOf(segment);
		this.hold(unit);
		this.#forgotten.register(view, unit);
	}
}

/** Where a segment's block begins. */
export const unitOf = (segment: Segment): number => segment.bytes.byteOffset / UNIT_BYTES - 1;

let here: Threads | undefined;

/** This thread, in the hub of its process. */
export function threads(): Threads {
	here ??= new Threads(findHub());
	return here;
}
