import { bufferLengthOf, viewOfBytes } from "@libipc/core/api";
import {
	type EngineReceiver,
	type EngineWaker,
	EventIndex,
	type LetterOrigin,
	RECORD_BYTES,
	RecordKind,
	Status,
	WaitBits,
} from "@libipc/protocol";
import { peersOf } from "../peers.ts";
import { arm, armed } from "../segment/event.ts";
import { isStamped, type Segment } from "../segment/segment.ts";
import { pollSlots } from "../segment/slots.ts";
import { findLatest } from "./latest.ts";
import { Letters, type OtherQueues } from "./letters.ts";
import { findAny, findNext } from "./next.ts";
import { overrunFound, overrunStart } from "./overrun.ts";
import { QUEUE_MOVE, queueDone, queueNextDue, queueRecover, queueRetry, queueTake } from "./queue.ts";
import { ASSEMBLED, Found, ReceiverState } from "./receiver_state.ts";
import { pollForData, pollSegment, waitForData } from "./receiver_wait.ts";
import { ringUnits } from "./ring.ts";
import { Target } from "./target.ts";

const DATA = 1 << EventIndex.data;
const PEERS = 1 << EventIndex.peers;
const ANY_LENGTH = 0x7fffffff;
const NOTHING = new Target(new Uint8Array(0));
/** The largest buffer of a caller that is kept from collection. */
const LARGEST_KEPT = 1 << 20;

/** A receiver over a segment: `native/src/receiver.c`, `receiver_recv.c` and `receiver_lease.c`. */
export class SegmentReceiver implements EngineReceiver {
	readonly isStamped: boolean;
	readonly #state: ReceiverState;
	readonly #found = new Found();
	/** The last target of a caller, and a view of its memory: a program usually passes the same one again. */
	#given: Uint8Array | undefined;
	#target: Target = NOTHING;
	readonly #segment: Segment;
	readonly #leave: () => void;
	#isOpen = true;
	/** Of a queue: how many leases are open. */
	#leases = 0;
	/** How many messages the last peek found, the position of the first of them, and the position behind them. */
	#peeked = 0;
	#peekedAt = 0;
	#peekedTo = 0;

	/** Of a queue. */
	readonly #letters: Letters | undefined;

	/**
	 * `slot` is the first word of its slot, whose position was taken with the same `fromOldest`; `leave` gives the slot up. A receiver of
	 * a queue opens senders of `queues`. If its dead-letter queue cannot be opened, this throws.
	 */
	constructor(
		segment: Segment,
		slot: number,
		instance: number,
		fromOldest: boolean,
		leave: () => void,
		queues?: OtherQueues,
	) {
		this.#state = new ReceiverState(segment, slot, instance);
		this.#segment = segment;
		this.#leave = leave;
		this.isStamped = isStamped(segment);
		if (this.#state.isOverrun) overrunStart(this.#state, fromOldest);
		this.#state.leave();
		if (!queues || !this.#state.isQueue) return;
		this.#letters = new Letters(this.#state, queues);
		this.#letters.open();
	}

	recv(target: Uint8Array, timeout: number, capacity: number = target.byteLength): number {
		return this.recvInto(target, capacity, timeout);
	}

	/**
	 * Runtimes read properties of what they copy into, and those of a caller's object may say anything. Short, so that V8 compiles all
	 * that a message needs into one function.
	 */
	recvInto(given: Uint8Array, capacity: number, timeout: number): number {
		const target = this.#target;
		// The view is shorter if the target follows a buffer that was resized. A closed receiver has no target.
		if (given !== this.#given || target.bytes.byteLength < capacity)
			return this.#recvIntoOther(given, capacity, timeout);
		const state = this.#state;
		const { position } = state;
		// Without a call: one more message of the ring. Queues and receivers that may be overrun have no known run.
		if (position !== state.lentAt && (position !== state.head || (state.isPlain && state.hasMore()))) {
			const { ring } = state;
			const length = ring.lengthAt(position, state.head);
			if (length >= 0 && length <= capacity) {
				ring.copyTo(target, ring.offset(position) + RECORD_BYTES, length);
				state.advance(ringUnits(length));
				return this.#segment.result(length);
			}
		}
		return this.#segment.result(this.#recvAny(target, timeout, capacity));
	}

	recvLatest(target: Uint8Array, timeout: number, capacity: number = target.byteLength): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		if (state.isQueue) return Status.invalidArgument;
		this.#found.begin();
		state.assembly.lendTarget(target, capacity);
		state.enter();
		const length = this.#recvOfRing(new Target(target), timeout, capacity, true);
		state.leave();
		state.assembly.giveTargetBack();
		return this.#segment.result(length);
	}

	/** Into another target than the last time. */
	#recvIntoOther(given: Uint8Array, capacity: number, timeout: number): number {
		if (!this.#isOpen) return Status.closed;
		const target = new Target(viewOfBytes(given, capacity));
		if (bufferLengthOf(target.bytes) > LARGEST_KEPT)
			return this.#segment.result(this.#recvAny(target, timeout, capacity));
		this.#given = given;
		this.#target = target;
		return this.recvInto(given, capacity, timeout);
	}

	/** The path that most calls do not take. */
	#recvAny(target: Target, timeout: number, capacity: number): number {
		const state = this.#state;
		this.#found.begin();
		if (state.isQueue) return this.#recvOfQueue(target, timeout, capacity);
		state.assembly.lendTarget(target.bytes, capacity);
		state.enter();
		const length = this.#recvOfRing(target, timeout, capacity);
		state.leave();
		state.assembly.giveTargetBack();
		return length;
	}

	/** A message that was overwritten while it was copied is lost, and the next one is received. */
	#recvOfRing(target: Target, timeout: number, capacity: number, latest = false): number {
		const state = this.#state;
		const found = this.#found;
		for (;;) {
			const units = latest ? this.#latestOrWait(timeout) : this.#nextOrWait(timeout);
			if (units < 0) return units;
			const { at, length } = found;
			if (length > capacity) return Status.bufferTooSmall;
			if (at === ASSEMBLED) {
				state.assembly.finishInto(target.bytes);
			} else {
				state.assembly.giveTargetBack();
				state.ring.copyTo(target, at, length);
				if (state.isOverrun && overrunFound(state)) continue;
			}
			state.number++;
			state.advance(units);
			return length;
		}
	}

