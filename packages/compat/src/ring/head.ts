import { EventIndex, headerWord, MARKS, Status, slotWord } from "@libipc/protocol";
import { claimLockSlow, claimTakeOver, claimTryLock, claimUnlock } from "../segment/claim_lock.ts";
import { asleepSince, deadlineAfter, FIRST_SLICE, notify, prepare, SLICE, sleep, wake } from "../segment/event.ts";
import { loadInOrder } from "../segment/load_in_order.ts";
import { highOf, lowOf, plainLong, storeLong } from "../segment/long.ts";
import { marksAdd, marksLastNumber, marksLastPosition } from "../segment/marks.ts";
import { isOrphaned } from "../segment/orphaned.ts";
import { evictDead, evictDeadAt, isAnyReceiver, slotsGate } from "../segment/slots.ts";
import { queueGate } from "./queue.ts";
import { checkLiveness, isClockDue, readClock, wokeReceiver } from "./sender_liveness.ts";
import type { Claimed, SenderState } from "./sender_state.ts";

/**
 * Claims the head of a ring and publishes what was written there: the middle of `native/src/sender.c`, which gives the reasons.
 * Everything before head is whole records, whenever a sender is terminated.
 */
const {
	announced: ANNOUNCED,
	claim: CLAIM,
	head: HEAD,
	orphaned: ORPHANED,
	receiverCount: RECEIVER_COUNT,
	tail: TAIL,
	writeLimit: WRITE_LIMIT,
} = headerWord;
const { asleep: ASLEEP, lost: LOST, since: SINCE } = slotWord;
const DATA_FLAG: number = headerWord.eventFlags + EventIndex.data;
const CLAIM_FREE_FLAG: number = headerWord.eventFlags + EventIndex.claimFree;

/**
 * After so many waits without success a sender keeps the claim while it waits. Otherwise small messages of other senders could
 * take all space for ever.
 */
const PATIENT_WAITS = 3;

/** One store of both: a receiver that joins takes both, and computes from the count what it has missed. */
function storeBoth({ headHalves, headLong, segment }: SenderState, position: number, count: number): void {
	headHalves[0] = position;
	headHalves[1] = count;
	Atomics.store(segment.longs, HEAD >> 1, headLong[0] as bigint);
}

/** Moves head to a position, past so many more messages. */
export function moveHead(state: SenderState, position: number, messages: number): void {
	const { words } = state;
	state.publishesToClock--;
	const count = (words[HEAD + 1] as number) + messages;
	if (state.overwrites) {
		storeBoth(state, position, count);
		return;
	}
	// A sender that is killed between the two stores leaves the count too high by `messages`: the next one counts again. Observers
	// that join do not read it here. One store of both needs a BigInt, which costs as much as all the rest.
	words[HEAD + 1] = count;
	Atomics.store(words, HEAD, position);
}

/** Publishes what lies before a position, with so many more messages, releases the claim, and wakes the waiters for either. */
export function publish(state: SenderState, position: number, messages: number): void {
	const { words } = state;
	moveHead(state, position, messages);
	if (!state.isOnly) Atomics.store(words, CLAIM, 0);
	// This load keeps the load of the next line behind the stores.
	if (loadInOrder(words, DATA_FLAG) !== 0) wakeReceivers(state);
	if (!state.isOnly && words[CLAIM_FREE_FLAG] !== 0) wake(state.segment, EventIndex.claimFree);
}

function wakeReceivers(state: SenderState): void {
	wake(state.segment, EventIndex.data);
	wokeReceiver(state);
}

/** The same without waking receivers, for they cannot read anything yet. */
export function publishQuietly(state: SenderState, position: number, messages: number): void {
	moveHead(state, position, messages);
	giveBackClaim(state);
}

/** Gives the claim back, and wakes a sender that waits for it. */
export function giveBackClaim(state: SenderState): void {
	if (state.isOnly) return;
	claimUnlock(state.segment, CLAIM);
	notify(state.segment, EventIndex.claimFree);
}

/** The lowest position whose bytes are still needed. */
function gate(state: SenderState, head: number): number {
	if (state.leaseBytes > 0) return queueGate(state.segment, state.ring, state.instance);
	return slotsGate(state.segment, head);
}

/**
 * Asks the gate and returns the room at `position`: at least `units`, if there are so many, and otherwise up to an eighth of the
 * ring. Under the claim. Leaves a mark if one is due. The announcement comes before the gate's loads: see `slots_take_position` in
 * slots.c. It is not a write limit yet, because a sender may be killed between the announcement and the gate.
 */
