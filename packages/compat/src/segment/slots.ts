import {
	abi,
	EventIndex,
	headerLong,
	headerWord,
	OverflowKind,
	Pin,
	type PresentSender,
	RecordKind,
	SLOT_WORDS,
	Status,
	slotLong,
	slotWord,
	UNIT,
} from "@libipc/protocol";
import { countedHead } from "../ring/record_count.ts";
import { diedInside } from "./died_inside.ts";
import { notify } from "./event.ts";
import { isKept } from "./kept.ts";
import { lowOf } from "./long.ts";
import { marksCopy } from "./marks.ts";
import { markOrphaned } from "./orphaned.ts";
import type { Segment } from "./segment.ts";
import { forget } from "./waits.ts";

/**
 * The slots of the receivers and senders of a segment, and the gate. `native/src/slots.h` says which thread may call what, and slots.c
 * why the position of a joining receiver is safe. A slot is the index of its first word.
 */
const {
	claim: CLAIM,
	deaths: DEATHS,
	gatedCount: GATED_COUNT,
	head: HEAD,
	nextInstance: NEXT_INSTANCE,
	receiverCount: RECEIVER_COUNT,
	receiverSlotsUsed: RECEIVER_SLOTS_USED,
	recordKinds: RECORD_KINDS,
	senderCount: SENDER_COUNT,
	senderSlotsUsed: SENDER_SLOTS_USED,
} = headerWord;
const { announced: ANNOUNCED_LONG, head: HEAD_LONG } = headerLong;
const {
	armed: ARMED,
	asleep: ASLEEP,
	died: DIED,
	held: HELD,
	instance: INSTANCE,
	observer: OBSERVER,
	owner: OWNER,
	pending: PENDING,
	pid: PID,
	pidNamespace: PID_NAMESPACE,
	pin: PIN,
	position: POSITION,
	thread: THREAD,
} = slotWord;
const { lost: LOST_LONG, opened: OPENED_LONG } = slotLong;

/** Milliseconds. */
const LEAVE_PATIENCE = 1000;

/** More rounds than other threads can change slots meanwhile. A damaged segment must not keep this thread in a loop. */
const COUNT_ROUNDS = 64;

/** How many slots {@link isAnyAlive} checks once it has found a live one. */
const SLOTS_CHECKED = 16;

const low32 = (long: bigint): number => Number(BigInt.asIntN(32, long));

function findFree({ words }: Segment, first: number, count: number): number {
	for (let at = first, end = first + count * SLOT_WORDS; at < end; at += SLOT_WORDS)
		if (Atomics.load(words, at + INSTANCE) === 0) return at;
	return -1;
}

/** A free slot. If there is none, the slots of dead owners are emptied. */
function findOrMakeFreeSlot(segment: Segment, first: number, count: number): number {
	const at = findFree(segment, first, count);
	if (at >= 0) return at;
	reap(segment);
	return findFree(segment, first, count);
}

/** In `held` of a receiver's slot: its position is not final yet, so it is not counted. See slots.c. */
const JOINING = -1;

/** `count`: of endpoints that have joined; `gated`: of those that are no observers. `used`: the index after the last slot. */
function countSlots({ words }: Segment, first: number, most: number): { count: number; gated: number; used: number } {
	let count = 0;
	let gated = 0;
	let used = 0;
	for (let index = 0; index < most; index++) {
		const at = first + index * SLOT_WORDS;
		if (Atomics.load(words, at + INSTANCE) === 0) continue;
		used = index + 1;
		if (Atomics.load(words, at + HELD) === JOINING) continue;
		count++;
		if (words[at + OBSERVER] === 0) gated++;
	}
	return { count, gated, used };
}

const slotsUsed = ({ words }: Segment, word: number, most: number): number =>
	Math.min(Atomics.load(words, word) >>> 0, most);

/** No slot of a receiver at or above this index is taken, or has been since. */
export const receiverSlotsUsed = (segment: Segment): number =>
	slotsUsed(segment, RECEIVER_SLOTS_USED, segment.maxReceivers);

/** Whether the position in the slot of a receiver is not final yet. */
export const isJoining = ({ words }: Segment, at: number): boolean => Atomics.load(words, at + HELD) === JOINING;

/** How many slots are taken below the index that is in `used`: an endpoint raises it before it takes its slot. */
const countUsed = (segment: Segment, used: number, first: number, most: number, of: "count" | "gated"): number =>
	countSlots(segment, first, slotsUsed(segment, used, most))[of];

