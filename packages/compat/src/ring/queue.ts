import {
	EventIndex,
	headerWord,
	LEASE_BYTES,
	LEASE_DONE,
	RECORD_BYTES,
	RecordKind,
	Status,
	UNIT,
} from "@libipc/protocol";
import { claimLockSlow, claimTakeOver, claimTryLock, claimUnlock } from "../segment/claim_lock.ts";
import { notify } from "../segment/event.ts";
import { loadInOrder } from "../segment/load_in_order.ts";
import type { Segment } from "../segment/segment.ts";
import { isAlive } from "../segment/slots.ts";
import type { Taken } from "./receiver_state.ts";
import type { RecordBytes, Ring } from "./ring.ts";

/**
 * A queue's messages from the moment they are published until they are done: `native/src/queue.h`, which says why a receiver that
 * is terminated during a take leaves nothing to repair. tail <= cursor <= head. Cursor, tail and leases change under the take
 * lock, with one exception: the holder of a lease ends the lease without it.
 */
const { cursor: CURSOR, head: HEAD, tail: TAIL, takeClaim: TAKE_CLAIM } = headerWord;
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
 * the next one is a loan still being written. `bufferTooSmall`: the message is longer than `most`, and stays; `taken.length` is its
 * length. With -1 for `most` this only finds the length.
 */
export function queueTake(segment: Segment, ring: Ring, instance: number, most: number, taken: Taken): number {
	const { words } = segment;
	if (!lock(segment, instance)) return Status.timedOut;
	const head = Atomics.load(words, HEAD);
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
		if (ring.kind === RecordKind.message && (ring.words[lease] as number) === 0) {
			taken.length = ring.length - LEASE_BYTES;
			if (taken.length > most) {
				status = Status.bufferTooSmall;
				break;
			}
			taken.offset = ring.offset(position) + LEASED;
			taken.attempt = ((ring.words[lease + 1] as number) + 1) >>> 0;
			ring.words[lease + 1] = taken.attempt;
			ring.words[lease] = instance; // the take lock orders it
			position = (position + units) | 0;
			status = 0;
			break;
		}
		isOwned = ring.kind === RecordKind.owner;
		position = (position + units) | 0;
	}
	if (position !== first) words[CURSOR] = position;
	unlock(segment);
	return status;
}

/** Whether a {@link queueTake} may succeed: a hint that is sometimes true without reason, but never false without reason. */
export function queueHasSome(segment: Segment, ring: Ring, instance: number): boolean {
	const { words } = segment;
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

/** Ends a lease of the receiver `instance`. `invalidArgument`: the lease is not its own. */
export function queueDone(segment: Segment, ring: Ring, instance: number, offset: number): number {
	const lease = findLease(segment, offset);
	// A swap, after the reads of the message: from here on the message may be overwritten.
	if (lease < 0 || Atomics.compareExchange(ring.words, lease, instance, LEASE_DONE) !== instance)
		return Status.invalidArgument;
	notify(segment, EventIndex.space);
	return 0;
}

/** Puts a message back so that it is taken again. `busy`: a stopped thread holds the take lock. */
export function queueRetry(segment: Segment, ring: Ring, instance: number, offset: number): number {
	const { words } = segment;
	const lease = findLease(segment, offset);
	if (lease < 0 || (ring.words[lease] as number) !== instance) return Status.invalidArgument;
	if (!lockPatiently(segment, instance)) return Status.busy;
	const unit = (offset - LEASED) / UNIT;
	const tail = words[TAIL] as number;
	// The position of the record: of all positions with this offset the one between tail and cursor.
	const position = (tail + ((unit - tail) & (ring.units - 1))) | 0;
	if (((words[CURSOR] as number) - tail) >>> 0 > (position - tail) >>> 0) words[CURSOR] = position;
	ring.words[lease] = 0;
	unlock(segment);
	notify(segment, EventIndex.data);
	return 0;
}

/** Ends the leases of dead receivers, and of `leaving`, between tail and cursor, so that their messages wait again. Under the take lock. */
function giveBack(segment: Segment, ring: Ring, leaving: number): boolean {
	const { words } = segment;
	const cursor = words[CURSOR] as number;
	const head = Atomics.load(words, HEAD);
	let alive = 0;
	let some = false;
	for (let at = words[TAIL] as number; at !== cursor; ) {
		const units = read(ring, at, head, false);
		if (units === 0) break;
		const lease = leaseAt(ring, at);
		const holder = ring.words[lease] as number;
		const isHeld = ring.kind === RecordKind.message && holder !== 0 && holder !== LEASE_DONE && holder !== alive;
		if (isHeld && holder !== leaving && isAlive(segment, holder)) {
			alive = holder;
		} else if (isHeld) {
			// The cursor first. If the thread is killed before the swap, takes skip this message, and the next recovery finds it.
			if (!some) Atomics.store(words, CURSOR, at);
			some = true;
			Atomics.compareExchange(ring.words, lease, holder, 0);
		}
		at = (at + units) | 0;
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
