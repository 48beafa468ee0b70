import { EventIndex, headerWord, RECORD_BYTES, RecordKind, Status, slotWord, UNIT } from "@libipc/protocol";
import { isWanted, notify, wake } from "../segment/event.ts";
import { claimHead, publishQuietly } from "./head.ts";
import { queuePutLease } from "./queue.ts";
import { wokeReceiver } from "./sender_liveness.ts";
import type { Claimed, SenderState } from "./sender_state.ts";

const { recordKinds: RECORD_KINDS } = headerWord;
const { held: HELD, position: POSITION } = slotWord;

/** The kinds of records that the ring has had: under the claim, before head. */
export function noteKind(words: Int32Array, kind: number): void {
	words[RECORD_KINDS] = (words[RECORD_KINDS] as number) | (1 << kind);
}

/** Says in the sender's slot that it has a loan at a position, so that it holds the gate. Under the claim, before it is published. */
function beginLoan({ words, slot, loans }: SenderState, position: number): void {
	noteKind(words, RecordKind.loan);
	if (loans.push(position) > 1) return;
	Atomics.store(words, slot + POSITION, position);
	Atomics.store(words, slot + HELD, 1);
}

/** The loan at that offset has ended: all writes to it come before these stores. */
function finishLoan({ words, slot, loans, ring }: SenderState, offset: number): void {
	const index = loans.findIndex((position) => ring.offset(position) === offset);
	if (index < 0) return; // damage
	loans.splice(index, 1);
	if (loans.length === 0) Atomics.store(words, slot + HELD, 0);
	else
		Atomics.store(
			words,
			slot + POSITION,
			loans.reduce((first, each) => (((each - first) | 0) < 0 ? each : first)),
		);
}

/** Room in the ring that is written after it was published: `native/src/loan.c`. */
export const maxLoan = (state: SenderState): number => state.maxRecord - UNIT;

/** The byte offset of the room that is lent, or a status. */
export function loan(state: SenderState, claimed: Claimed, length: number, timeout: number): number {
	if (length > maxLoan(state)) return Status.messageTooLarge;
	// Other senders would write over it.
	if (state.overwrites) return Status.notInPlace;
	const { ring, leaseBytes } = state;
	const units = state.units(length);
	const status = claimHead(state, claimed, 1 + units, timeout);
	if (status !== 0) return status;
	const owner = ring.offset(claimed.at);
	const record = owner + UNIT;
	ring.putHeader(owner, state.instance, RecordKind.owner);
	ring.putHeader(record, length + leaseBytes, RecordKind.loan);
	if (leaseBytes > 0) queuePutLease(ring, record + RECORD_BYTES);
	else beginLoan(state, claimed.at);
	publishQuietly(state, (claimed.at + 1 + units) | 0, 1);
	return record + RECORD_BYTES + leaseBytes;
}

/**
 * Sends the first `length` bytes of what was lent at `offset`; -1 gives it up. No receiver reads past a loan before it ends. So
 * what follows a shortened message becomes padding first; then one store of the kind makes all of it readable.
 */
export function endLoan(state: SenderState, offset: number, length: number): number {
	const { ring, leaseBytes, segment } = state;
	const before = RECORD_BYTES + leaseBytes;
	const { capacity } = segment;
	if (offset % UNIT !== 0 || offset < before || offset > capacity) return Status.invalidArgument;
	const at = (offset - before) >> 2;
	if ((ring.words[at + 1] as number) !== RecordKind.loan) return Status.invalidArgument;
	const lent = (ring.words[at] as number) - leaseBytes;
	if (lent < 0 || lent > capacity - offset || length > lent) return Status.invalidArgument;
	if (length >= 0) {
		const used = state.units(length);
		const all = state.units(lent);
		if (used < all)
			ring.putHeader(offset - before + used * UNIT, (all - used) * UNIT - RECORD_BYTES, RecordKind.padding);
		// An observer that passes the loan finds the padding.
		Atomics.store(ring.words, at, length + leaseBytes);
	}
	Atomics.store(ring.words, at + 1, length >= 0 ? RecordKind.message : RecordKind.padding);
	if (leaseBytes === 0) finishLoan(state, offset - before - UNIT);
	if (notify(segment, EventIndex.data)) wokeReceiver(state);
	if (leaseBytes === 0 && isWanted(segment, EventIndex.space)) wake(segment, EventIndex.space);
	if (leaseBytes > 0 && length < 0) notify(segment, EventIndex.space); // the room is free without a take
	return 0;
}
