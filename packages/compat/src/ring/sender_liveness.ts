import { headerWord } from "@libipc/protocol";
import { SLICE } from "../segment/event.ts";
import { isOrphaned } from "../segment/orphaned.ts";
import { evictDead } from "../segment/slots.ts";
import type { SenderState } from "./sender_state.ts";

/**
 * How a sender that always finds space notices killed receivers and a lost name: `native/src/sender_liveness.h`, which gives the
 * invariant. It reads the clock after some messages only.
 */

/** The number of the next message: the upper half of head. */
const NUMBER = headerWord.head + 1;

/** At most so many messages lie between two readings of the clock. */
const MOST_MESSAGES = 64;

/** The time between two readings that a sender aims at, in milliseconds. */
const CLOCK = 20;

/** Whether a claim has to read the clock. */
export const isClockDue = (state: SenderState): boolean =>
	(((state.words[NUMBER] as number) - state.clockDue) | 0) >= 0;

/** Reads the clock, and sets when to do so again. True: {@link checkLiveness} is due. */
export function readClock(state: SenderState): boolean {
	const now = state.segment.platform.now();
	const number = state.words[NUMBER] as number;
	const messages = (number - state.clockNumber) >>> 0;
	const passed = now - state.clockReadAt;
	// A clock may be coarse: at most twice as many as there were.
	const next = passed < CLOCK / 2 ? messages * 2 : Math.floor((messages * CLOCK) / passed);
	state.clockNumber = number;
	state.clockDue = (number + Math.max(1, Math.min(next, MOST_MESSAGES))) | 0;
	state.clockReadAt = now;
	return isCheckDue(state, now);
}

const isCheckDue = (state: SenderState, now: number): boolean => now - state.livenessCheckedAt >= SLICE;

/**
 * Empties the slots of dead receivers and looks for a lost name, if {@link SLICE} has passed since the last time. Without the claim:
 * it may take a millisecond.
 */
export function checkLiveness(state: SenderState): void {
	const now = state.segment.platform.now();
	if (!isCheckDue(state, now)) return;
	state.livenessCheckedAt = now;
	if (!isOrphaned(state.segment)) evictDead(state.segment);
}

/** A receiver was asleep: the messages may be far apart, so the next claim reads the clock. */
export function wokeReceiver(state: SenderState): void {
	state.clockDue = state.clockNumber;
}

/** Has the messages of a batch, which were published together, count as one. */
export function countBatch(state: SenderState, messages: number): void {
	state.clockNumber = (state.clockNumber + messages - 1) | 0;
	state.clockDue = (state.clockDue + messages - 1) | 0;
}
