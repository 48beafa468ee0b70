import {
	EventIndex,
	headerWord,
	LEASE_ATTEMPTS,
	LEASE_BYTES,
	LEASE_DELAYED,
	LEASE_DONE,
	LeaseFlag,
	limits,
	ORIGIN_BYTES,
	origin as originField,
	RECORD_BYTES,
	RecordKind,
	Status,
	TakeCheck,
	UNIT,
} from "@libipc/protocol";
import { claimLockSlow, claimTakeOver, claimTryLock, claimUnlock } from "../segment/claim_lock.ts";
import { notify } from "../segment/event.ts";
import { loadInOrder } from "../segment/load_in_order.ts";
import { lowOf, plainLong } from "../segment/long.ts";
import type { Segment } from "../segment/segment.ts";
import { isAlive } from "../segment/slots.ts";
import type { Taken } from "./receiver_state.ts";
import type { RecordBytes, Ring } from "./ring.ts";

/**
 * A queue's messages from the moment they are published until they are done: `native/src/queue.h`, which says why a receiver that
 * is terminated during a take leaves nothing to repair. tail <= cursor <= head. Cursor, tail and leases change under the take
 * lock, with one exception: the holder of a lease ends the lease without it.
 */
const {
	announced: ANNOUNCED,
	cursor: CURSOR,
	head: HEAD,
	maxAttempts: MAX_ATTEMPTS,
	nextDue: NEXT_DUE,
	tail: TAIL,
	takeChecks: TAKE_CHECKS,
	takeClaim: TAKE_CLAIM,
} = headerWord;

/** Of {@link queueTake}: the message was taken, and is not for a receiver but for another queue; see letters.ts. */
export const QUEUE_MOVE = 1;

const LEASED = RECORD_BYTES + LEASE_BYTES;

/** Longer than any holder needs unless it is stopped or loses its processor. Milliseconds. */
const TAKE_PATIENCE = 5;
const PUT_BACK_PATIENCE = 5000;

function lock(segment: Segment, instance: number): boolean {
	// On a busy machine the time may be over before the slow path has asked whether the holder is alive.
	return (
		claimTryLock(segment, TAKE_CLAIM, instance) ||
		claimLockSlow(segment, TAKE_CLAIM, instance, segment.platform.now() + TAKE_PATIENCE) ||
		claimTakeOver(segment, TAKE_CLAIM, instance)
	);
}

/** A retry should not fail because a holder is stopped. But a damaged claim may name a holder that will never give it back. */
function lockPatiently(segment: Segment, instance: number): boolean {
	let deadline = 0;
	while (!lock(segment, instance)) {
		const now = segment.platform.now();
		if (deadline === 0) deadline = now + PUT_BACK_PATIENCE;
		if (now >= deadline) return false;
	}
	return true;
}

function unlock(segment: Segment): void {
	claimUnlock(segment, TAKE_CLAIM);
	notify(segment, EventIndex.claimFree);
}

/** The word of the lease of the record at a position: its holder. The next word counts how often the message was taken. */
const leaseAt = (ring: Ring, position: number): number => (ring.offset(position) + RECORD_BYTES) >> 2;

/** The time in so many milliseconds, as the holder of a delayed message. */
function dueIn(segment: Segment, milliseconds: number): number {
	const due = ((segment.platform.monotonicMs() + milliseconds) % 0x80000000) | 0 | LEASE_DELAYED;
	return due === LEASE_DONE ? due - 1 : due;
}

/** Whether the holder of a lease is the time of a delayed message. */
const isDueTime = (holder: number): boolean => holder < 0 && holder !== LEASE_DONE;

/** Milliseconds until a time; 0: it has passed. What seems to be longer than the longest delay has passed long ago. */
function msUntil(due: number, now: number): number {
	const left = (due - now) & 0x7fffffff;
	return left > limits.maxDelay ? 0 : left;
}

/** The earlier of two times; 0 is no time. */
function earlier(a: number, b: number, now: number): number {
	if (a === 0 || b === 0) return a | b;
	return msUntil(a, now) <= msUntil(b, now) ? a : b;
}

