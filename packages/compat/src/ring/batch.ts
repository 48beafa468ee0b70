import { Status, UNIT } from "@libipc/protocol";
import { claimHead, publish, refuse } from "./head.ts";
import { RecordBytes, ringUnits } from "./ring.ts";
import type { Claimed, SenderState } from "./sender_state.ts";

/** Messages gathered in the sender's own memory, to be published together: `native/src/batch.c`. */
const STAGE_BYTES = 64 << 10;

/** Copies a message into the batch. `timedOut`: the batch is full. */
export function stage(state: SenderState, bytes: Uint8Array, length: number): number {
	if (length > state.maxRecord) return Status.messageTooLarge;
	const units = state.units(length);
	let staged = state.stage;
	if (staged === undefined || (state.stageUnits + units) * UNIT > staged.bytes.length) {
		if (state.stageUnits > 0) return Status.timedOut;
		// Empty and still too small, or not allocated yet: allocate enough for this message.
		const capacity = Math.max(units * UNIT, Math.min(state.segment.capacity / 2, STAGE_BYTES));
		try {
			staged = state.stage = new RecordBytes(new ArrayBuffer(capacity), 0, capacity);
		} catch {
			return Status.noSpace;
		}
	}
	const at = state.stageUnits * UNIT;
	// The bytes that round the record up are zeros, not bytes of an earlier batch.
	const last = (at + units * UNIT) >> 2;
	staged.words[last - 1] = staged.words[last - 2] = 0;
	state.putMessage(staged, at, bytes, length);
	state.stageUnits += units;
	return 0;
}

const stagedUnits = (staged: RecordBytes, at: number): number => ringUnits(staged.words[at << 1] as number);

/** Sends the batch. Stores how many of its messages were sent in `accepted[0]`; the others are forgotten. */
export function flush(state: SenderState, claimed: Claimed, timeout: number, accepted: Uint32Array): number {
	const { ring, stage: staged, stageUnits } = state;
	let sent = 0;
	let status = 0;
	let from = 0;
	while (staged !== undefined && from < stageUnits) {
		const first = stagedUnits(staged, from);
		status = claimHead(state, claimed, first, timeout);
		if (status !== 0) break;
		const { at } = claimed;
		// There is room for the first record. Take the records after it up to the write limit or the ring's end.
		const most = Math.min(claimed.room, ring.units - ring.offset(at) / UNIT, stageUnits - from);
		let units = first;
		let count = 1;
		for (; units < most; count++) {
			const next = stagedUnits(staged, from + units);
			if (units + next > most) break;
			units += next;
		}
		ring.copyRecords(ring.offset(at), staged, from * UNIT, (from + units) * UNIT);
		publish(state, (at + units) | 0, count);
		from += units;
		sent += count;
	}
	let refused = 0;
	for (let at = from; staged !== undefined && at < stageUnits; at += stagedUnits(staged, at)) refused++;
	state.stageUnits = 0;
	accepted[0] = sent;
	return refuse(state, status, refused);
}