function recomputeWriteLimit(state: SenderState, position: number, units: number): number {
	const { segment, words, ring } = state;
	const { longs } = segment;
	const ahead = Math.max(ring.units >> 3, units);
	const announced = plainLong(words, ANNOUNCED);
	const here = announced + ((position - lowOf(announced)) | 0);
	const sinceMark = here - marksLastPosition(segment);
	// In a full ring this runs for every message. Marks that close together would not reach round the ring.
	// But the last mark always lies at most a ring before what is announced: a receiver that was overrun continues there.
	if (state.overwrites || sinceMark < 0 || sinceMark >= ring.units / MARKS || sinceMark + ahead > ring.units) {
		const number = marksLastNumber(segment);
		marksAdd(segment, here, number + (((words[HEAD + 1] as number) - lowOf(number)) | 0));
	}
	// A thread that sees the announcement sees the mark.
	if (announced < here + ahead) storeLong(words, longs, ANNOUNCED, here + ahead);
	if (state.overwrites) {
		words[WRITE_LIMIT] = position + ahead;
		// This load stays behind the store, and before the writes into the ring: a thread that reads one of those sees the announcement.
		Atomics.load(words, ANNOUNCED);
		return ahead;
	}
	let room = ((words[WRITE_LIMIT] as number) - position) >>> 0;
	const used = (position - gate(state, position)) >>> 0;
	const seen = Math.min(used < ring.units ? ring.units - used : 0, ahead);
	// A receiver that is just joining may show any older position for a moment. What was known before stays true.
	if (seen > room) {
		room = seen;
		words[WRITE_LIMIT] = position + room;
	}
	storeLong(words, longs, ANNOUNCED, here + room);
	return room;
}

/** Whether the ring can take a message at all: 0, or the reason why not. */
function check(state: SenderState): number {
	const { words } = state;
	if ((words[ORPHANED] as number) !== 0) return state.segment.result(Status.orphaned);
	return state.needsReceivers && (words[RECEIVER_COUNT] as number) === 0 ? Status.noReceivers : 0;
}

/** `check` before a refusal: without receivers only if none has a slot, whatever the count is. */
function checkSlots(state: SenderState): number {
	const status = check(state);
	return status === Status.noReceivers && isAnyReceiver(state.segment) ? 0 : status;
}

/**
 * A queue's tail lies within a ring's length before head. A tail elsewhere is damage: it would promise room that does not exist,
 * and the sender would try for ever. Under the claim.
 */
const isTailDamaged = (state: SenderState, head: number): boolean =>
	state.leaseBytes > 0 && (head - (state.words[TAIL] as number)) >>> 0 > state.ring.units;

/** Waits until the receivers need less than now: the next slice, or -1 when the deadline has passed, or a signal ends the call early. */
function waitForSpace(state: SenderState, head: number, units: number, slice: number, deadline: number): number {
	const { segment, words, ring } = state;
	const backoff = state.backoff.restart();
	let needed: number;
	do {
		needed = gate(state, head);
		if (((needed + ring.units - (head + units)) | 0) >= 0 || check(state) !== 0) return slice;
	} while (backoff.pause());
	if (segment.platform.now() >= deadline) return -1;
	const seen = prepare(segment, EventIndex.space);
	if (gate(state, head) !== needed || check(state) !== 0) return slice;
	if (slice === FIRST_SLICE) words[state.slot + SINCE] = asleepSince(segment);
	words[state.slot + ASLEEP] = 1;
	const endsEarly = sleep(segment, EventIndex.space, seen, deadline, slice);
	words[state.slot + ASLEEP] = 0;
	isOrphaned(segment);
	evictDeadAt(segment, needed);
	return endsEarly && gate(state, head) === needed ? -1 : SLICE;
}

/**
 * A sender that waits looks now and then for dead peers and for a name that leads to another segment. A sender that never waits
 * must do so too, but not each time.
 */
function isTimeToReap(state: SenderState): boolean {
	const now = state.segment.platform.now();
	if (now - state.reapedAt < SLICE) return false;
	state.reapedAt = now;
	return true;
}

/**
 * Claims the head with room for so many units at it: `ipc_sender_claim`. Writes padding first if they would straddle the ring's
 * end. 0: the claim is held, and `claimed.at` and `claimed.room` say where to write and how much.
 */
export function claimHead(state: SenderState, claimed: Claimed, units: number, timeout: number): number {
	const { words, ring } = state;
	const isRefused = words[ORPHANED] !== 0 || (state.needsReceivers && words[RECEIVER_COUNT] === 0);
	if (isRefused || !(state.isOnly || Atomics.compareExchange(words, CLAIM, 0, state.instance) === 0))
		return claimSlowly(state, claimed, units, timeout, false);
	const head = words[HEAD] as number;
	const room = ((words[WRITE_LIMIT] as number) - head) >>> 0;
	// The common case: the write limit is far enough.
	if (units > room || room > ring.units || ring.padding(head, units) > 0 || state.publishesToClock <= 0)
		return claimSlowly(state, claimed, units, timeout, true);
	claimed.at = head;
	claimed.room = room;
	return 0;
}

