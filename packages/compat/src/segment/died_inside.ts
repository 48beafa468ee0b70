import { CLAIM_ABANDONED, headerWord, Kind } from "@libipc/protocol";
import type { Segment } from "./segment.ts";

/** Locks whose owner died, or was closed, inside, and that no live handle has open: `native/src/died_inside.h`. */

const {
	claim: CLAIM,
	initial: INITIAL,
	kind: KIND,
	permits: PERMITS,
	recovered: RECOVERED,
	robust: ROBUST,
	unusable: UNUSABLE,
	writing: WRITING,
} = headerWord;

/** Of the segment that begins at word `first`: how many permits the dead holders of a semaphore had. Closed handles have released theirs. */
function permitsOfTheDead(words: Int32Array, first: number): number {
	if (words[first + ROBUST] !== 1) return 0;
	return Math.max((words[first + INITIAL] as number) - (words[first + PERMITS] as number), 0);
}

/** {@link diedInside} of the segment that begins at word `first`. */
export function diedInsideAt(words: Int32Array, first: number): boolean {
	const kind = words[first + KIND];
	// Killed while it marked the lock unusable: no handle enters that lock, and a new segment replaces it.
	if (words[first + UNUSABLE] !== 0) return false;
	return (
		(kind === Kind.mutex && words[first + CLAIM] !== 0) ||
		(kind === Kind.rwlock && words[first + WRITING] !== 0) ||
		(kind === Kind.semaphore && permitsOfTheDead(words, first) > 0)
	);
}

/**
 * Whether the next user must learn of an owner that died or was closed inside. Such a segment keeps its name when its last handle is
 * closed, until an open inherits it. Under the name lock, and only if no live handle has a slot.
 */
export const diedInside = ({ words }: Segment): boolean => diedInsideAt(words, 0);

/** Makes such a segment usable. Under the name lock; all slots are empty. */
export function inheritDiedInside({ kind, words, initial }: Segment): void {
	const permits = kind === Kind.semaphore ? permitsOfTheDead(words, 0) : 0;
	if (permits > 0) {
		// After a kill between the two stores the permits are counted twice, which is better than not at all.
		Atomics.add(words, RECOVERED, permits);
		Atomics.store(words, PERMITS, initial);
	}
	words[UNUSABLE] = 0;
	// In a reader-writer lock `writing` says it.
	Atomics.store(words, CLAIM, kind === Kind.mutex ? CLAIM_ABANDONED : 0);
}