/** Counts the slots that are taken, without a lock: `slots_update_count` in slots.c says why the last count is right. */
function updateCount(
	segment: Segment,
	word: number,
	used: number,
	first: number,
	most: number,
	of: "count" | "gated",
): void {
	const { words } = segment;
	for (let round = 0; round < COUNT_ROUNDS; round++) {
		const before = Atomics.load(words, word);
		const count = countUsed(segment, used, first, most, of);
		if (before !== count && Atomics.compareExchange(words, word, before, count) !== before) continue;
		if (countUsed(segment, used, first, most, of) === count && Atomics.load(words, word) === count) return;
	}
}

/** Only under the name lock are the indices lowered up to which other threads search: without it an endpoint may join meanwhile. */
function recount(segment: Segment, hasLock: boolean): void {
	const { words, senders, maxSenders, receivers, maxReceivers } = segment;
	if (hasLock) {
		Atomics.store(words, SENDER_SLOTS_USED, countSlots(segment, senders, maxSenders).used);
		Atomics.store(words, RECEIVER_SLOTS_USED, countSlots(segment, receivers, maxReceivers).used);
	}
	updateCount(segment, SENDER_COUNT, SENDER_SLOTS_USED, senders, maxSenders, "count");
	updateCount(segment, RECEIVER_COUNT, RECEIVER_SLOTS_USED, receivers, maxReceivers, "count");
	updateCount(segment, GATED_COUNT, RECEIVER_SLOTS_USED, receivers, maxReceivers, "gated");
	notify(segment, EventIndex.peers);
	notify(segment, EventIndex.space); // the gate may have moved
}

function takeSlot(segment: Segment, at: number, held = 0, isObserver = false): void {
	const { words, longs, platform } = segment;
	words[at + OWNER] = platform.self.low;
	words[at + OWNER + 1] = platform.self.high;
	words[at + THREAD] = platform.self.thread;
	words[at + PID] = platform.pid;
	words[at + PID_NAMESPACE] = platform.self.pidNamespace;
	longs[(at >> 1) + OPENED_LONG] = BigInt(platform.monotonicMs()) * 1_000_000n;
	words[at + ASLEEP] = 0;
	Atomics.store(words, at + ARMED, 0);
	longs[(at >> 1) + LOST_LONG] = 0n;
	words[at + PENDING] = 0;
	words[at + PENDING + 1] = 0;
	words[at + HELD] = held;
	words[at + OBSERVER] = isObserver ? 1 : 0;
	words[at + PIN] = Pin.none;
	// Below 2^31: in a lease, other numbers are no instances.
	let instance: number;
	do instance = Atomics.add(words, NEXT_INSTANCE, 1) & 0x7fffffff;
	while (instance === 0);
	Atomics.store(words, at + INSTANCE, instance); // a thread that sees it sees owner, position, `held`, `observer`, and `pending` as 0
}

/** Steps (2) to (4) of slots.c: the position where the receiver begins, such that no sender can overwrite a record from there on. */
function takePosition(segment: Segment, at: number, fromOldest: boolean, isObserver: boolean): void {
	const { words, longs } = segment;
	if (isObserver) {
		// No sender waits for it: it needs the number of messages before its position, and checks afterwards what it reads.
		segment.joined = countedHead(segment);
		Atomics.store(words, at + POSITION, low32(segment.joined));
		return;
	}
	if (fromOldest)
		for (const mark of marksCopy(segment)) {
			Atomics.store(words, at + POSITION, lowOf(mark.position));
			const ahead = Number(BigInt.asUintN(64, Atomics.load(longs, ANNOUNCED_LONG))) - mark.position;
			if (ahead >= 0 && ahead <= segment.capacity / UNIT) return;
		}
	segment.joined = Atomics.load(longs, HEAD_LONG);
	Atomics.store(words, at + POSITION, low32(segment.joined));
}

/** Before the slot is taken: other threads only look at the slots that have been used. Under the name lock. */
function raiseSlotsUsed({ words }: Segment, word: number, first: number, at: number): void {
	const index = (at - first) / SLOT_WORDS;
	if ((words[word] as number) <= index) Atomics.store(words, word, index + 1);
}

