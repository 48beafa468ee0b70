import { headerWord, slotWord } from "@libipc/protocol";
import { highOf, loadLong, lowOf } from "../segment/long.ts";
import { type Mark, marksCopy, marksLastNumber, marksLastPosition } from "../segment/marks.ts";
import type { Segment } from "../segment/segment.ts";
import type { FragmentCopy } from "./assembly.ts";
import type { ReceiverState } from "./receiver_state.ts";

/**
 * Receivers that senders do not wait for (overflow: drop-oldest): `native/src/overrun.h`. Such a receiver copies first and looks
 * afterwards: what it copied was whole if `announced` was still at most the ring's length past the record.
 */
const { announced: ANNOUNCED } = headerWord;
const { lost: LOST } = slotWord;

/** Marks all of which went stale while they were copied: more often in a row than that is damage. */
const TRIES = 64;

/** A store to it, and a load after that, keep what was loaded before from being loaded after. */
const fence = new Int32Array(1);

function goTo(state: ReceiverState, { position, number }: Mark): void {
	state.passed = position;
	state.number = number;
	state.position = state.head = lowOf(position);
}

/** The oldest mark with at most `most` units between it and what is announced; else the last one, which always is whole. */
function markWithin(segment: Segment, most: number): Mark {
	const { words } = segment;
	let marks = marksCopy(segment);
	// None: the writers went all the way round meanwhile.
	for (let tries = 0; marks.length === 0 && tries < TRIES; tries++) marks = marksCopy(segment);
	const announced = loadLong(words, ANNOUNCED);
	for (const mark of marks) if (announced >= mark.position && announced - mark.position <= most) return mark;
	return marks[marks.length - 1] ?? { position: marksLastPosition(segment), number: marksLastNumber(segment) };
}

/** Finds `passed` and `number` for the position that the receiver joined at. */
export function overrunStart(state: ReceiverState, fromOldest: boolean): void {
	const { segment, ring } = state;
	const mark = markWithin(segment, ring.units);
	if (fromOldest) {
		goTo(state, mark);
	} else {
		// Position and number as one load found them before anybody counted us; any mark near has their high bits.
		const position = Number(BigInt.asIntN(32, segment.joined));
		const number = Number(BigInt.asIntN(32, segment.joined >> 32n));
		goTo(state, {
			position: mark.position + ((position - lowOf(mark.position)) | 0),
			number: mark.number + ((number - lowOf(mark.number)) | 0),
		});
	}
	state.joined = state.passed;
}

function storeLost(state: ReceiverState): void {
	// For people: nobody depends on its halves belonging together.
	state.words[state.slot + LOST] = lowOf(state.lost);
	state.words[state.slot + LOST + 1] = highOf(state.lost);
}

/** Whether senders have come round to our position; if so, goes on at a mark. What was read since is worthless. */
export function overrunFound(state: ReceiverState): boolean {
	const { segment, words, ring } = state;
	Atomics.store(fence, 0, 0);
	const announced = loadLong(words, ANNOUNCED);
	const ahead = announced - state.passed;
	if (ahead >= 0 && ahead <= ring.units) return false;
	if (ahead < 0) {
		// We have read what was not announced: damage. Going back we would never end. No record is read before this head.
		state.head = (state.position - 1) | 0;
		return false;
	}
	// With a quarter of the ring to spare, or the next record would be overwritten before it is read.
	let mark = markWithin(segment, (ring.units / 4) * 3);
	// No way on is damage: where nothing has been written yet, what comes next is told to be that too.
	if (mark.position <= state.passed) mark = { position: announced, number: state.number };
	state.lost += Math.max(0, mark.number - state.number);
	state.assembly.clear();
	goTo(state, mark);
	storeLost(state);
	return true;
}

/** The last fragment of a message that is not complete here: lost, if it began after we joined. */
export function overrunMissed(state: ReceiverState, { first }: FragmentCopy): void {
	const ago = (lowOf(state.passed) - first) >>> 0;
	if (!state.isOverrun || state.passed - state.joined < ago) return;
	state.lost++;
	storeLost(state);
}
