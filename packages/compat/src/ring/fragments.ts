import { FRAGMENT_BYTES, fragmentWord, RECORD_BYTES, RecordKind, Status } from "@libipc/protocol";
import { claimHead, freeUnits, publish, refusal } from "./head.ts";
import { ringUnits } from "./ring.ts";
import type { SenderState } from "./sender_state.ts";

/**
 * Messages that are larger than a record may be: `native/src/fragments.c`. A part is large enough that claiming costs nothing
 * beside the copy, small enough to stay in a processor's cache on the way.
 */
const {
	first: FIRST,
	instance: INSTANCE,
	message: MESSAGE,
	offset: OFFSET,
	oldest: OLDEST,
	total: TOTAL,
} = fragmentWord;
const PART_BYTES = 64 << 10;

const fragmentBytes = (state: SenderState): number =>
	Math.min(state.segment.capacity / 8, PART_BYTES) - (RECORD_BYTES + FRAGMENT_BYTES);

function newMessage(state: SenderState): number {
	state.message = (state.message + 1) | 0 || 1; // 0 says that none is unfinished
	return state.message;
}

/**
 * Whether all fragments of a message find room now. Asked by who does not wait: else it would leave a part behind that fills
 * the ring, and nobody can use. A guess, since others may send meanwhile.
 */
function hasRoomForAll(state: SenderState, length: number): boolean {
	const most = fragmentBytes(state);
	const count = Math.floor(length / most) + 1;
	// One more: where the ring ends there may be padding.
	return (count + 1) * ringUnits(FRAGMENT_BYTES + most) <= freeUnits(state);
}

/** Sends the bytes from `state.fragmentOffset` on, up to `length` or to where it has to wait longer than that. */
function sendFrom(
	state: SenderState,
	bytes: Uint8Array,
	length: number,
	message: number,
	oldest: number,
	timeout: number,
): number {
	const { ring } = state;
	const { words } = ring;
	const most = fragmentBytes(state);
	state.deadline = 0;
	while (state.fragmentOffset < length) {
		const part = Math.min(length - state.fragmentOffset, most);
		const payload = FRAGMENT_BYTES + part;
		const units = ringUnits(payload);
		const status = claimHead(state, units, timeout);
		if (status !== 0) return status;
		if (state.fragmentOffset === 0) state.unfinishedFirst = state.at;
		const at = ring.offset(state.at);
		const head = (at + RECORD_BYTES) >> 2;
		ring.putHeader(at, payload, RecordKind.fragment);
		words[head + INSTANCE] = state.instance;
		words[head + MESSAGE] = message;
		words[head + OLDEST] = oldest;
		words[head + FIRST] = state.unfinishedFirst;
		words[head + TOTAL] = length;
		words[head + OFFSET] = state.fragmentOffset;
		ring.copyIn(at + RECORD_BYTES + FRAGMENT_BYTES, bytes, state.fragmentOffset, part);
		state.fragmentOffset += part;
		publish(state, (state.at + units) | 0, state.fragmentOffset === length ? 1 : 0);
	}
	return 0;
}

export function sendFragments(state: SenderState, bytes: Uint8Array, length: number, timeout: number): number {
	if (!state.overwrites && (timeout === 0 || !state.waits) && !hasRoomForAll(state, length)) return refusal(state);
	const message = newMessage(state);
	// A message of sendPart's may be under way: where it began is its own.
	const first = state.unfinishedFirst;
	state.fragmentOffset = 0;
	const status = sendFrom(state, bytes, length, message, state.unfinished || message, timeout);
	state.unfinishedFirst = first;
	return status;
}

/** Sends as much as there is room for, from `progress[0]` on, which it moves. */
export function sendPart(state: SenderState, bytes: Uint8Array, length: number, progress: Uint32Array): number {
	const offset = progress[0] as number;
	if (offset === 0 || state.unfinished === 0) {
		if (offset !== 0) return Status.invalidArgument;
		const drops = !state.waits && !state.overwrites;
		if (drops && !hasRoomForAll(state, length)) return refusal(state);
		state.unfinished = newMessage(state);
	}
	state.fragmentOffset = offset;
	const status = sendFrom(state, bytes, length, state.unfinished, state.unfinished, 0);
	progress[0] = state.fragmentOffset;
	// Not begun is not unfinished.
	if (status !== Status.timedOut || state.fragmentOffset === 0) state.unfinished = 0;
	return status;
}