/** Takes a slot, under the name lock: its first word, or `Status.tooManyReceivers`. */
export function joinReceiver(segment: Segment, fromOldest: boolean, isObserver = false): number {
	const at = findOrMakeFreeSlot(segment, segment.receivers, segment.maxReceivers);
	if (at < 0) return Status.tooManyReceivers;
	raiseSlotsUsed(segment, RECEIVER_SLOTS_USED, segment.receivers, at);
	segment.words[at + HELD] = JOINING; // a thread that sees the position sees this: read_point.ts
	Atomics.store(segment.words, at + POSITION, Atomics.load(segment.words, HEAD));
	takeSlot(segment, at, JOINING, isObserver);
	takePosition(segment, at, fromOldest, isObserver && segment.overflow !== OverflowKind.dropOldest);
	Atomics.store(segment.words, at + HELD, 0);
	recount(segment, true);
	return at;
}

/** The same for a handle of a segment without a ring, whose slots are those of receivers. An observer: of a Signal. */
export function joinHandle(segment: Segment, isObserver = false): number {
	const at = findOrMakeFreeSlot(segment, segment.receivers, segment.maxReceivers);
	if (at < 0) return Status.tooManyHandles;
	raiseSlotsUsed(segment, RECEIVER_SLOTS_USED, segment.receivers, at);
	takeSlot(segment, at, 0, isObserver);
	recount(segment, true);
	return at;
}

export function joinSender(segment: Segment): number {
	const at = findOrMakeFreeSlot(segment, segment.senders, segment.maxSenders);
	if (at < 0) return Status.tooManySenders;
	raiseSlotsUsed(segment, SENDER_SLOTS_USED, segment.senders, at);
	takeSlot(segment, at);
	recount(segment, true);
	return at;
}

export const instanceAt = (segment: Segment, at: number): number => Atomics.load(segment.words, at + INSTANCE);

export const isOwnerAlive = ({ words, platform }: Segment, at: number): boolean =>
	platform.isAlive(
		words[at + OWNER] as number,
		words[at + OWNER + 1] as number,
		words[at + PID] as number,
		words[at + PID_NAMESPACE] as number,
	);

/** Whether this thread has opened the endpoint or handle in that slot. */
export const isOwnedByThisThread = ({ words, platform }: Segment, at: number): boolean =>
	words[at + OWNER] === platform.self.low &&
	words[at + OWNER + 1] === platform.self.high &&
	words[at + THREAD] === platform.self.thread;

/** The number of open handles of live threads. */
export function countAlive(segment: Segment): number {
	let count = 0;
	for (let index = 0; index < segment.maxReceivers; index++) {
		const at = segment.receivers + index * SLOT_WORDS;
		if (instanceAt(segment, at) !== 0 && isOwnerAlive(segment, at)) count++;
	}
	return count;
}

const diedBefore = (instance: number, other: number): boolean =>
	other !== 0 && (instance === 0 || ((instance - other) | 0) < 0);

/**
 * Records an instance among the last ones that died here. Others may record the same one at the same time: it is recorded once, and a
 * thread that was slow does not store an older one over a newer one.
 */
function recordDeath({ words }: Segment, at: number, instance: number): void {
	for (;;) {
		let oldest = at + DIED;
		let its = Atomics.load(words, oldest);
		for (let index = at + DIED; index < at + DIED + abi.PEER_DEATHS; index++) {
			const died = Atomics.load(words, index);
			if (died === instance) return;
			if (!diedBefore(died, its)) continue;
			oldest = index;
			its = died;
		}
		if (diedBefore(instance, its) || Atomics.compareExchange(words, oldest, its, instance) === its) return;
	}
}

/**
 * Empties a slot if its owner is dead. Any thread may do so at any time: the swap empties the slot of this owner, or none.
 * 0: the slot was free, 1: its owner is alive, -1: its owner was dead.
 */
function reapSlot(segment: Segment, at: number): number {
	const { words } = segment;
	const instance = Atomics.load(words, at + INSTANCE);
	if (instance === 0) return 0;
	// The slot may have been emptied or taken meanwhile: then the owner that was read may be that of another endpoint.
	if (isOwnerAlive(segment, at) || Atomics.load(words, at + INSTANCE) !== instance) return 1;
	recordDeath(segment, at, instance);
	forget(segment, instance);
	// Before the slot is emptied. After a kill between the two a death is counted twice, which is better than not at all.
	Atomics.add(words, DEATHS, 1);
	Atomics.compareExchange(words, at + INSTANCE, instance, 0);
	return -1;
}

const allSlots = (segment: Segment): number => segment.maxReceivers + segment.maxSenders;

