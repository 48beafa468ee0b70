import { EventIndex, headerWord, Kind, MOVE_BYTES, MOVES, move } from "@libipc/protocol";
import { countAgain } from "../ring/record_count.ts";
import { Backoff, FIRST_SLICE, PASSED, prepare, SLICE, sleep } from "./event.ts";
import { loadInOrder } from "./load_in_order.ts";
import type { Segment } from "./segment.ts";
import { isAlive } from "./slots.ts";

const { claim: CLAIM, head: HEAD, moveAt: MOVE_AT, moveOpen: MOVE_OPEN, moves: MOVES_WORD } = headerWord;

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

/** What a dead owner was publishing for another queue: `claim_finish_move` in C. */
function finishMove({ words }: Segment): void {
	const open = words[MOVE_OPEN] as number;
	if (open === 0) return;
	const isPublished = Atomics.load(words, HEAD) !== (words[MOVE_AT] as number);
	if (open > 0 && open <= MOVES && !isPublished)
		Atomics.store(words, MOVES_WORD + ((open - 1) * MOVE_BYTES + move.mover) / 4, 0);
	Atomics.store(words, MOVE_OPEN, 0);
}

/** Takes the lock if it is free or its owner is dead. */
export function claimTakeOver(segment: Segment, claim: number, instance: number): boolean {
	const owner = Atomics.load(segment.words, claim);
	// The caller's own instance, although it does not hold the lock: damage. No other endpoint would ever unlock it.
	if (owner !== 0 && owner !== instance && isAlive(segment, owner)) return false;
	if (Atomics.compareExchange(segment.words, claim, owner, instance) !== owner) return false;
	if (owner === 0 || claim !== CLAIM) return true;
	if (segment.kind === Kind.queue) finishMove(segment);
	else countAgain(segment);
	return true;
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
