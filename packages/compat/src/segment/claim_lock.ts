import { EventIndex } from "@libipc/protocol";
import { Backoff, FIRST_SLICE, prepare, SLICE, sleep } from "./event.ts";
import type { Segment } from "./segment.ts";
import { isAlive } from "./slots.ts";

/**
 * Which sender may move head, which of a queue's receivers may take: one word, the instance of its owner, or 0. Why a dead
 * owner leaves nothing to repair: `native/src/claim_lock.h`. `claim` is the index of the word.
 */
export const claimTryLock = (segment: Segment, claim: number, instance: number): boolean =>
	Atomics.compareExchange(segment.words, claim, 0, instance) === 0;

/** The caller then looks at the event `turn`. */
export const claimUnlock = (segment: Segment, claim: number): void => {
	Atomics.store(segment.words, claim, 0);
};

/** Takes the lock if it is free or its owner is dead. */
export function claimTakeOver(segment: Segment, claim: number, instance: number): boolean {
	const owner = Atomics.load(segment.words, claim);
	// Our own number, though we do not hold it: damage. Nobody else would ever give it back.
	if (owner !== 0 && owner !== instance && isAlive(segment, owner)) return false;
	return Atomics.compareExchange(segment.words, claim, owner, instance) === owner;
}

/** Waits for the lock, taking it over from a dead owner. False: the deadline passed; 0 has always passed. */
export function claimLockSlow(segment: Segment, claim: number, instance: number, deadline: number): boolean {
	const { words, platform } = segment;
	// Its owner, if it runs, needs a microsecond: that much waits even who does not wait.
	for (let i = 0; i < 32 && deadline === 0; i++)
		if (Atomics.load(words, claim) === 0 && claimTryLock(segment, claim, instance)) return true;
	const backoff = new Backoff(segment);
	let slice = FIRST_SLICE;
	for (;;) {
		do if (Atomics.load(words, claim) === 0 && claimTryLock(segment, claim, instance)) return true;
		while (backoff.pause());
		if (platform.now() >= deadline) return false;
		const seen = prepare(segment, EventIndex.claimFree);
		if (Atomics.load(words, claim) === 0) continue;
		sleep(segment, EventIndex.claimFree, seen, deadline, slice);
		if (claimTakeOver(segment, claim, instance)) return true;
		slice = SLICE;
	}
}