/** Empties the slots of dead owners; returns how many live endpoints remain. Under the name lock. */
export function reap(segment: Segment): number {
	let live = 0;
	for (let index = 0; index < allSlots(segment); index++)
		if (reapSlot(segment, segment.receivers + index * SLOT_WORDS) > 0) live++;
	recount(segment, true);
	return live;
}

/** Whether a live thread has a slot. Checks only some slots once it has found a live one. Under the name lock. */
export function isAnyAlive(segment: Segment): boolean {
	const { words } = segment;
	const count = allSlots(segment);
	// Other slots each time, so that many opens and closes check all of them in turn.
	const comers = (words[NEXT_INSTANCE] as number) + (words[RECEIVER_COUNT] as number) + (words[SENDER_COUNT] as number);
	const start = ((SLOTS_CHECKED * comers) >>> 0) % count;
	let live = 0;
	let dead = 0;
	for (let index = 0; index < count && (live === 0 || live + dead < SLOTS_CHECKED); index++) {
		const found = reapSlot(segment, segment.receivers + ((start + index) % count) * SLOT_WORDS);
		if (found > 0) live++;
		if (found < 0) dead++;
	}
	if (dead > 0) recount(segment, true);
	return live > 0;
}

/** Takes back a join that failed. Under the name lock. */
export function withdraw(segment: Segment, at: number): void {
	Atomics.store(segment.words, at + INSTANCE, 0);
	recount(segment, true);
}

/** Gives the slot of `instance` up, and removes the segment if it was the last one. Takes the name lock itself. */
export function leaveSlot(segment: Segment, at: number, instance: number): void {
	// First what others wait for, even if the name lock is not free. A swap: if others considered this thread dead, the slot may
	// belong to another endpoint now.
	Atomics.compareExchange(segment.words, at + INSTANCE, instance, 0);
	notify(segment, EventIndex.space);
	const lock = segment.platform.lock(segment, LEAVE_PATIENCE);
	if (lock < 0) {
		// No other endpoint may be left that counts under the name lock: senders would believe in a receiver that has left.
		if (lock !== Status.orphaned) recount(segment, false);
		return;
	}
	recount(segment, true);
	// If an owner died inside, the segment stays for the next open, as after a kill.
	if (!isAnyAlive(segment) && !diedInside(segment) && !isKept(segment)) unlink(segment);
	segment.platform.unlock(segment);
}

/** Removes the name; the endpoints wake and see that they are orphaned. Under the name lock. */
export function unlink(segment: Segment): void {
	segment.platform.unlink(segment);
	markOrphaned(segment);
}

/** The most that open loans need before head: `slots_lag_of_loans` in slots.c. */
function lagOfLoans(segment: Segment, head: number): number {
	const { words } = segment;
	const used = slotsUsed(segment, SENDER_SLOTS_USED, segment.maxSenders);
	let lag = 0;
	for (let at = segment.senders, end = at + used * SLOT_WORDS; at < end; at += SLOT_WORDS) {
		if (Atomics.load(words, at + INSTANCE) === 0 || Atomics.load(words, at + HELD) === 0) continue;
		const behind = (head - Atomics.load(words, at + POSITION)) | 0;
		if (behind > lag) lag = behind;
	}
	return lag;
}

/**
 * The gate: the lowest position that a receiver still needs, or at which a sender writes a loan; head if there is neither. Observers
 * need none.
 */
export function slotsGate(segment: Segment, head: number): number {
	const { words } = segment;
	const used = slotsUsed(segment, RECEIVER_SLOTS_USED, segment.maxReceivers);
	let lag = (words[RECORD_KINDS] as number) & (1 << RecordKind.loan) ? lagOfLoans(segment, head) : 0;
	for (let at = segment.receivers, end = at + used * SLOT_WORDS; at < end; at += SLOT_WORDS) {
		// The instance first, as in slots.c.
		if (Atomics.load(words, at + INSTANCE) === 0 || Atomics.load(words, at + OBSERVER) !== 0) continue;
		const behind = (head - Atomics.load(words, at + POSITION)) | 0;
		if (behind > lag) lag = behind; // negative: it has read records newer than `head`
	}
	return (head - lag) | 0;
}

const isDead = (segment: Segment, at: number): boolean => instanceAt(segment, at) !== 0 && !isOwnerAlive(segment, at);

