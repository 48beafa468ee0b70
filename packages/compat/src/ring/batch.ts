import { RECORD_BYTES, RecordKind, Status, UNIT } from "@libipc/protocol";
import { claimHead, publish } from "./head.ts";
import { queuePutLease } from "./queue.ts";
import { RecordBytes, ringUnits } from "./ring.ts";
import type { SenderState } from "./sender_state.ts";

/** Messages gathered in memory of our own, to be published together: `native/src/batch.c`. */
const STAGE_BYTES = 64 << 10;

/** Copies into the batch; `timedOut`: it is full. */
export function stage(state: SenderState, bytes: Uint8Array, length: number): number {
	if (length > state.maxRecord) return Status.messageTooLarge;
	const units = state.units(length);
	let staged = state.stage;
	if (staged === undefined || (state.stageUnits + units) * UNIT > staged.bytes.length) {
		if (state.stageUnits > 0) return Status.timedOut;
		// Empty and still too small, or not there yet: make it fit this one.
		const capacity = Math.max(units * UNIT, Math.min(state.segment.capacity / 2, STAGE_BYTES));
		try {
			staged = state.stage = new RecordBytes(new ArrayBuffer(capacity), 0, capacity);
		} catch {
			return Status.noSpace;
		}
	}
	const at = state.stageUnits * UNIT;
	// No byte of an earlier batch travels in what rounds the record up.
	const last = (at + units * UNIT) >> 2;
	staged.words[last - 1] = staged.words[last - 2] = 0;
	putMessage(state, staged, at, bytes, length);
	state.stageUnits += units;
	return 0;
}

/** A message's record, at an offset in the ring or the stage. */
export function putMessage(state: SenderState, to: RecordBytes, at: number, bytes: Uint8Array, length: number): void {
	const { leaseBytes } = state;
	to.putHeader(at, length + leaseBytes, RecordKind.message);
	if (leaseBytes > 0) queuePutLease(to, at + RECORD_BYTES);
	to.copyIn(at + RECORD_BYTES + leaseBytes, bytes, 0, length);
}

const stagedUnits = (staged: RecordBytes, at: number): number => ringUnits(staged.words[at << 1] as number);

/** Sends the batch and answers how many of it were accepted; what was not is forgotten. */
export function flush(state: SenderState, timeout: number): number {
	const { ring, stage: staged, stageUnits } = state;
	let accepted = 0;
	let status = 0;
	let from = 0;
	state.deadline = 0;
	while (staged !== undefined && from < stageUnits) {
		const first = stagedUnits(staged, from);
		status = claimHead(state, first, timeout);
		if (status !== 0) break;
		// The first record has room; take along whatever follows it up to the limit or the ring's end.
		const most = Math.min(state.room, ring.units - ring.offset(state.at) / UNIT, stageUnits - from);
		let units = first;
		let count = 1;
		for (; units < most; count++) {
			const next = stagedUnits(staged, from + units);
			if (units + next > most) break;
			units += next;
		}
		ring.copyRecords(ring.offset(state.at), staged, from * UNIT, (from + units) * UNIT);
		publish(state, (state.at + units) | 0, count);
		from += units;
		accepted += count;
	}
	state.stageUnits = 0;
	return status <= Status.invalidArgument && accepted === 0 ? status : accepted;
}