/** The positions of the messages between tail and cursor. It ends before damage. Under the take lock. */
function* passed({ words }: Segment, ring: Ring): Generator<number, void> {
	const cursor = words[CURSOR] as number;
	const head = Atomics.load(words, HEAD);
	for (let position = words[TAIL] as number; position !== cursor; ) {
		const units = read(ring, position, head, false);
		if (units === 0) return;
		if (ring.kind === RecordKind.message) yield position;
		position = (position + units) | 0;
	}
}

/** A message waits to be taken again. Under the take lock. `queue_put_back` in C says why the cursor goes back first, and why this swaps. */
function putBack({ words }: Segment, ring: Ring, position: number, holder: number): void {
	const tail = words[TAIL] as number;
	if (((words[CURSOR] as number) - tail) >>> 0 > (position - tail) >>> 0) Atomics.store(words, CURSOR, position);
	Atomics.compareExchange(ring.words, leaseAt(ring, position), holder, 0);
}

/**
 * Lets the delayed messages before the cursor wait to be taken whose time has come. Under the take lock. `queue_wake_due` in C has the
 * invariant of `nextDue`, and says why it is stored last here.
 */
function wakeDue(segment: Segment, ring: Ring): void {
	const { words } = segment;
	const due = words[NEXT_DUE] as number;
	if (due === 0) return;
	const now = dueIn(segment, 0);
	if (msUntil(due, now) > 0) return;
	let earliest = 0;
	for (const position of passed(segment, ring)) {
		const holder = ring.words[leaseAt(ring, position)] as number;
		if (!isDueTime(holder)) continue;
		if (msUntil(holder, now) > 0) earliest = earlier(earliest, holder, now);
		else putBack(segment, ring, position, holder);
	}
	Atomics.store(words, NEXT_DUE, earliest);
}

/** Before the cursor passes a delayed message. True: its time has come, and it waits to be taken. */
function isDue(segment: Segment, holder: number): boolean {
	const { words } = segment;
	const now = dueIn(segment, 0);
	if (msUntil(holder, now) === 0) return true;
	Atomics.store(words, NEXT_DUE, earlier(words[NEXT_DUE] as number, holder, now));
	return false;
}

/** What ends the payload of a dead letter. */
export interface Origin {
	readonly attempts: number;
	readonly nameBytes: number;
	readonly reasonBytes: number;
	/** All bytes: of the name, the reason and this. */
	readonly total: number;
}

/** Reads and checks what ends the payload of a dead letter, of `length` bytes at `at`. `undefined`: damage. */
export function queueOrigin(ring: Ring, at: number, length: number): Origin | undefined {
	if (length < ORIGIN_BYTES || at + length > ring.bytes.byteLength) return undefined;
	const view = new DataView(ring.bytes.buffer, ring.bytes.byteOffset + at + length - ORIGIN_BYTES, ORIGIN_BYTES);
	const attempts = view.getUint32(originField.attempts, true);
	const nameBytes = view.getUint16(originField.nameBytes, true);
	const reasonBytes = view.getUint16(originField.reasonBytes, true);
	const total = nameBytes + reasonBytes + ORIGIN_BYTES;
	const isValid =
		nameBytes > 0 && nameBytes <= limits.nameBytes && reasonBytes <= limits.reasonBytes && total <= length;
	return isValid ? { attempts, nameBytes, reasonBytes, total } : undefined;
}

/** What a take does with a waiting message of a queue with `takeChecks`; `taken.length` is without the origin then. */
function check(segment: Segment, ring: Ring, lease: number, taken: Taken): number {
	const attempts = ring.words[lease + 1] as number;
	if ((attempts & LeaseFlag.letter) !== 0) {
		const found = queueOrigin(ring, (lease << 2) + LEASE_BYTES, taken.length);
		if (!found) return Status.corrupt;
		taken.length -= found.total;
	}
	const limit = segment.words[MAX_ATTEMPTS] as number;
	const isOver = limit !== 0 && (attempts & LEASE_ATTEMPTS) >= limit;
	return isOver || (attempts & (LeaseFlag.dead | LeaseFlag.back)) !== 0 ? QUEUE_MOVE : 0;
}