	#nextOrWait(timeout: number): number {
		const state = this.#state;
		const found = this.#found;
		for (;;) {
			const units = state.isOverrun ? findAny(state, found) : findNext(state, found);
			if (units !== Status.timedOut) return units;
			const status = waitForData(state, found, timeout);
			if (status !== 0) return status;
		}
	}

	#latestOrWait(timeout: number): number {
		const state = this.#state;
		const found = this.#found;
		for (;;) {
			const units = findLatest(state, found);
			if (units !== Status.timedOut) return units;
			const status = waitForData(state, found, timeout);
			if (status !== 0) return status;
		}
	}

	/** `queueTake` of what is for receivers: what is for another queue is moved there first. */
	#takeNow(most: number): number {
		const state = this.#state;
		for (;;) {
			const status = queueTake(this.#segment, state.ring, state.instance, most, state.taken);
			if (status !== QUEUE_MOVE) return status;
			const settled = this.#letters ? this.#letters.settle(state.taken.offset) : Status.notFound;
			if (settled === 0) continue;
			this.#leases++; // it could not be put back: close does that
			return settled;
		}
	}

	/** A queue's take, with its wait. A receiver that never finds the queue empty must notice the leases of dead receivers too. */
	#takeOrWait(timeout: number, most: number): number {
		const state = this.#state;
		for (;;) {
			pollSegment(state);
			const status = this.#takeNow(most);
			if (status === 0) this.#leases++;
			if (status !== Status.timedOut) return status;
			const waited = waitForData(state, this.#found, timeout);
			if (waited !== 0) return waited;
		}
	}

	#recvOfQueue(target: Target, timeout: number, capacity: number): number {
		const status = this.#takeOrWait(timeout, capacity);
		if (status !== 0) return status;
		const { offset, length } = this.#state.taken;
		this.#state.ring.copyTo(target, offset, length);
		this.done(offset);
		return length;
	}

	nextLength(): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		if (state.isQueue) {
			const status = this.#takeNow(-1);
			return this.#segment.result(status === Status.bufferTooSmall ? state.taken.length : status);
		}
		state.enter();
		const units = findAny(state, this.#found);
		state.leave();
		return this.#segment.result(units < 0 ? units : this.#found.length);
	}

	takeAssembled(): Uint8Array<ArrayBuffer> | null {
		const state = this.#state;
		if (!this.#isOpen || state.isQueue) return null;
		state.enter();
		const units = findAny(state, this.#found);
		let message: Uint8Array<ArrayBuffer> | null = null;
		if (units > 0 && this.#found.at === ASSEMBLED) {
			message = state.assembly.take();
			state.number++;
			state.advance(units);
		}
		state.leave();
		return message;
	}

	peek(spans: Uint32Array, max: number, target: Uint8Array, timeout: number): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		if (state.isQueue) return Status.invalidArgument;
		if (max === 0) return 0;
		this.#found.begin();
		state.assembly.lendTarget(target, target.byteLength);
		state.enter();
		let units = this.#nextOrWait(timeout);
		state.leave();
		if (units >= 0 && (state.isOverrun || this.#found.at === ASSEMBLED))
			units = this.#recvPeeked(spans, target, timeout);
		state.assembly.giveTargetBack();
		return this.#segment.result(units < 0 ? units : this.#fillSpans(spans, max, units));
	}

	/** The message that was found does not lie in the ring, or may be overwritten there: it is copied to the target if it fits. */
	#recvPeeked(spans: Uint32Array, target: Uint8Array, timeout: number): number {
		const found = this.#found;
		spans[0] = found.length;
		if (found.length > target.byteLength) return Status.notInPlace;
		// It may have been overwritten, and a longer message may be next.
		const length = this.#recvAny(new Target(target), timeout, target.byteLength);
		if (length === Status.bufferTooSmall) spans[0] = target.byteLength + 1;
		else if (length < 0) return length;
		else spans[0] = length;
		return Status.notInPlace;
	}

	/** The message of so many units at the position, and the messages after it that can be read in the ring. */
	#fillSpans(spans: Uint32Array, max: number, firstUnits: number): number {
		const state = this.#state;
		const { ring, head } = state;
		let { position } = state;
		let units = firstUnits;
		let count = 1;
		spans[0] = this.#found.at;
		spans[1] = this.#found.length;
		position = (position + units) | 0;
		while (count < max && position !== head) {
			units = ring.read(position, head, position === state.lentAt);
			// The run ends at a loan, a fragment, or damage, which the next call reports.
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
		this.#peeked = count;
		this.#peekedAt = state.position;
		this.#peekedTo = position;
		return count;
	}

	consume(count: number): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		if (state.isQueue || state.isOverrun) return Status.invalidArgument;
		if (count > 0 && count === this.#peeked && state.position === this.#peekedAt) {
			// All that the last peek found: their records need not be read again.
			state.advance((this.#peekedTo - state.position) >>> 0);
			return this.#segment.result(0);
		}
		for (let i = 0; i < count; i++) {
			const units = findNext(state, this.#found);
			if (units < 0) return this.#segment.result(units === Status.timedOut ? Status.invalidArgument : units);
			if (this.#found.at === ASSEMBLED) return Status.invalidArgument; // peek does not count such a message
			state.advance(units);
		}
		return this.#segment.result(0);
	}

	take(lease: Uint32Array, timeout: number): number {
		if (!this.#isOpen) return Status.closed;
		if (!this.#state.isQueue) return Status.invalidArgument;
		this.#found.begin();
		const status = this.#takeOrWait(timeout, ANY_LENGTH);
		if (status === 0) {
			const { taken } = this.#state;
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

	retry(offset: number, delay: number): number {
		if (!this.#isOpen) return Status.closed;
		const { ring, instance } = this.#state;
		return this.#endLease(queueRetry(this.#segment, ring, instance, offset, delay));
	}

	reject(offset: number, reason: Uint8Array): number {
		if (!this.#isOpen) return Status.closed;
		return this.#endLease(this.#letters?.reject(offset, reason) ?? Status.invalidArgument);
	}

	redrive(offset: number): number {
		if (!this.#isOpen) return Status.closed;
		return this.#endLease(this.#letters?.redrive(offset) ?? Status.invalidArgument);
	}

	origin(offset: number): LetterOrigin | undefined {
		return this.#isOpen ? this.#letters?.origin(offset) : undefined;
	}

	nextDue(): number {
		return this.#isOpen && this.#state.isQueue ? queueNextDue(this.#segment) : -1;
	}

	#endLease(status: number): number {
		if (status === 0) this.#leases--;
		return this.#segment.result(status);
	}

	lost(): number {
		return this.#state.lost;
	}

	skipped(): number {
		return this.#state.skipped;
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
		const { ring, instance, assembly } = this.#state;
		if (this.#leases > 0) queueRecover(this.#segment, ring, instance, instance);
		this.#letters?.close();
		this.#state.publishLast();
		assembly.clear();
		this.#given = undefined;
		this.#target = NOTHING;
		this.#leave();
	}
}

/**
 * A receiver that was collected holds nothing but its slot, and open leases of a queue. Those are found like the leases of a dead
 * receiver, because their instance is in no slot any more.
 */
export function abandonReceiver(): void {}
