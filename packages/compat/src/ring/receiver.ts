import {
	type EngineReceiver,
	type EngineWaker,
	EventIndex,
	RECORD_BYTES,
	RecordKind,
	Status,
	WaitBits,
} from "@libipc/protocol";
import { peersOf } from "../peers.ts";
import { arm, armed } from "../segment/event.ts";
import type { Segment } from "../segment/segment.ts";
import { pollSlots } from "../segment/slots.ts";
import { ASSEMBLED, findAny, findNext } from "./next.ts";
import { overrunFound, overrunStart } from "./overrun.ts";
import { queueDone, queueRecover, queueRetry, queueTake, taken } from "./queue.ts";
import { ReceiverState } from "./receiver_state.ts";
import { pollForData, pollSegment, waitForData } from "./receiver_wait.ts";

const DATA = 1 << EventIndex.data;
const PEERS = 1 << EventIndex.peers;
const ANY_LENGTH = 0x7fffffff;

/** A receiver over a segment: `native/src/receiver.c`. */
export class SegmentReceiver implements EngineReceiver {
	readonly #state: ReceiverState;
	readonly #segment: Segment;
	readonly #leave: () => void;
	#isOpen = true;

	/** `place` is the word of its place, whose position was taken with the same `fromOldest`; `leave` gives it up. */
	constructor(segment: Segment, slot: number, instance: number, fromOldest: boolean, leave: () => void) {
		this.#state = new ReceiverState(segment, slot, instance);
		this.#segment = segment;
		this.#leave = leave;
		if (this.#state.isOverrun) overrunStart(this.#state, fromOldest);
	}

	recv(target: Uint8Array, timeout: number, capacity: number = target.byteLength): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		const { position, ring } = state;
		// In line: one more message of a known run. Queues and receivers that may be overrun know of none.
		if (position !== state.head) {
			const units = ring.read(position, state.head, position === state.lentAt);
			const { length } = ring;
			if (units !== 0 && ring.kind === RecordKind.message && length <= capacity) {
				ring.copyOut(ring.offset(position) + RECORD_BYTES, target, 0, length);
				state.advance(units);
				return this.#segment.result(length);
			}
		}
		return this.#segment.result(this.#recvAny(target, timeout, capacity));
	}