/** Without the name lock, which may not be available: a stopped thread has it, or this process has lost the right to the file. */
function evict(segment: Segment): boolean {
	let dead = 0;
	for (let index = 0; index < allSlots(segment); index++)
		if (reapSlot(segment, segment.receivers + index * SLOT_WORDS) < 0) dead++;
	recount(segment, false);
	return dead > 0;
}

/** Called by a sender that has waited long at `gate`: if a receiver at that position is dead, empties its slot. */
export function evictDeadAt(segment: Segment, gate: number): boolean {
	for (let index = 0; index < segment.maxReceivers; index++) {
		const at = segment.receivers + index * SLOT_WORDS;
		if (segment.words[at + POSITION] === gate && isDead(segment, at)) return evict(segment);
	}
	// Dead senders whose loans are open there.
	const { words, senders } = segment;
	const used = slotsUsed(segment, SENDER_SLOTS_USED, segment.maxSenders);
	for (let at = senders, end = at + used * SLOT_WORDS; at < end; at += SLOT_WORDS)
		if (words[at + HELD] !== 0 && words[at + POSITION] === gate && isDead(segment, at)) return evict(segment);
	return false;
}

/** Empties the slots of dead receivers or handles. True: there was one. */
export function evictDead(segment: Segment): boolean {
	for (let index = 0; index < segment.maxReceivers; index++)
		if (isDead(segment, segment.receivers + index * SLOT_WORDS)) return evict(segment);
	// A receiver that was killed while it left has emptied its slot, and nobody has counted.
	const { count, gated } = countSlots(segment, segment.receivers, segment.maxReceivers);
	if (count !== segment.words[RECEIVER_COUNT] || gated !== segment.words[GATED_COUNT]) recount(segment, false);
	return false;
}

/**
 * For a sender that has read a receiver count of 0: whether a receiver has a slot after all. The count may be that of a thread that
 * was slow, or was killed, while it counted; then it is counted again.
 */
export function isAnyReceiver(segment: Segment): boolean {
	if (countUsed(segment, RECEIVER_SLOTS_USED, segment.receivers, segment.maxReceivers, "count") === 0) return false;
	recount(segment, false);
	return true;
}

/** Empties the slots of dead endpoints, and returns whether an endpoint has joined or left since `seen`, which it updates. */
export function pollSlots(segment: Segment, seen: { instances: number; count: number }): boolean {
	const { words } = segment;
	let dead = evictDead(segment);
	const used = slotsUsed(segment, SENDER_SLOTS_USED, segment.maxSenders);
	for (let index = 0; index < used && !dead; index++)
		dead = isDead(segment, segment.senders + index * SLOT_WORDS) && evict(segment);
	// Each join takes a new instance, and each leave lowers the count.
	const instances = words[NEXT_INSTANCE] as number;
	const count = (words[RECEIVER_COUNT] as number) + (words[SENDER_COUNT] as number);
	const changed = seen.instances !== instances || seen.count !== count;
	seen.instances = instances;
	seen.count = count;
	return changed;
}

function find({ words }: Segment, first: number, count: number, instance: number): number {
	for (let at = first, end = first + count * SLOT_WORDS; at < end; at += SLOT_WORDS)
		if (Atomics.load(words, at + INSTANCE) === instance) return at;
	return -1;
}

/** Whether the handle with that instance belongs to this thread. */
export function heldByThisThread(segment: Segment, instance: number): boolean {
	const used = slotsUsed(segment, RECEIVER_SLOTS_USED, segment.maxReceivers);
	const at = find(segment, segment.receivers, used, instance);
	return at >= 0 && isOwnedByThisThread(segment, at);
}

/** Whether the endpoint with that instance is open and its thread lives. */
export function isAlive(segment: Segment, instance: number): boolean {
	let at = find(segment, segment.senders, segment.maxSenders, instance);
	if (at < 0) at = find(segment, segment.receivers, segment.maxReceivers, instance);
	return at >= 0 && isOwnerAlive(segment, at);
}

/** The sender of a route, for messages to people; with the process id 0 if it has just left. */
export function presentSender(segment: Segment): PresentSender & { readonly isOfThisThread: boolean } {
	const { words, platform } = segment;
	const at = find(segment, segment.senders, segment.maxSenders, Atomics.load(words, CLAIM));
	if (at < 0) return { pid: 0, isHere: false, isOfThisThread: false };
	const pid = words[at + PID] as number;
	const isHere = pid === platform.pid && words[at + PID_NAMESPACE] === platform.self.pidNamespace;
	return { pid, isHere, isOfThisThread: isOwnedByThisThread(segment, at) };
}
