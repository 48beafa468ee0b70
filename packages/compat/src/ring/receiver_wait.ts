import { EventIndex, headerWord, RecordKind, Status, slotWord } from "@libipc/protocol";
import { deadlineAfter, FIRST_SLICE, prepare, SLICE, sleep } from "../segment/event.ts";
import { isAlive } from "../segment/slots.ts";
import { queueHasSome, queueIsEmpty, queueRecover } from "./queue.ts";
import type { ReceiverState } from "./receiver_state.ts";

/** Pollable for a message: the end of `native/src/receiver.c`. */
const { orphaned: ORPHANED } = headerWord;
const { asleep: ASLEEP } = slotWord;

const LOOKS_PER_NAME = 4;

/** The word of the kind of the record at our position. */
const kindWord = (state: ReceiverState): number => (state.ring.offset(state.position) >> 2) + 1;

/** Whether there is a record at position that is not a loan still being written. */
export function hasReady(state: ReceiverState): boolean {
	if (state.isQueue) return queueHasSome(state.segment, state.ring, state.instance);
	if (!state.hasMore()) return false;
	// No loans there, and what lies at position may be anything by now.
	if (state.isOverrun) return true;
	return Atomics.load(state.ring.words, kindWord(state)) !== RecordKind.loan;
}

/**
 * Called after a long wait: a loan at position whose owner is gone becomes padding. The owner may be gone without being dead
 * (it closed): then it left the loan behind. Of a queue, what dead receivers were at work on waits again.
 */
function recover(state: ReceiverState): void {
	if (state.isQueue) {
		queueRecover(state.segment, state.ring, state.instance, 0);
		return;
	}
	if (!state.hasMore() || hasReady(state) || isAlive(state.segment, state.lender)) return;
	Atomics.compareExchange(state.ring.words, kindWord(state), RecordKind.loan, RecordKind.padding);
}

const isEmpty = (state: ReceiverState): boolean => (state.isQueue ? queueIsEmpty(state.segment) : !state.hasMore());

const isMarkedOrphaned = (state: ReceiverState): boolean => Atomics.load(state.words, ORPHANED) !== 0;

/** Who never waits must notice the dead and a name that leads elsewhere too, but not ask every time. */
export function pollSegment(state: ReceiverState): void {
	const now = state.segment.platform.now();
	if (now - state.polledAt < SLICE) return;
	state.polledAt = now;
	recover(state);
	// Asking for the name costs most of it, and only tells that somebody deleted it by hand: clear() tells by itself.
	if (state.polls++ % LOOKS_PER_NAME === 0) state.segment.isOrphaned();
}

/** What an event loop is told that was not signalled: whether there is reason to try. */
export function pollForData(state: ReceiverState): boolean {
	state.polledAt = -Infinity; // now, however soon after the last
	pollSegment(state);
	return isMarkedOrphaned(state) || hasReady(state);
}

/**
 * Waits for a record: 0, `timedOut`, or `orphaned` when nothing more can come. What comes need not be a message, or not for
 * us: `state.until` is 0 at first, then when all waits for one message end.
 */
export function waitForData(state: ReceiverState, timeout: number): number {
	const { segment } = state;
	const { platform } = segment;
	if (state.until !== 0 && state.until !== Infinity && platform.now() >= state.until) return Status.timedOut;
	if (state.until === 0) state.until = timeout === 0 ? -Infinity : deadlineAfter(segment, timeout);
	if (timeout === 0) {
		pollSegment(state);
		if (hasReady(state)) return 0;
		return isMarkedOrphaned(state) && isEmpty(state) ? Status.orphaned : Status.timedOut;
	}
	const backoff = state.backoff.restart();
	do if (hasReady(state)) return 0;
	while (backoff.pause());
	let slice = FIRST_SLICE;
	for (;;) {
		const seen = prepare(segment, EventIndex.data);
		if (hasReady(state)) return 0;
		if (isEmpty(state) && segment.isOrphaned()) return isEmpty(state) ? Status.orphaned : 0;
		if (platform.now() >= state.until) return Status.timedOut;
		state.words[state.slot + ASLEEP] = 1;
		sleep(segment, EventIndex.data, seen, state.until, isEmpty(state) ? SLICE : slice);
		state.words[state.slot + ASLEEP] = 0;
		if (hasReady(state)) return 0;
		recover(state);
		slice = SLICE;
	}
}