/** Reads the record at a position before `head` into `ring.kind` and `ring.length`: its units, or 0 for damage. */
function read(ring: Ring, position: number, head: number, afterOwner: boolean): number {
	const units = ring.read(position, head, afterOwner);
	if (ring.kind === RecordKind.message) return ring.length >= LEASE_BYTES ? units : 0;
	return ring.kind === RecordKind.fragment ? 0 : units;
}

/** Whether the record that was just read at a position is a loan still being written, or the owner record before such a loan. */
function isLent(ring: Ring, position: number, head: number): boolean {
	const { kind } = ring;
	if (kind !== RecordKind.owner) return kind === RecordKind.loan;
	const next = (position + 1) | 0;
	return next !== head && read(ring, next, head, true) !== 0 && ring.kind === RecordKind.loan;
}

/** Writes the lease of a new message. No receiver may look there yet. */
export function queuePutLease(to: RecordBytes, at: number): void {
	to.words[at >> 2] = 0;
	to.words[(at >> 2) + 1] = 0;
}

/** A message's record with its lease, at an offset in a ring or a stage. No receiver may look there yet. */
export function queuePutMessage(to: RecordBytes, at: number, bytes: Uint8Array, length: number): void {
	to.putHeader(at, length + LEASE_BYTES, RecordKind.message);
	queuePutLease(to, at + RECORD_BYTES);
	to.copyIn(at + LEASED, bytes, 0, length);
}

/**
 * Moves the tail past what is done and returns it. It moves past the cursor too, if necessary: messages there may be done
 * already, if a message before them was tried again, or if they were lent and given up. Otherwise their room would be free only
 * after the next take, of which no sender is notified.
 */
export function queueGate(segment: Segment, ring: Ring, instance: number): number {
	const { words } = segment;
	if (!lock(segment, instance)) return words[TAIL] as number;
	const first = words[TAIL] as number;
	const head = Atomics.load(words, HEAD);
	let tail = first;
	let isOwned = false;
	while (tail !== head) {
		const units = read(ring, tail, head, isOwned);
		if (units === 0) break;
		isOwned = ring.kind === RecordKind.owner;
		// The receiver that ended the lease has read the payload.
		const isKept =
			ring.kind === RecordKind.message
				? Atomics.load(ring.words, leaseAt(ring, tail)) !== LEASE_DONE
				: isLent(ring, tail, head);
		if (isKept) break;
		tail = (tail + units) | 0;
	}
	if ((tail - first) >>> 0 > ((words[CURSOR] as number) - first) >>> 0) words[CURSOR] = tail;
	words[TAIL] = tail;
	unlock(segment);
	return tail;
}

/**
 * Takes the oldest waiting message for the receiver `instance`: 0, and `taken` says what it took. `timedOut`: no message waits, or
 * the next one is a loan still being written. {@link QUEUE_MOVE}: see there. `bufferTooSmall`: the message is longer than `most`, and stays; `taken.length` is its
 * length. With -1 for `most` this only finds the length.
 */
