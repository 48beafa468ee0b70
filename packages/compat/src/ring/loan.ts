import { EventIndex, RECORD_BYTES, RecordKind, Status, UNIT } from "@libipc/protocol";
import { notify } from "../segment/event.ts";
import { claimHead, publishQuietly } from "./head.ts";
import { queuePutLease } from "./queue.ts";
import { wokeReceiver } from "./sender_liveness.ts";
import type { Claimed, SenderState } from "./sender_state.ts";

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
		ring.words[at] = length + leaseBytes;
	}
	Atomics.store(ring.words, at + 1, length >= 0 ? RecordKind.message : RecordKind.padding);
	if (notify(segment, EventIndex.data)) wokeReceiver(state);
	if (leaseBytes > 0 && length < 0) notify(segment, EventIndex.space); // the room is free without a take
	return 0;
}
