import { headerWord, MARK_WORDS, MARKS } from "@libipc/protocol";
import { highOf, loadLong, longOf, lowOf, plainLong, storeLong } from "./long.ts";
import type { Segment } from "./segment.ts";

const { markCount: COUNT, marks: FIRST } = headerWord;

/** Record boundaries that are found without reading the ring: `native/src/marks.h`. */
export interface Mark {
	readonly position: number;
	/** The number of messages before it. */
	readonly number: number;
}

/** The word of mark number `index`, of which only the low bits matter. */
const at = (index: number): number => FIRST + (lowOf(index) & (MARKS - 1)) * MARK_WORDS;

const last = (words: Int32Array): number => at((words[COUNT] as number) - 1);

/** Of the last mark, which always exists. Under the claim. */
export const marksLastPosition = ({ words }: Segment): number => plainLong(words, last(words));
export const marksLastNumber = ({ words }: Segment): number => plainLong(words, last(words) + 2);

/** Leaves a mark, unless the last one is at the same position. Under the claim. */
export function marksAdd({ words, longs }: Segment, position: number, number: number): void {
	const count = longOf(Atomics.load(words, COUNT), words[COUNT + 1] as number);
	if (count > 0 && plainLong(words, at(count - 1)) === position) return;
	// These stores come after the load of the count: a thread that sees one of them sees also that this mark is about to change.
	const index = at(count);
	words[index] = lowOf(position);
	words[index + 1] = highOf(position);
	words[index + 2] = lowOf(number);
	words[index + 3] = highOf(number);
	storeLong(words, longs, COUNT, count + 1);
}

/** Copies the existing marks, oldest first, at most MARKS - 1. Any thread may call it. */
export function marksCopy({ words }: Segment): Mark[] {
	const count = loadLong(words, COUNT);
	const marks: Mark[] = [];
	const first = Math.max(0, count - MARKS + 1);
	for (let left = count - first; left > 0; left--) {
		const index = at(count - left);
		const position = longOf(Atomics.load(words, index), Atomics.load(words, index + 1));
		marks.push({ position, number: longOf(Atomics.load(words, index + 2), Atomics.load(words, index + 3)) });
	}
	// Mark number (count now) - MARKS may be changing, and the marks before it have changed.
	const kept = Math.max(0, loadLong(words, COUNT) - MARKS + 1);
	return kept > first ? marks.slice(Math.min(kept - first, MARKS)) : marks;
}
