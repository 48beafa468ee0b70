import { FRAGMENT_BYTES, fragmentWord, RECORD_BYTES, RecordKind, Status, UNIT } from "@libipc/protocol";
import type { Fragment } from "./assembly.ts";
import { claimHead, freeUnits, publish, refusal } from "./head.ts";
import { noteKind } from "./loan.ts";
import { ringUnits } from "./ring.ts";
import type { Claimed, SenderState } from "./sender_state.ts";

const {
	first: FIRST,
	instance: INSTANCE,
	message: MESSAGE,
	offset: OFFSET,
	oldest: OLDEST,
	total: TOTAL,
} = fragmentWord;

/**
 * Messages that are longer than a record may be: `native/src/fragments.c`. A fragment is long enough that the claim costs
 * nothing beside the copy, and short enough to stay in a processor's cache on its way to the receiver.
 */
const MOST_BYTES = 64 << 10;

const fragmentBytes = (state: SenderState): number =>
	Math.min(state.segment.capacity / 8, MOST_BYTES) - (RECORD_BYTES + FRAGMENT_BYTES);

/** `ipc_fragments_max_overwriting`: the largest message of a ring that drops the oldest, which says why. */
export function maxOverwriting(state: SenderState): number {
	const most = fragmentBytes(state);
	const units = state.segment.capacity / UNIT;
	return Math.floor((units - units / 8) / ringUnits(FRAGMENT_BYTES + most)) * most;
}

function newMessage(state: SenderState): number {
	state.message = (state.message + 1) | 0 || 1; // 0 means that no message is unfinished
	return state.message;
}

/**
 * Whether there is room for all fragments of a message now. A sender that does not wait asks this first. Otherwise it would
 * leave fragments behind that fill the ring and that no receiver can use. It is a guess: others may send meanwhile.
 */
function hasRoomForAll(state: SenderState, length: number): boolean {
	const most = fragmentBytes(state);
	const count = Math.floor(length / most) + 1;
	// One more: there may be padding at the ring's end.
	return (count + 1) * ringUnits(FRAGMENT_BYTES + most) <= freeUnits(state);
}

/** What a call says of its fragments, in the object that the sender reuses for it. */
function fill(
	{ fragment, instance }: SenderState,
	message: number,
	oldest: number,
	first: number,
	total: number,
	offset: number,
): Fragment {
	fragment.instance = instance;
	fragment.message = message;
	fragment.oldest = oldest;
	fragment.first = first;
	fragment.total = total;
	fragment.offset = offset;
	return fragment;
}

/**
 * Sends the bytes from `fragment.offset` on, which it moves, up to the end or to the point where it would have to wait too long.
 * `fragment` belongs to the call, like `claimed`.
 */
function sendFrom(
	state: SenderState,
	claimed: Claimed,
	bytes: Uint8Array,
	fragment: Fragment,
	timeout: number,
): number {
	const { ring } = state;
	const { words } = ring;
	const { total } = fragment;
	const most = fragmentBytes(state);
	while (fragment.offset < total) {
		const { offset } = fragment;
		const part = Math.min(total - offset, most);
		const payload = FRAGMENT_BYTES + part;
		const units = ringUnits(payload);
		const status = claimHead(state, claimed, units, timeout);
		if (status !== 0) return status;
		if (offset === 0) fragment.first = claimed.at;
		const at = ring.offset(claimed.at);
		const head = (at + RECORD_BYTES) >> 2;
		ring.putHeader(at, payload, RecordKind.fragment);
		noteKind(state.words, RecordKind.fragment);
		words[head + INSTANCE] = fragment.instance;
		words[head + MESSAGE] = fragment.message;
		words[head + OLDEST] = fragment.oldest;
		words[head + FIRST] = fragment.first;
		words[head + TOTAL] = total;
		words[head + OFFSET] = offset;
		ring.copyIn(at + RECORD_BYTES + FRAGMENT_BYTES, bytes, offset, part);
		fragment.offset = offset + part;
		publish(state, (claimed.at + units) | 0, offset + part === total ? 1 : 0);
	}
	return 0;
}

export function sendFragments(
	state: SenderState,
	claimed: Claimed,
	bytes: Uint8Array,
	length: number,
	timeout: number,
): number {
	if (!state.overwrites && (timeout === 0 || !state.waits) && !hasRoomForAll(state, length)) return refusal(state);
	const message = newMessage(state);
	const oldest = state.unfinished || message;
	return sendFrom(state, claimed, bytes, fill(state, message, oldest, 0, length, 0), timeout);
}

/** Sends as much as there is room for, from `progress[0]` on, which it moves. */
export function sendPart(
	state: SenderState,
	claimed: Claimed,
	bytes: Uint8Array,
	length: number,
	progress: Uint32Array,
): number {
	const offset = progress[0] as number;
	if (offset === 0 || state.unfinished === 0) {
		if (offset !== 0) return Status.invalidArgument;
		const drops = !state.waits && !state.overwrites;
		if (drops && !hasRoomForAll(state, length)) return refusal(state);
		state.unfinished = newMessage(state);
	}
	const { unfinished, unfinishedFirst } = state;
	const fragment = fill(state, unfinished, unfinished, unfinishedFirst, length, offset);
	const status = sendFrom(state, claimed, bytes, fragment, 0);
	progress[0] = fragment.offset;
	state.unfinishedFirst = fragment.first;
	// A message that was not begun is not unfinished.
	if (status !== Status.timedOut || fragment.offset === 0) state.unfinished = 0;
	return status;
}
