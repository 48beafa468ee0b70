import { header, MARK_BYTES, MARKS } from "@libipc/protocol";
import type { Segment } from "./segment.ts";

/** Record boundaries that can be found without reading the ring: `native/src/marks.h`. */
export interface Mark {
	readonly position: bigint;
	/** How many messages lie before it. */
	readonly number: bigint;
}

const COUNT = header.markCount >> 3;
const FIRST = header.marks >> 3;
const STEP = MARK_BYTES >> 3;

const at = (index: bigint): number => FIRST + Number(index % BigInt(MARKS)) * STEP;

/** The last mark: there always is one. Under the claim. */
export function lastMark({ longs }: Segment): Mark {
	const last = at(BigInt.asUintN(64, Atomics.load(longs, COUNT) - 1n));
	return { position: Atomics.load(longs, last), number: Atomics.load(longs, last + 1) };
}

/** Leaves a mark, unless the last one is at the same position. Under the claim. */
export function addMark(segment: Segment, position: bigint, number: bigint): void {
	const { longs } = segment;
	const count = Atomics.load(longs, COUNT);
	if (count > 0n && lastMark(segment).position === position) return;
	const index = at(BigInt.asUintN(64, count));
	Atomics.store(longs, index, position);
	Atomics.store(longs, index + 1, number);
	Atomics.store(longs, COUNT, count + 1n);
}

/** Copies the marks that are there, oldest first; at most MARKS - 1. Any thread. */
export function copyMarks({ longs }: Segment): Mark[] {
	const count = BigInt.asUintN(64, Atomics.load(longs, COUNT));
	const first = count < BigInt(MARKS) ? 0n : count - BigInt(MARKS) + 1n;
	const marks: Mark[] = [];
	for (let index = first; index < count; index++)
		marks.push({ position: Atomics.load(longs, at(index)), number: Atomics.load(longs, at(index) + 1) });
	// Mark number now - MARKS may be changing, those before it have changed.
	const now = BigInt.asUintN(64, Atomics.load(longs, COUNT));
	const kept = now < BigInt(MARKS) ? 0n : now - BigInt(MARKS) + 1n;
	return kept > first ? marks.slice(Number(kept - first > BigInt(MARKS) ? BigInt(MARKS) : kept - first)) : marks;
}