export function queueTake(segment: Segment, ring: Ring, instance: number, most: number, taken: Taken): number {
	const { words } = segment;
	if (!lock(segment, instance)) return Status.timedOut;
	// The checks after head: a bit is added before the first message that needs it is published.
	const head = Atomics.load(words, HEAD);
	const checks = words[TAKE_CHECKS] as number;
	if ((checks & TakeCheck.delays) !== 0) wakeDue(segment, ring);
	const first = words[CURSOR] as number;
	let position = first;
	let status: number = Status.timedOut;
	let isOwned = false; // the record before was an owner record
	while (position !== head) {
		const units = read(ring, position, head, isOwned);
		if (units === 0 || (ring.kind === RecordKind.loan && !isOwned)) {
			status = Status.corrupt;
			break;
		}
		if (ring.kind === RecordKind.loan) {
			position = (position - 1) | 0; // back to the owner record, where the next take begins
			break;
		}
		const lease = leaseAt(ring, position);
		if (ring.kind === RecordKind.message) {
			const holder = ring.words[lease] as number;
			if (holder === 0 || (isDueTime(holder) && isDue(segment, holder))) {
				taken.length = ring.length - LEASE_BYTES;
				status = checks === 0 ? 0 : check(segment, ring, lease, taken);
				if (status === 0 && taken.length > most) status = Status.bufferTooSmall;
				if (status < 0) break;
				taken.offset = ring.offset(position) + LEASED;
				const attempts = ring.words[lease + 1] as number;
				const counted = (attempts & LEASE_ATTEMPTS) < LEASE_ATTEMPTS && status === 0 ? attempts + 1 : attempts;
				taken.attempt = counted & LEASE_ATTEMPTS;
				ring.words[lease + 1] = counted;
				ring.words[lease] = instance; // the take lock orders it
				position = (position + units) | 0;
				break;
			}
		}
		isOwned = ring.kind === RecordKind.owner;
		position = (position + units) | 0;
	}
	if (position !== first) words[CURSOR] = position;
	// Damage: it would end each wait at once. See queue.c.
	if (status === Status.timedOut && (checks & TakeCheck.delays) === 0 && words[NEXT_DUE] !== 0) words[NEXT_DUE] = 0;
	unlock(segment);
	return status;
}

/** Whether a {@link queueTake} may succeed: a hint that is sometimes true without reason, but never false without reason. */
export function queueHasSome(segment: Segment, ring: Ring, instance: number): boolean {
	const { words } = segment;
	if (queueNextDue(segment) === 0) return true;
	if (loadInOrder(words, CURSOR) === loadInOrder(words, HEAD)) return false;
	// Under the lock, because the record could be overwritten while it is read. If another endpoint has the lock, the take will tell.
	if (!claimTryLock(segment, TAKE_CLAIM, instance)) return true;
	const cursor = words[CURSOR] as number;
	const head = Atomics.load(words, HEAD);
	const some = cursor !== head && (read(ring, cursor, head, false) === 0 || !isLent(ring, cursor, head));
	unlock(segment);
	return some;
}

/** Whether there is no record at all. {@link queueHasSome} is false also if the next message is a loan still being written. */
export const queueIsEmpty = ({ words }: Segment): boolean => loadInOrder(words, CURSOR) === loadInOrder(words, HEAD);

/** The word of the lease of the message at `offset`, or -1. */
const findLease = (segment: Segment, offset: number): number =>
	offset % UNIT !== 0 || offset < LEASED || offset > segment.capacity ? -1 : (offset - LEASE_BYTES) >> 2;

/** Milliseconds until the first delayed message may be taken; -1: there is none. It may be too early. */
export function queueNextDue(segment: Segment): number {
	const due = segment.words[NEXT_DUE] as number;
	return due === 0 ? -1 : msUntil(due, dueIn(segment, 0));
}

/** From now on takes look at these. Stored after what they are about. */
export function queueAddChecks({ words }: Segment, checks: number): void {
	if (((words[TAKE_CHECKS] as number) & checks) !== checks) Atomics.or(words, TAKE_CHECKS, checks);
}

/** The position of a record that is not done: of all positions with this offset the one between tail and head. */
function positionOf({ words }: Segment, ring: Ring, offset: number): number {
	const tail = words[TAIL] as number;
	return (tail + (((offset - LEASED) / UNIT - tail) & (ring.units - 1))) | 0;
}

