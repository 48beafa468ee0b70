import { fragmentWord, headerWord, Kind, RECORD_BYTES, RecordKind, Status } from "@libipc/protocol";
import { lowOf } from "../segment/long.ts";
import { marksCopy } from "../segment/marks.ts";
import { findAny } from "./next.ts";
import { overrunFound } from "./overrun.ts";
import { ASSEMBLED, type Found, type ReceiverState } from "./receiver_state.ts";
import { isLastFragment } from "./record_count.ts";

/** How a receiver passes over what it has not read, up to the newest whole message: `native/src/latest.c`. */
const { head: HEAD, recordKinds: RECORD_KINDS } = headerWord;

/** Reads the headers up to head: the position of the newest whole message; its sender and number go to `newestOf` and `newest`. */
function findNewest(state: ReceiverState): { readonly position: number } | undefined {
	const { ring, head, assembly, fragment } = state;
	let newest: { position: number } | undefined;
	for (let position = state.position, units = 0; position !== head; position = (position + units) | 0) {
		units = ring.read(position, head, true);
		const { kind, length } = ring;
		if (units === 0 || kind === RecordKind.loan) break;
		if (kind === RecordKind.message) {
			newest = { position };
			state.newestOf = state.newest = 0;
		} else if (kind === RecordKind.fragment) {
			const at = ring.offset(position);
			if (!isLastFragment(ring, at, length)) continue;
			const first = (at + RECORD_BYTES) >> 2;
			fragment.instance = ring.words[first + fragmentWord.instance] as number;
			fragment.message = ring.words[first + fragmentWord.message] as number;
			const ago = (position - (ring.words[first + fragmentWord.first] as number)) >>> 0;
			// Only if the receiver has all its fragments: in the ring, or put together already.
			if (ago > (position - state.position) >>> 0 && !assembly.has(fragment)) continue;
			newest = { position };
			state.newestOf = fragment.instance;
			state.newest = fragment.message;
		}
	}
	return newest;
}

/** To the last mark before head, where records are nothing but whole messages: then an eighth of the ring is read at most. */
function goToMark(state: ReceiverState): void {
	if (!state.isOverrun || !state.assembly.isEmpty || state.words[RECORD_KINDS] !== 0) return;
	const head = state.passed + ((state.head - state.position) >>> 0);
	const mark = marksCopy(state.segment).findLast(({ position }) => position < head);
	if (mark === undefined || mark.position <= state.passed) return;
	state.skipped += mark.number - state.number;
	state.passed = mark.position;
	state.number = mark.number;
	state.position = lowOf(mark.position);
}

/** As `findAny`, of the newest message that is whole; those before it count as skipped. */
export function findLatest(state: ReceiverState, found: Found): number {
	for (;;) {
		if (state.isOverrun) overrunFound(state);
		state.head = Atomics.load(state.words, HEAD);
		if (state.head === state.position) return Status.timedOut;
		goToMark(state);
		const newest = findNewest(state);
		state.isPassing = newest !== undefined && state.segment.kind === Kind.route;
		let units: number;
		for (;;) {
			units = findAny(state, found);
			if (units < 0 || newest === undefined || ((state.position - newest.position) | 0) >= 0) break;
			if (found.at === ASSEMBLED) state.assembly.drop();
			state.skipped++;
			state.number++;
			state.advance(units);
		}
		state.isPassing = false;
		// Past it: it was overwritten, and what is next now is not the newest.
		if (units < 0 || newest === undefined || state.position === newest.position) return units;
	}
}
