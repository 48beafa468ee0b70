import { EventIndex, headerWord, RecordKind, Status, slotWord } from "@libipc/protocol";
import { asleepSince, deadlineAfter, FIRST_SLICE, PASSED, prepare, SLICE, sleep } from "../segment/event.ts";
import { isOrphaned } from "../segment/orphaned.ts";
import { isAlive } from "../segment/slots.ts";
import { isOverrunDue } from "./overrun.ts";
import { queueHasSome, queueIsEmpty, queueNextDue, queueRecover } from "./queue.ts";
import type { Found, ReceiverState } from "./receiver_state.ts";

/** Waits for a message: `native/src/receiver_read.c`. */
const { orphaned: ORPHANED } = headerWord;
const { asleep: ASLEEP, since: SINCE } = slotWord;

/** The word of the kind of the record at the position. */
const kindWord = (state: ReceiverState): number => (state.ring.offset(state.position) >> 2) + 1;

/** Whether there is a record at the position that is not a loan still being written. */
function hasReady(state: ReceiverState): boolean {
	if (state.isQueue) return queueHasSome(state.segment, state.ring, state.instance);
	if (!state.hasMore()) return false;
	if (Atomics.load(state.ring.words, kindWord(state)) !== RecordKind.loan) return true;
	// What lies at the position of an observer may be anything by now: then it tries, which finds out.
	return state.isOverrun && (state.abandoned === state.lender || state.lender === 0 || isOverrunDue(state));
}

/**
 * Called after a long wait. A loan at the position becomes padding if its owner is gone, which need not mean dead: a sender that
 * closes leaves its open loans behind. In a queue, the messages that dead receivers had taken wait to be taken again.
 */
function recover(state: ReceiverState): void {
	if (state.isQueue) {
		queueRecover(state.segment, state.ring, state.instance, 0);
		return;
	}
	if (!state.hasMore() || hasReady(state) || isAlive(state.segment, state.lender)) return;
	if (state.isOverrun) {
		// What lies at the position may be another record by now, so an observer only passes over the loan.
		state.abandoned = state.lender;
		return;
	}
	Atomics.compareExchange(state.ring.words, kindWord(state), RecordKind.loan, RecordKind.padding);
}

const isEmpty = (state: ReceiverState): boolean => (state.isQueue ? queueIsEmpty(state.segment) : !state.hasMore());

const isMarkedOrphaned = (state: ReceiverState): boolean => Atomics.load(state.words, ORPHANED) !== 0;

/**
 * A receiver that never waits must notice dead peers and a name that leads to another segment too, but not each time. Why one that
 * always finds a message need not: `native/src/receiver_read.c`.
 */
export function pollSegment(state: ReceiverState): void {
	const now = state.segment.platform.now();
	if (now - state.polledAt < SLICE) return;
	state.polledAt = now;
	recover(state);
	isOrphaned(state.segment);
}

/** The poll of an event loop, for a wake-up that was lost: whether there is reason to try. */
export function pollForData(state: ReceiverState): boolean {
	state.polledAt = -Infinity; // now, however short the time since the last poll
	state.enter();
	pollSegment(state);
	const isReady = isMarkedOrphaned(state) || hasReady(state);
	state.leave();
	return isReady;
}

/** How long to sleep: not past the time of a delayed message. */
function sliceOf(state: ReceiverState, slice: number): number {
	const due = state.isQueue ? queueNextDue(state.segment) : -1;
	return due < 0 ? slice : Math.min(slice, due + 1);
}

/** Pauses until there is a record; false: it is time to sleep. */
function pauseForData(state: ReceiverState): boolean {
	const backoff = state.backoff.restart();
	do {
		if (!hasReady(state)) continue;
		state.sleeps.record(false);
		return true;
	} while (backoff.pause());
	state.sleeps.record(true);
	return false;
}

/**
 * Waits for a record: 0, `timedOut`, or `orphaned` when nothing more can come. The record need not be a message, and another
 * receiver may take it. So a call may wait several times; `found.until` says when all its waits end.
 */
export function waitForData(state: ReceiverState, found: Found, timeout: number): number {
	const { segment } = state;
	const { platform } = segment;
	if (found.until !== 0 && found.until !== Infinity && platform.now() >= found.until) return Status.timedOut;
	if (found.until === 0) found.until = timeout === 0 ? -Infinity : deadlineAfter(segment, timeout);
	if (timeout === 0) {
		pollSegment(state);
		if (hasReady(state)) return 0;
		return isMarkedOrphaned(state) && isEmpty(state) ? Status.orphaned : Status.timedOut;
	}
	if (state.sleeps.pauses() && pauseForData(state)) return 0;
	let slice = FIRST_SLICE;
	for (;;) {
		const seen = prepare(segment, EventIndex.data);
		if (hasReady(state)) return 0;
		if (isEmpty(state) && isOrphaned(segment)) return isEmpty(state) ? Status.orphaned : 0;
		if (platform.now() >= found.until) return Status.timedOut;
		if (slice === FIRST_SLICE) state.words[state.slot + SINCE] = asleepSince(segment);
		state.words[state.slot + ASLEEP] = 1;
		const longest = isEmpty(state) ? SLICE : slice;
		if (sleep(segment, EventIndex.data, seen, found.until, sliceOf(state, longest))) found.until = PASSED;
		state.words[state.slot + ASLEEP] = 0;
		if (hasReady(state)) return 0;
		recover(state);
		slice = SLICE;
	}
}