/** A lease of the receiver `instance`: its word, the position of its record in 64 bits, and the length of all that follows the lease. */
export function queueLease(
	segment: Segment,
	ring: Ring,
	instance: number,
	offset: number,
): { lease: number; position: number; length: number } | undefined {
	const lease = findLease(segment, offset);
	if (lease < 0 || (ring.words[lease] as number) !== instance) return undefined;
	const position = positionOf(segment, ring, offset);
	const units = read(ring, position, Atomics.load(segment.words, HEAD), false);
	if (units === 0 || ring.kind !== RecordKind.message) return undefined;
	const announced = plainLong(segment.words, ANNOUNCED);
	const wide = announced + ((position - lowOf(announced)) | 0);
	return { lease, position: wide, length: ring.length - LEASE_BYTES };
}

/** Ends a lease of the receiver `instance`. `invalidArgument`: the lease is not its own. */
export function queueDone(segment: Segment, ring: Ring, instance: number, offset: number): number {
	const lease = findLease(segment, offset);
	// A swap, after the reads of the message: from here on the message may be overwritten.
	if (lease < 0 || Atomics.compareExchange(ring.words, lease, instance, LEASE_DONE) !== instance)
		return Status.invalidArgument;
	notify(segment, EventIndex.space);
	return 0;
}

/** Puts a message back so that it is taken again, after `delay` milliseconds. `busy`: a stopped thread holds the take lock. */
export function queueRetry(segment: Segment, ring: Ring, instance: number, offset: number, delay: number): number {
	const { words } = segment;
	const lease = findLease(segment, offset);
	if (lease < 0 || (ring.words[lease] as number) !== instance) return Status.invalidArgument;
	if (!lockPatiently(segment, instance)) return Status.busy;
	if (delay > 0) {
		const due = dueIn(segment, delay);
		queueAddChecks(segment, TakeCheck.delays);
		Atomics.store(words, NEXT_DUE, earlier(words[NEXT_DUE] as number, due, dueIn(segment, 0)));
		Atomics.store(ring.words, lease, due);
	} else {
		putBack(segment, ring, positionOf(segment, ring, offset), instance);
	}
	unlock(segment);
	notify(segment, EventIndex.data); // of a delay, too: a receiver that waits has to wake for it
	return 0;
}

/** Ends the leases of dead receivers, and of `leaving`, between tail and cursor, so that their messages wait again. Under the take lock. */
function giveBack(segment: Segment, ring: Ring, leaving: number): boolean {
	let alive = 0;
	let some = false;
	for (const position of passed(segment, ring)) {
		const holder = ring.words[leaseAt(ring, position)] as number;
		if (holder <= 0 || holder === alive) continue; // none, a time, or done
		if (holder !== leaving && isAlive(segment, holder)) {
			alive = holder;
			continue;
		}
		putBack(segment, ring, position, holder);
		some = true;
	}
	return some;
}

/** Turns a loan at the cursor into padding if its lender is gone. Under the take lock. */
function endLoanOfDead(segment: Segment, ring: Ring): boolean {
	const { words } = segment;
	const cursor = words[CURSOR] as number;
	const head = Atomics.load(words, HEAD);
	if (cursor === head || read(ring, cursor, head, false) !== 1) return false;
	const { kind, length: owner } = ring;
	if (kind !== RecordKind.owner) return false;
	const next = (cursor + 1) | 0;
	if (next === head || read(ring, next, head, true) === 0 || ring.kind !== RecordKind.loan) return false;
	if (isAlive(segment, owner)) return false;
	const word = (ring.offset(next) >> 2) + 1;
	return Atomics.compareExchange(ring.words, word, RecordKind.loan, RecordKind.padding) === RecordKind.loan;
}

/**
 * Ends the leases of dead receivers, and of `leaving` (0: of no other), so that their messages wait again. A loan at the cursor
 * becomes padding if its lender is gone. True: there was something to do.
 */
export function queueRecover(segment: Segment, ring: Ring, instance: number, leaving: number): boolean {
	if (!lock(segment, instance)) return false;
	const gaveBack = giveBack(segment, ring, leaving);
	const some = endLoanOfDead(segment, ring) || gaveBack;
	unlock(segment);
	if (!some) return false;
	notify(segment, EventIndex.data);
	notify(segment, EventIndex.space); // of the loan
	return true;
}