	/** What most calls do not come to. */
	#recvAny(target: Uint8Array, timeout: number, capacity: number): number {
		const state = this.#state;
		state.until = 0;
		if (state.isQueue) return this.#recvOfQueue(target, timeout, capacity);
		state.assembly.lendTarget(target, capacity);
		const length = this.#recvOfRing(target, timeout, capacity);
		// No known run: what is there may be overwritten before the next call.
		if (state.isOverrun) state.head = state.position;
		state.assembly.giveTargetBack();
		return length;
	}

	/** One that was overwritten while it was copied was lost, and the next one is taken. */
	#recvOfRing(target: Uint8Array, timeout: number, capacity: number): number {
		const state = this.#state;
		for (;;) {
			const units = this.#nextOrWait(timeout);
			if (units < 0) return units;
			const { at, length } = state;
			if (length > capacity) return Status.bufferTooSmall;
			if (at === ASSEMBLED) {
				state.assembly.finishInto(target);
			} else {
				state.assembly.giveTargetBack();
				state.ring.copyOut(at, target, 0, length);
				if (state.isOverrun && overrunFound(state)) continue;
			}
			state.number++;
			state.advance(units);
			return length;
		}
	}

	#nextOrWait(timeout: number): number {
		const state = this.#state;
		for (;;) {
			const units = state.isOverrun ? findAny(state) : findNext(state);
			if (units !== Status.timedOut) return units;
			const status = waitForData(state, timeout);
			if (status !== 0) return status;
		}
	}

	/** A queue's take, with its wait. A receiver that never finds it empty must notice what the dead held too. */
	#takeOrWait(timeout: number, most: number): number {
		const state = this.#state;
		for (;;) {
			pollSegment(state);
			const status = queueTake(this.#segment, state.ring, state.instance, most);
			if (status === 0) state.leases++;
			if (status !== Status.timedOut) return status;
			const waited = waitForData(state, timeout);
			if (waited !== 0) return waited;
		}
	}

	#recvOfQueue(target: Uint8Array, timeout: number, capacity: number): number {
		const status = this.#takeOrWait(timeout, capacity);
		if (status !== 0) return status;
		const { offset, length } = taken;
		this.#state.ring.copyOut(offset, target, 0, length);
		this.done(offset);
		return length;
	}

	nextLength(): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		if (state.isQueue) {
			const status = queueTake(this.#segment, state.ring, state.instance, -1);
			return this.#segment.result(status === Status.bufferTooSmall ? taken.length : status);
		}
		const units = findAny(state);
		if (state.isOverrun) state.head = state.position;
		return this.#segment.result(units < 0 ? units : state.length);
	}

	takeAssembled(): Uint8Array<ArrayBuffer> | null {
		const state = this.#state;
		if (!this.#isOpen || state.isQueue) return null;
		const units = findAny(state);
		let message: Uint8Array<ArrayBuffer> | null = null;
		if (units > 0 && state.at === ASSEMBLED) {
			message = state.assembly.keep();
			state.number++;
			state.advance(units);
		}
		if (state.isOverrun) state.head = state.position;
		return message;
	}

	peek(spans: Uint32Array, max: number, target: Uint8Array, timeout: number): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		if (state.isQueue) return Status.invalidArgument;
		if (max === 0) return 0;
		state.until = 0;
		state.assembly.lendTarget(target, target.byteLength);
		let units = this.#nextOrWait(timeout);
		if (units >= 0 && (state.isOverrun || state.at === ASSEMBLED)) units = this.#recvPeeked(spans, target, timeout);
		state.assembly.giveTargetBack();
		if (state.isOverrun) state.head = state.position;
		return this.#segment.result(units < 0 ? units : this.#fillSpans(spans, max, units));
	}

	/** A message that is found does not lie in place: it goes to the target, if it fits there. */
	#recvPeeked(spans: Uint32Array, target: Uint8Array, timeout: number): number {
		spans[0] = this.#state.length;
		if (this.#state.length > target.byteLength) return Status.notInPlace;
		// It may have been overwritten, and a larger one be next.
		const length = this.#recvAny(target, timeout, target.byteLength);
		if (length === Status.bufferTooSmall) spans[0] = target.byteLength + 1;
		else if (length < 0) return length;
		else spans[0] = length;
		return Status.notInPlace;
	}

	/** The message of so many units at position, and those after it that can be handed out. */
	#fillSpans(spans: Uint32Array, max: number, firstUnits: number): number {
		const state = this.#state;
		const { ring, head } = state;
		let { position } = state;
		let units = firstUnits;
		let count = 1;
		spans[0] = state.at;
		spans[1] = state.length;
		position = (position + units) | 0;
		while (count < max && position !== head) {
			units = ring.read(position, head, position === state.lentAt);
			// What comes before a loan, a fragment, or damage (which the next call reports) can be handed out.
			if (units === 0 || ring.kind === RecordKind.loan || ring.kind === RecordKind.fragment) break;
			if (ring.kind === RecordKind.message) {
				spans[2 * count] = ring.offset(position) + RECORD_BYTES;
				spans[2 * count + 1] = ring.length;
				count++;
			}
			position = (position + units) | 0;
			if (ring.kind === RecordKind.owner) {
				state.lender = ring.length;
				state.lentAt = position;
			}
		}
		state.peeked = count;
		state.peekedAt = state.position;
		state.peekedTo = position;
		return count;
	}

	consume(count: number): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		if (state.isQueue || state.isOverrun) return Status.invalidArgument;
		if (count > 0 && count === state.peeked && state.position === state.peekedAt) {
			// All of them: their records need not be read again.
			state.advance((state.peekedTo - state.position) >>> 0);
			return this.#segment.result(0);
		}
		for (let i = 0; i < count; i++) {
			const units = findNext(state);
			if (units < 0) return this.#segment.result(units === Status.timedOut ? Status.invalidArgument : units);
			if (state.at === ASSEMBLED) return Status.invalidArgument; // not one that was peeked at
			state.advance(units);
		}
		return this.#segment.result(0);
	}

	take(lease: Uint32Array, timeout: number): number {
		if (!this.#isOpen) return Status.closed;
		if (!this.#state.isQueue) return Status.invalidArgument;
		this.#state.until = 0;
		const status = this.#takeOrWait(timeout, ANY_LENGTH);
		if (status === 0) {
			lease[0] = taken.offset;
			lease[1] = taken.length;
			lease[2] = taken.attempt;
		}
		return this.#segment.result(status);
	}

	done(offset: number): number {
		if (!this.#isOpen) return Status.closed;
		const { ring, instance } = this.#state;
		return this.#endLease(queueDone(this.#segment, ring, instance, offset));
	}

	retry(offset: number): number {
		if (!this.#isOpen) return Status.closed;
		const { ring, instance } = this.#state;
		return this.#endLease(queueRetry(this.#segment, ring, instance, offset));
	}

	#endLease(status: number): number {
		if (status === 0) this.#state.leases--;
		return this.#segment.result(status);
	}

	lost(): number {
		return this.#state.lost;
	}

	ring(): Uint8Array {
		return this.#state.ring.bytes;
	}

	arm(wait: number, waker: EngineWaker): void {
		if (!this.#isOpen) return;
		const events = (wait & WaitBits.data ? DATA : 0) | (wait & WaitBits.peers ? PEERS : 0);
		arm(this.#segment, this.#state.slot, events, waker.low, waker.high);
	}

	poll(wait: number, waker: EngineWaker): boolean {
		if (!this.#isOpen) return false;
		this.arm(wait, waker);
		const changed = (wait & WaitBits.peers) !== 0 && pollSlots(this.#segment, this.#state.peersSeen);
		return ((wait & WaitBits.data) !== 0 && pollForData(this.#state)) || changed;
	}

	armed(): number {
		if (!this.#isOpen) return 0;
		const events = armed(this.#segment, this.#state.slot);
		return (events & PEERS ? WaitBits.peers : 0) | (events & DATA ? WaitBits.data : 0);
	}

	peers(records: Uint32Array): number {
		return this.#isOpen ? peersOf(this.#segment, this.#state.slot, this.#state.instance, records) : 0;
	}

	close(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		const { ring, instance, leases, assembly } = this.#state;
		if (leases > 0) queueRecover(this.#segment, ring, instance, instance);
		assembly.clear();
		this.#leave();
	}
}
