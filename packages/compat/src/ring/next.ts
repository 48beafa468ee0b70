import { FRAGMENT_BYTES, fragmentWord, RECORD_BYTES, RecordKind, Status } from "@libipc/protocol";
import { Step } from "./assembly.ts";
import { overrunFound, overrunMissed } from "./overrun.ts";
import { ASSEMBLED, type Found, type ReceiverState } from "./receiver_state.ts";

/** Finds the next message without waiting: `native/src/receiver_read.c`. */
const {
	first: FIRST,
	instance: INSTANCE,
	message: MESSAGE,
	offset: OFFSET,
	oldest: OLDEST,
	total: TOTAL,
} = fragmentWord;

/**
 * The units (> 0) of the next message, if there is one: `found.at` and `found.length` say where it lies. `timedOut`: the ring is
 * empty, or a loan that is still being written comes next.
 */
export function findNext(state: ReceiverState, found: Found): number {
	if (!state.hasMore()) return Status.timedOut;
	const { ring, position } = state;
	const units = ring.read(position, state.head, position === state.lentAt);
	if (units === 0 || ring.kind !== RecordKind.message) return findAny(state, found);
	found.at = ring.offset(position) + RECORD_BYTES;
	found.length = ring.length;
	return units;
}

/** Takes in the fragment whose payload lies at `at`. 0: with it a message is whole. `timedOut`: go on. */
function assemble(state: ReceiverState, at: number, payload: number): number {
	const { assembly, fragment, ring, segment } = state;
	if (assembly.isWhole) return 0; // found by an earlier call that did not receive it
	if (payload <= FRAGMENT_BYTES) return Status.corrupt;
	const length = payload - FRAGMENT_BYTES;
	const { words } = ring;
	const head = at >> 2;
	// Copies, which no other thread can change between check and use.
	fragment.instance = words[head + INSTANCE] as number;
	fragment.message = words[head + MESSAGE] as number;
	fragment.oldest = words[head + OLDEST] as number;
	fragment.first = words[head + FIRST] as number;
	fragment.total = words[head + TOTAL] as number;
	fragment.offset = words[head + OFFSET] as number;
	if (state.isOverrun && overrunFound(state)) return Status.timedOut;
	const { total, offset } = fragment;
	// Negative: more than a message may have.
	if (total < 0 || offset < 0 || offset >= total || length > total - offset) return Status.corrupt;
	const room = assembly.room(segment, state.position, fragment, length);
	let step: number = assembly.step;
	const isPassed = state.isPassing && (fragment.instance !== state.newestOf || fragment.message !== state.newest);
	if (room && isPassed) {
		step = assembly.add(fragment, length); // it ends before the newest message, and is not given out
	} else if (room) {
		ring.copyOut(at + FRAGMENT_BYTES, room, offset, length);
		if (state.isOverrun && overrunFound(state)) return Status.timedOut;
		step = assembly.add(fragment, length);
	}
	if (step === Step.noSpace) return Status.noSpace;
	if (step === Step.missed) overrunMissed(state, fragment);
	if (step === Step.whole) return 0;
	if (offset + length === total) state.number++;
	return Status.timedOut;
}

/** As {@link findNext}; it also skips padding and owner records, assembles fragments, and recognizes loans and damage. */
export function findAny(state: ReceiverState, found: Found): number {
	const { ring } = state;
	for (;;) {
		if (state.isOverrun) overrunFound(state);
		if (!state.hasMore()) return Status.timedOut;
		const { position } = state;
		const units = ring.read(position, state.head, position === state.lentAt);
		const { kind, length } = ring;
		if (state.isOverrun && overrunFound(state)) continue;
		if (units === 0) return Status.corrupt;
		const at = ring.offset(position) + RECORD_BYTES;
		if (kind === RecordKind.message) {
			if (state.isOverrun) state.lender = 0; // a loan that has ended
			found.at = at;
			found.length = length;
			return units;
		}
		if (kind === RecordKind.fragment) {
			const status = assemble(state, at, length);
			if (status === 0) {
				found.at = ASSEMBLED;
				found.length = state.assembly.length;
				return units;
			}
			if (status !== Status.timedOut) return status;
			if (state.position !== position) continue; // overrun
		} else if (kind === RecordKind.loan) {
			if (state.lentAt !== position || state.lender === 0) return Status.corrupt;
			if (state.isOverrun) {
				if (state.abandoned !== state.lender) return Status.timedOut;
				state.number++; // its sender counted it, and nobody will end it
				state.advance(units);
				continue;
			}
			// A sender that needs the space before the loan must not wait until this receiver moves on.
			if (state.published !== position) state.publish();
			return Status.timedOut;
		} else if (kind === RecordKind.owner) {
			state.lender = length;
			state.lentAt = (position + units) | 0;
		} else {
			// Padding in the place of a loan: a message that was counted, and then cancelled.
			if (state.lender !== 0 && state.lentAt === position) state.number++;
			state.lender = 0;
		}
		state.advance(units);
	}
}