/** `ipc_sender_claim_slow`. `isHeld`: the caller has taken the claim already. */
function claimSlowly(state: SenderState, claimed: Claimed, units: number, timeout: number, isHeld: boolean): number {
	const { segment, words, ring } = state;
	let slice = FIRST_SLICE;
	let held = isHeld;
	for (let waits = 0; ; waits++) {
		const status = checkSlots(state);
		if (status !== 0) {
			if (held) giveBackClaim(state);
			return status === Status.noReceivers && isTimeToReap(state) && isOrphaned(segment) ? Status.orphaned : status;
		}
		if (!held) {
			const refused = lockClaim(state, claimed, timeout);
			if (refused !== 0) return refused;
		}
		if (isClockDue(state) && readClock(state)) {
			giveBackClaim(state);
			held = false;
			checkLiveness(state);
			continue;
		}
		const head = words[HEAD] as number; // the claim ordered it
		const padding = ring.padding(head, units);
		const known = ((words[WRITE_LIMIT] as number) - head) >>> 0;
		const room = padding + units <= known ? known : recomputeWriteLimit(state, head, padding + units);
		if (room > ring.units) {
			giveBackClaim(state);
			return Status.corrupt; // head and write limit are further apart than the ring is long
		}
		if (padding + units <= room) {
			if (padding > 0) ring.putPadding(head, padding);
			claimed.at = (head + padding) | 0;
			claimed.room = room - padding;
			return 0;
		}
		if (isTailDamaged(state, head)) {
			giveBackClaim(state);
			return Status.corrupt;
		}
		held = timeout !== 0 && state.waits && waits >= PATIENT_WAITS;
		if (!held) giveBackClaim(state);
		if (timeout === 0 || !state.waits) {
			const refused = state.waits ? Status.timedOut : Status.dropped;
			state.awaitsClaim = false;
			if (!isTimeToReap(state)) return refused;
			if (isOrphaned(segment)) return Status.orphaned;
			if (!evictDeadAt(segment, gate(state, head))) return refused;
			continue;
		}
		if (claimed.deadline === 0) claimed.deadline = deadlineAfter(segment, timeout);
		slice = waitForSpace(state, head, padding + units, slice, claimed.deadline);
		if (slice < 0) {
			if (held) giveBackClaim(state);
			return Status.timedOut;
		}
	}
}

/** Takes the claim, from a dead owner if necessary: 0, or the reason why not. */
function lockClaim(state: SenderState, claimed: Claimed, timeout: number): number {
	const { segment, instance } = state;
	if (state.isOnly || claimTryLock(segment, CLAIM, instance)) return 0;
	if (timeout !== 0 && claimed.deadline === 0) claimed.deadline = deadlineAfter(segment, timeout);
	if (claimLockSlow(segment, CLAIM, instance, claimed.deadline)) return 0;
	state.awaitsClaim = true;
	if (timeout !== 0 || !isTimeToReap(state)) return Status.timedOut;
	if (isOrphaned(segment)) return Status.orphaned;
	return claimTakeOver(segment, CLAIM, instance) ? 0 : Status.timedOut;
}

/** The units that could be written now. A guess: without the claim, others may be sending. */
export function freeUnits(state: SenderState): number {
	const head = Atomics.load(state.words, HEAD);
	const used = (head - gate(state, head)) >>> 0;
	return used < state.ring.units ? state.ring.units - used : 0;
}

/** The status of a send that finds no room and does not wait, or the reason why nothing could be sent in any case. */
export function refusal(state: SenderState): number {
	const status = checkSlots(state);
	if (status !== 0) return status;
	state.awaitsClaim = false;
	if (isTimeToReap(state)) {
		if (isOrphaned(state.segment)) return Status.orphaned;
		evictDead(state.segment);
	}
	return state.waits ? Status.timedOut : Status.dropped;
}

/**
 * The answer of a call that did not send `messages` of its messages: `ipc_sender_refuse`. Those that the ring had no room for
 * (`dropped`) are counted in the slot of the sender, for `list()`. Plain stores: the sender alone writes the count, and `list()` alone
 * reads it, by halves that need not belong together. Terminated before, the count is too small.
 */
export function refuse({ segment, words, slot }: SenderState, status: number, messages: number): number {
	if (status === Status.dropped) {
		const lost = plainLong(words, slot + LOST) + messages;
		words[slot + LOST] = lowOf(lost);
		words[slot + LOST + 1] = highOf(lost);
	}
	return segment.result(status);
}
