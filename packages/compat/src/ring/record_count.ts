import {
	FRAGMENT_BYTES,
	fragmentWord,
	headerWord,
	Kind,
	OverflowKind,
	RECORD_BYTES,
	RecordKind,
} from "@libipc/protocol";
import { loadFallingLong, lowOf } from "../segment/long.ts";
import { marksCopy, marksLastNumber, marksLastPosition } from "../segment/marks.ts";
import type { Segment } from "../segment/segment.ts";
import { Ring } from "./ring.ts";

/** How many messages a stretch of the ring has: `native/src/record_count.h`. */
const { announced: ANNOUNCED, head: HEAD } = headerWord;

/** A joiner is slower than senders that go round the whole ring so often: then it begins at a mark. */
const TRIES = 64;

/** Whether the fragment whose record lies at the byte offset `at` is the last one of its message. */
export const isLastFragment = ({ words }: Ring, at: number, payload: number): boolean => {
	const first = (at + RECORD_BYTES) >> 2;
	const offset = words[first + fragmentWord.offset] as number;
	return payload > FRAGMENT_BYTES && offset + payload - FRAGMENT_BYTES === words[first + fragmentWord.total];
};

/** `ipc_record_count`. */
function recordCount(ring: Ring, from: number, to: number): number {
	let count = 0;
	let lentAt = to; // no loan
	for (let position = from, units = 0; position !== to; position = (position + units) | 0) {
		units = ring.read(position, to, true);
		if (units === 0) break; // overwritten, or damage
		const { kind } = ring;
		// A loan that is shortened: its length is stored before the kind, and the padding behind it before the length.
		if (kind === RecordKind.message || kind === RecordKind.loan) count++;
		else if (kind === RecordKind.fragment) count += isLastFragment(ring, ring.offset(position), ring.length) ? 1 : 0;
		// Padding in the place of a loan: it was counted, and then cancelled.
		else if (kind === RecordKind.padding && position === lentAt) count++;
		lentAt = kind === RecordKind.owner ? (position + units) | 0 : to;
	}
	return count;
}

const headOf = (position: number, number: number): bigint =>
	BigInt.asIntN(64, (BigInt(lowOf(number)) << 32n) | BigInt(position >>> 0));

/** Head, and the number of messages before it, as one long: `ipc_record_count_head`. */
export function countedHead(segment: Segment): bigint {
	const { words, longs } = segment;
	const ring = new Ring(segment);
	for (let tries = 0; tries < TRIES; tries++) {
		const head = Atomics.load(words, HEAD);
		const mark = marksCopy(segment).findLast(({ position }) => ((head - lowOf(position)) | 0) >= 0);
		if (mark === undefined) continue;
		const count = recordCount(ring, lowOf(mark.position), head);
		// As overrunFound(): what was read was whole.
		Atomics.store(fence, 0, 0);
		const ahead = loadFallingLong(words, longs, ANNOUNCED, ring.units) - mark.position;
		if (ahead >= 0 && ahead <= ring.units) return headOf(head, mark.number + count);
	}
	return headOf(lowOf(marksLastPosition(segment)), marksLastNumber(segment));
}

/** A store to this word, and a load after the store, keep the loads before the store from moving behind it. */
const fence = new Int32Array(1);

/** The claim was taken over from a dead sender, whose count of messages may be too high: `ipc_record_count_again`. */
export function countAgain(segment: Segment): void {
	const { kind, overflow, words } = segment;
	if ((kind !== Kind.route && kind !== Kind.channel) || overflow === OverflowKind.dropOldest) return;
	const ring = new Ring(segment);
	const position = words[HEAD] as number;
	const mark = lowOf(marksLastPosition(segment));
	if ((position - mark) >>> 0 > ring.units) return; // damage
	words[HEAD + 1] = lowOf(marksLastNumber(segment) + recordCount(ring, mark, position));
}
