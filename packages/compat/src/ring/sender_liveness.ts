import { SLICE } from "../segment/event.ts";
import { isOrphaned } from "../segment/orphaned.ts";
import { evictDead } from "../segment/slots.ts";
import type { SenderState } from "./sender_state.ts";

/**
 * How a sender that always finds space notices killed receivers and a lost name: `native/src/sender_liveness.h`, which gives the
 * invariant. It reads the clock after some publishes only.
 */

/** At most so many publishes lie between two readings of the clock. */
const MOST_PUBLISHES = 64;

/** The time between two readings that a sender aims at, in milliseconds. */
const CLOCK = 20;

/** Whether a claim has to read the clock. */
export const isClockDue = (state: SenderState): boolean => state.publishesToClock <= 0;

/** Reads the clock, and sets when to do so again. True: {@link checkLiveness} is due. */
export function readClock(state: SenderState): boolean {
	const now = state.segment.platform.now();
	const passed = now - state.clockReadAt;
	// A clock may be coarse: at most twice as many as there were.
	const next = passed < CLOCK / 2 ? state.clockInterval * 2 : Math.floor((state.clockInterval * CLOCK) / passed);
	// An integer also for the compiler: each publish counts down from it.
	state.clockInterval = Math.max(1, Math.min(next, MOST_PUBLISHES)) | 0;
	state.publishesToClock = state.clockInterval;
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
	state.clockInterval -= state.publishesToClock;
	state.publishesToClock = 0;
}
