import { EventIndex } from "@libipc/protocol";
import { Backoff, FIRST_SLICE, PASSED, prepare, SLICE, sleep } from "./event.ts";
import { loadInOrder } from "./load_in_order.ts";
import type { Segment } from "./segment.ts";
import { isAlive } from "./slots.ts";

/**
 * The lock of the sender that may move head, or of the queue's receiver that may take: one word, which is the instance of its owner,
 * or 0. `native/src/claim_lock.h` says why a dead owner leaves nothing to repair. `claim` is the index of the word.
 */
export const claimTryLock = (segment: Segment, claim: number, instance: number): boolean =>
	Atomics.compareExchange(segment.words, claim, 0, instance) === 0;

/** The caller then notifies the event `claimFree`. */
export const claimUnlock = (segment: Segment, claim: number): void => {
	Atomics.store(segment.words, claim, 0);
};

/** Takes the lock if it is free or its owner is dead. */
export function claimTakeOver(segment: Segment, claim: number, instance: number): boolean {
	const owner = Atomics.load(segment.words, claim);
	// The caller's own instance, although it does not hold the lock: damage. No other endpoint would ever unlock it.
	if (owner !== 0 && owner !== instance && isAlive(segment, owner)) return false;
	return Atomics.compareExchange(segment.words, claim, owner, instance) === owner;
}

/** Waits for the lock, and takes it over from a dead owner. False: the deadline has passed; 0 has always passed. */
export function claimLockSlow(segment: Segment, claim: number, instance: number, until: number): boolean {
	const { words, platform } = segment;
	let deadline = until;
	// An owner that runs needs a microsecond. A caller that does not wait waits so long, too.
	for (let i = 0; i < 32 && deadline === 0; i++)
		if (loadInOrder(words, claim) === 0 && claimTryLock(segment, claim, instance)) return true;
	const backoff = new Backoff(segment);
	let slice = FIRST_SLICE;
	for (;;) {
		do if (loadInOrder(words, claim) === 0 && claimTryLock(segment, claim, instance)) return true;
		while (backoff.pause());
		if (platform.now() >= deadline) return false;
		const seen = prepare(segment, EventIndex.claimFree);
		if (Atomics.load(words, claim) === 0) continue;
		if (sleep(segment, EventIndex.claimFree, seen, deadline, slice)) deadline = PASSED;
		if (claimTakeOver(segment, claim, instance)) return true;
		slice = SLICE;
	}
}
