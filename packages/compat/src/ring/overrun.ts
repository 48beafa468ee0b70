import { headerWord, OverflowKind, slotWord, UNIT } from "@libipc/protocol";
import { highOf, loadFallingLong, loadLong, lowOf } from "../segment/long.ts";
import { type Mark, marksCopy, marksLastNumber, marksLastPosition } from "../segment/marks.ts";
import type { Segment } from "../segment/segment.ts";
import type { Fragment } from "./assembly.ts";
import type { ReceiverState } from "./receiver_state.ts";

/**
 * Receivers that senders do not wait for (observers, and all where overflow is drop-oldest): `native/src/overrun.h`. Such a receiver copies first and checks
 * afterwards: what it copied was whole if `announced` was still at most the ring's length past the record.
 */
const { announced: ANNOUNCED } = headerWord;
const { lost: LOST } = slotWord;

/** How often in a row all marks may be overwritten while they are copied. More often is damage. */
const TRIES = 64;

/** A store to this word, and a load after the store, keep the loads before the store from moving behind it. */
const fence = new Int32Array(1);

function goTo(state: ReceiverState, { position, number }: Mark): void {
	state.passed = position;
	state.number = number;
	state.position = state.head = lowOf(position);
	state.lender = 0;
}

/** Where senders look at the gate, they announce first how far they may write, and then how far they do: less, by up to a ring. */
export const announcedOf = ({ words, longs, overflow, capacity }: Segment): number =>
	overflow === OverflowKind.dropOldest
		? loadLong(words, ANNOUNCED)
		: loadFallingLong(words, longs, ANNOUNCED, capacity / UNIT);

/**
 * The oldest mark that is at most `most` units before what is announced; otherwise the last mark, which is always whole. `seen` was
 * announced: it may be less by now.
 */
function markWithin(segment: Segment, most: number, seen: number): Mark {
	let marks = marksCopy(segment);
	// No marks: senders have replaced all of them meanwhile.
	for (let tries = 0; marks.length === 0 && tries < TRIES; tries++) marks = marksCopy(segment);
	const announced = Math.max(announcedOf(segment), seen);
	for (const mark of marks) if (announced >= mark.position && announced - mark.position <= most) return mark;
	return marks[marks.length - 1] ?? { position: marksLastPosition(segment), number: marksLastNumber(segment) };
}

/** Computes `passed` and `number` for the position at which the receiver joined. */
export function overrunStart(state: ReceiverState, fromOldest: boolean): void {
	const { segment, ring } = state;
	const mark = markWithin(segment, ring.units, 0);
	if (fromOldest) {
		goTo(state, mark);
	} else {
		// Position and number come from one load, made before any sender counted this receiver. A mark nearby has their high bits.
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
	// Only list() reads it. Its halves need not belong together.
	state.words[state.slot + LOST] = lowOf(state.lost);
	state.words[state.slot + LOST + 1] = highOf(state.lost);
}

/** Whether senders have come round to the position. If so, the receiver goes on at a mark, and what it has read since is invalid. */
export function overrunFound(state: ReceiverState): boolean {
	const { segment, ring } = state;
	Atomics.store(fence, 0, 0);
	const announced = announcedOf(segment);
	const ahead = announced - state.passed;
	if (ahead >= 0 && ahead <= ring.units) return false;
	if (ahead < 0) {
		// The receiver has read what was not announced: damage. It does not go back, for that might never end. With this head no
		// record is read.
		state.head = (state.position - 1) | 0;
		return false;
	}
	// A quarter of the ring is left free. Otherwise the next record would be overwritten before it is read.
	let mark = markWithin(segment, (ring.units / 4) * 3, announced);
	// No mark ahead is damage. Go on where nothing has been written yet: the next read reports the damage.
	if (mark.position <= state.passed) mark = { position: announced, number: state.number };
	state.lost += Math.max(0, mark.number - state.number);
	state.assembly.clear();
	goTo(state, mark);
	storeLost(state);
	return true;
}

/** The same question without the work of the answer, for a wait. */
export function isOverrunDue({ segment, ring, passed }: ReceiverState): boolean {
	Atomics.store(fence, 0, 0);
	return announcedOf(segment) - passed > ring.units;
}

/** The last fragment of a message of which other fragments were missed: the message is lost if it began after the receiver joined. */
export function overrunMissed(state: ReceiverState, { first }: Fragment): void {
	const ago = (lowOf(state.passed) - first) >>> 0;
	if (!state.isOverrun || state.passed - state.joined < ago) return;
	state.lost++;
	storeLost(state);
}
