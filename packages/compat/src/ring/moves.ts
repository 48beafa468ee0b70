import {
	EventIndex,
	header,
	headerWord,
	LEASE_BYTES,
	LeaseFlag,
	MOVE_BYTES,
	MOVES,
	move,
	ORIGIN_BYTES,
	origin as originField,
	RECORD_BYTES,
	RecordKind,
	Status,
	TakeCheck,
} from "@libipc/protocol";
import { claimLockSlow, claimTakeOver, claimTryLock } from "../segment/claim_lock.ts";
import { notify } from "../segment/event.ts";
import { plainLong, storeLong } from "../segment/long.ts";
import { isAlive } from "../segment/slots.ts";
import { claimHead, giveBackClaim, moveHead } from "./head.ts";
import { queueAddChecks, queuePutLease } from "./queue.ts";
import { wokeReceiver } from "./sender_liveness.ts";
import { Claimed, type SenderState } from "./sender_state.ts";

/**
 * A message of one queue is published in another one, exactly once, whenever the mover is killed: `native/src/moves.h`, which has the
 * table, its invariant, and the order of the stores.
 */
const { claim: CLAIM, head: HEAD, moveAt: MOVE_AT, moveOpen: MOVE_OPEN, orphaned: ORPHANED } = headerWord;
const SOURCE = move.source >> 2;
const POSITION = move.position >> 2;
const MOVER = move.mover >> 2;

/** A live holder of the claim needs some ten nanoseconds. Milliseconds. */
const PATIENCE = 5;

/** Which message it is: `created` of its queue as two words, and the position of its record there. */
export interface MoveKey {
	readonly sourceLow: number;
	readonly sourceHigh: number;
	readonly position: number;
}

/** What is published: a message, and the name and the reason of its origin if it has one. */
export interface MoveParts {
	readonly message: Uint8Array;
	readonly origin: { readonly attempts: number; readonly name: Uint8Array; readonly reason: Uint8Array } | undefined;
}

/** The first word of an entry. */
const wordOf = (entry: number): number => (header.moves + entry * MOVE_BYTES) >> 2;

/** The entry of a message; {@link MOVES}: it has none. */
function entryOf(words: Int32Array, { sourceLow, sourceHigh, position }: MoveKey): number {
	for (let entry = 0; entry < MOVES; entry++) {
		const at = wordOf(entry);
		if (
			Atomics.load(words, at + MOVER) !== 0 &&
			words[at + SOURCE] === sourceLow &&
			words[at + SOURCE + 1] === sourceHigh &&
			plainLong(words, at + POSITION) === position
		)
			return entry;
	}
	return MOVES;
}

/** Whether the message was published there: 0 or `timedOut` (no); another status: ask again later. */
export function moveFind(to: SenderState, key: MoveKey): number {
	const { segment, words, instance } = to;
	if ((words[ORPHANED] as number) !== 0) return segment.result(Status.orphaned);
	if (
		!claimTryLock(segment, CLAIM, instance) &&
		!claimLockSlow(segment, CLAIM, instance, segment.platform.now() + PATIENCE) &&
		!claimTakeOver(segment, CLAIM, instance)
	)
		return Status.busy;
	const entry = entryOf(words, key);
	// It is this sender's from now on: as long as it lives, no other mover takes it.
	if (entry < MOVES) Atomics.store(words, wordOf(entry) + MOVER, instance);
	giveBackClaim(to);
	return segment.result(entry < MOVES ? 0 : Status.timedOut);
}

/** An entry that is free, or of the mover that has been dead for longest. Under the claim. */
function freeEntry({ segment, words }: SenderState): number {
	let found = MOVES;
	let oldest = Infinity;
	for (let entry = 0; entry < MOVES; entry++) {
		const mover = Atomics.load(words, wordOf(entry) + MOVER);
		if (mover === 0) return entry;
		if (mover >= oldest || isAlive(segment, mover)) continue;
		oldest = mover;
		found = entry;
	}
	return found;
}

/** Under the claim: the entry, then the record behind head. */
function write(to: SenderState, entry: number, key: MoveKey, parts: MoveParts, at: number, total: number): void {
	const { words, ring } = to;
	const word = wordOf(entry);
	// An entry of a dead mover is emptied first. Otherwise it would be another message for a moment.
	Atomics.store(words, word + MOVER, 0);
	Atomics.store(words, MOVE_AT, words[HEAD] as number);
	Atomics.store(words, MOVE_OPEN, entry + 1);
	Atomics.store(words, word + SOURCE, key.sourceLow);
	Atomics.store(words, word + SOURCE + 1, key.sourceHigh);
	storeLong(words, to.segment.longs, word + POSITION, key.position);
	Atomics.store(words, word + MOVER, to.instance);

	const { message, origin } = parts;
	ring.putHeader(at, total + LEASE_BYTES, RecordKind.message);
	queuePutLease(ring, at + RECORD_BYTES);
	let byte = at + RECORD_BYTES + LEASE_BYTES;
	ring.bytes.set(message, byte);
	if (!origin || total === message.byteLength) return;
	ring.words[(at + RECORD_BYTES + 4) >> 2] = LeaseFlag.letter;
	byte += message.byteLength;
	ring.bytes.set(origin.name, byte);
	ring.bytes.set(origin.reason, byte + origin.name.byteLength);
	byte += origin.name.byteLength + origin.reason.byteLength;
	const view = new DataView(ring.bytes.buffer, ring.bytes.byteOffset + byte, ORIGIN_BYTES);
	view.setUint32(originField.attempts, origin.attempts, true);
	view.setUint16(originField.nameBytes, origin.name.byteLength, true);
	view.setUint16(originField.reasonBytes, origin.reason.byteLength, true);
	queueAddChecks(to.segment, TakeCheck.flags);
}

/**
 * Publishes the message, which must not have been published. Never waits: `timedOut` or `dropped` if there is no room. Without its
 * origin, if it is too large with it.
 */
export function movePublish(to: SenderState, key: MoveKey, parts: MoveParts): number {
	const { segment, words, ring } = to;
	const { message, origin } = parts;
	if (message.byteLength > to.maxRecord) return Status.messageTooLarge;
	const withOrigin =
		message.byteLength + (origin ? origin.name.byteLength + origin.reason.byteLength + ORIGIN_BYTES : 0);
	const total = withOrigin > to.maxRecord ? message.byteLength : withOrigin;
	const units = to.units(total);
	const claimed = new Claimed();
	const status = claimHead(to, claimed, units, 0);
	if (status !== 0) return segment.result(status);
	const entry = freeEntry(to);
	if (entry === MOVES) {
		giveBackClaim(to);
		return Status.timedOut;
	}
	write(to, entry, key, parts, ring.offset(claimed.at), total);
	moveHead(to, (claimed.at + units) | 0, 1);
	Atomics.store(words, MOVE_OPEN, 0);
	giveBackClaim(to);
	if (notify(segment, EventIndex.data)) wokeReceiver(to);
	return segment.result(0);
}

/** Empties the entry, after the lease at the source has ended. */
export function moveForget({ words }: SenderState, key: MoveKey): void {
	const entry = entryOf(words, key);
	if (entry < MOVES) Atomics.store(words, wordOf(entry) + MOVER, 0);
}
