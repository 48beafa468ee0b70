import { FRAGMENT_BYTES, fragmentWord, RECORD_BYTES, RecordKind, Status } from "@libipc/protocol";
import { type FragmentCopy, Step } from "./assembly.ts";
import { overrunFound, overrunMissed } from "./overrun.ts";
import type { ReceiverState } from "./receiver_state.ts";

/** Finding the next message without waiting: the middle of `native/src/receiver.c`. */
const {
	first: FIRST,
	instance: INSTANCE,
	message: MESSAGE,
	offset: OFFSET,
	oldest: OLDEST,
	total: TOTAL,
} = fragmentWord;

/** What says of itself the fragment that is looked at: one for all, so that none is made for each. */
const copy: FragmentCopy = { instance: 0, message: 0, oldest: 0, first: 0, total: 0, offset: 0 };

/** Where a message lies that is not in the ring. */
export const ASSEMBLED = -1;

/**
 * Its units (> 0) if there is one: `state.at` and `state.length` say where it lies. `timedOut`: the ring is empty, or a loan
 * that is still being written comes next.
 */
export function findNext(state: ReceiverState): number {
	if (!state.hasMore()) return Status.timedOut;
	const { ring, position } = state;
	const units = ring.read(position, state.head, position === state.lentAt);
	if (units === 0 || ring.kind !== RecordKind.message) return findAny(state);
	state.at = ring.offset(position) + RECORD_BYTES;
	state.length = ring.length;
	return units;
}

/** Takes the fragment in whose payload lies at `at`. 0: with it a message is whole. `timedOut`: go on. */
function assemble(state: ReceiverState, at: number, payload: number): number {
	const { assembly, ring, segment } = state;
	if (assembly.isWhole) return 0; // here before, and not received then
	if (payload <= FRAGMENT_BYTES) return Status.corrupt;
	const length = payload - FRAGMENT_BYTES;
	const { words } = ring;
	const head = at >> 2;
	copy.instance = words[head + INSTANCE] as number;
	copy.message = words[head + MESSAGE] as number;
	copy.oldest = words[head + OLDEST] as number;
	copy.first = words[head + FIRST] as number;
	copy.total = words[head + TOTAL] as number;
	copy.offset = words[head + OFFSET] as number;
	if (state.isOverrun && overrunFound(state)) return Status.timedOut;
	// Negative: more than a message may have.
	if (copy.total < 0 || copy.offset < 0 || copy.offset >= copy.total || length > copy.total - copy.offset)
		return Status.corrupt;
	const room = assembly.room(segment, state.position, copy, length);
	let step: number = assembly.step;
	if (room) {
		ring.copyOut(at + FRAGMENT_BYTES, room, copy.offset, length);
		if (state.isOverrun && overrunFound(state)) return Status.timedOut;
		step = assembly.add(copy, length);
	}
	if (step === Step.noSpace) return Status.noSpace;
	if (step === Step.missed) overrunMissed(state, copy);
	if (step === Step.whole) return 0;
	if (copy.offset + length === copy.total) state.number++;
	return Status.timedOut;
}

/** {@link findNext} that skips padding and what precedes a loan, puts fragments together, and tells a loan and damage. */
export function findAny(state: ReceiverState): number {
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
			state.at = at;
			state.length = length;
			return units;
		}
		if (kind === RecordKind.fragment) {
			const status = assemble(state, at, length);
			if (status === 0) {
				state.at = ASSEMBLED;
				state.length = state.assembly.length;
				return units;
			}
			if (status !== Status.timedOut) return status;
			if (state.position !== position) continue; // overrun
		} else if (kind === RecordKind.loan) {
			if (state.lentAt !== position || state.lender === 0) return Status.corrupt;
			// Senders that need the space behind us must not wait for us to move on.
			if (state.published !== position) state.publish();
			return Status.timedOut;
		} else if (kind === RecordKind.owner) {
			state.lender = length;
			state.lentAt = (position + units) | 0;
		}
		state.advance(units);
	}
}
