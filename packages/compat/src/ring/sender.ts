import {
	type EngineSender,
	type EngineWaker,
	EventIndex,
	headerWord,
	Kind,
	OverflowKind,
	type PresentSender,
	Status,
	slotWord,
	WaitBits,
} from "@libipc/protocol";
import { peersOf } from "../peers.ts";
import { claimTakeOver } from "../segment/claim_lock.ts";
import {
	AWAITS_READING,
	arm,
	armed,
	deadlineAfter,
	endReadWaits,
	PASSED,
	prepare,
	SLICE,
	sleep,
} from "../segment/event.ts";
import { isOrphaned } from "../segment/orphaned.ts";
import { isStamped, type Segment } from "../segment/segment.ts";
import { evictDead, pollSlots, presentSender } from "../segment/slots.ts";
import { flush, stage } from "./batch.ts";
import { maxOverwriting, sendFragments, sendPart } from "./fragments.ts";
import { claimHead, publish, refuse } from "./head.ts";
import { endLoan, loan, maxLoan } from "./loan.ts";
import { pollRead, readPoint } from "./read_point.ts";
import { checkLiveness } from "./sender_liveness.ts";
import { Claimed, SenderState } from "./sender_state.ts";

const { claim: CLAIM, gatedCount: GATED_COUNT, receiverCount: RECEIVER_COUNT } = headerWord;
const { armed: ARMED } = slotWord;

/** `IPC_MAX_MESSAGE`. */
const MAX_MESSAGE = 0x7fffffff;

/** `ipc_sender_max_message`. */
function maxMessage(state: SenderState): number {
	const { kind, overflow } = state.segment;
	if (kind === Kind.queue) return state.maxRecord;
	return overflow === OverflowKind.dropOldest ? maxOverwriting(state) : MAX_MESSAGE;
}

const PEERS = 1 << EventIndex.peers;
/** A sender waits for one of these two: for the one that was missing. */
const SPACE = 1 << EventIndex.space;
const CLAIM_FREE = 1 << EventIndex.claimFree;

/**
 * A sender over a segment: `native/src/sender.c`. The claim of a route was taken by the code that opened the
 * sender, or is taken by `takeOver`.
 */
export class SegmentSender implements EngineSender {
	readonly maxMessageLength: number;
	readonly maxRecordLength: number;
	readonly maxLoanLength: number;
	readonly stamp: number;
	readonly #state: SenderState;
	readonly #claimed = new Claimed();
	readonly #segment: Segment;
	readonly #leave: () => void;
	#isOpen = true;

	/** `slot` is the first word of its slot; `leave` gives the slot up. */
	constructor(segment: Segment, slot: number, instance: number, leave: () => void) {
		const state = new SenderState(segment, slot, instance);
		this.#state = state;
		this.#segment = segment;
		this.#leave = leave;
		this.maxRecordLength = state.maxRecord;
		this.maxMessageLength = maxMessage(state);
		this.maxLoanLength = maxLoan(state);
		this.stamp = isStamped(segment) ? instance >>> 0 : 0;
	}

	send(bytes: Uint8Array, length: number, timeout: number): number {
		if (!this.#isOpen) return Status.closed;
		const state = this.#state;
		if (length > state.maxRecord) return refuse(state, this.#sendFragments(bytes, length, timeout), 1);
		const { ring } = state;
		const units = state.units(length);
		const claimed = this.#claimed.begin();
		const status = claimHead(state, claimed, units, timeout);
		if (status !== 0) return refuse(state, status, 1);
		const { at } = claimed;
		state.putMessage(ring, ring.offset(at), bytes, length);
		publish(state, (at + units) | 0, 1);
		return this.#segment.result(0);
	}

	#sendFragments(bytes: Uint8Array, length: number, timeout: number): number {
		if (length > this.maxMessageLength) return Status.messageTooLarge;
		return sendFragments(this.#state, this.#claimed.begin(), bytes, length, timeout);
	}

	sendPart(bytes: Uint8Array, length: number, progress: Uint32Array): number {
		if (!this.#isOpen) return Status.closed;
		if (length > this.maxMessageLength) return Status.messageTooLarge;
		if (length > this.maxRecordLength)
			return refuse(this.#state, sendPart(this.#state, this.#claimed.begin(), bytes, length, progress), 1);
		const status = this.send(bytes, length, 0);
		if (status === 0) progress[0] = length;
		return status;
	}

	abortPart(): void {
		this.#state.unfinished = 0;
	}

	stage(bytes: Uint8Array, length: number): number {
		return this.#isOpen ? stage(this.#state, bytes, length) : Status.closed;
	}

	flush(timeout: number, accepted: Uint32Array): number {
		accepted[0] = 0;
		if (!this.#isOpen) return Status.closed;
		return flush(this.#state, this.#claimed.begin(), timeout, accepted);
	}

	loan(length: number, timeout: number): number {
		if (!this.#isOpen) return Status.closed;
		return refuse(this.#state, loan(this.#state, this.#claimed.begin(), length, timeout), 1);
	}

	endLoan(offset: number, length: number): number {
		return this.#isOpen ? this.#segment.result(endLoan(this.#state, offset, length)) : Status.closed;
	}

	ring(): Uint8Array {
		return this.#state.ring.bytes;
	}

	takeOver(timeout: number): number | PresentSender {
		if (!this.#isOpen) return Status.closed;
		const segment = this.#segment;
		const { instance } = this.#state;
		let deadline = 0;
		for (;;) {
			const seen = prepare(segment, EventIndex.peers);
			if (isOrphaned(segment)) return segment.result(Status.orphaned);
			// Without the name lock: ipc_sender_take_over() in native/src/sender.c.
			if (claimTakeOver(segment, CLAIM, instance)) return segment.result(0);
			const present = presentSender(segment);
			// A sender of this thread cannot leave while the thread sleeps here.
			if (timeout === 0 || present.isOfThisThread) return present;
			if (deadline === 0) deadline = deadlineAfter(segment, timeout);
			if (segment.platform.now() >= deadline) return present;
			// A signal does not end it, as in C.
			sleep(segment, EventIndex.peers, seen, deadline, SLICE);
		}
	}

	receiverCount(): number {
		if (!this.#isOpen) return 0;
		checkLiveness(this.#state);
		return Math.min(Atomics.load(this.#segment.words, GATED_COUNT) >>> 0, this.#segment.maxReceivers);
	}

	observerCount(): number {
		if (!this.#isOpen) return 0;
		checkLiveness(this.#state);
		const { words, maxReceivers } = this.#segment;
		// A count that is stored between the two loads may be in one of them only.
		const count = (Atomics.load(words, RECEIVER_COUNT) - Atomics.load(words, GATED_COUNT)) | 0;
		return Math.min(Math.max(count, 0), maxReceivers);
	}

	waitForReceivers(count: number, timeout: number): number {
		if (!this.#isOpen) return Status.closed;
		const segment = this.#segment;
		if (count > segment.maxReceivers) return Status.invalidArgument;
		let deadline = 0;
		for (;;) {
			const seen = prepare(segment, EventIndex.peers);
			if (Atomics.load(segment.words, GATED_COUNT) >>> 0 >= count) {
				// The count may include a receiver that was killed, if no endpoint has noticed that yet.
				if (!evictDead(segment)) return segment.result(0);
				continue;
			}
			if (isOrphaned(segment)) return segment.result(Status.orphaned);
			if (timeout === 0) return segment.result(Status.timedOut);
			if (deadline === 0) deadline = deadlineAfter(segment, timeout);
			if (segment.platform.now() >= deadline) return segment.result(Status.timedOut);
			if (sleep(segment, EventIndex.peers, seen, deadline, SLICE)) deadline = PASSED;
			evictDead(segment); // it also counts receivers that a killed thread has counted wrongly
		}
	}

	readPoint(point: Uint32Array): number {
		return this.#isOpen ? readPoint(this.#state, point) : Status.closed;
	}

	pollRead(point: Uint32Array): number {
		return this.#isOpen ? pollRead(this.#state, point) : Status.closed;
	}

	endReadWaits(): void {
		if (this.#isOpen) endReadWaits(this.#segment, this.#state.slot);
	}

	arm(wait: number, waker: EngineWaker): void {
		if (!this.#isOpen) return;
		const { words, slot, awaitsClaim } = this.#state;
		let events = (wait & WaitBits.peers ? PEERS : 0) | (wait & WaitBits.read ? SPACE : 0);
		if (wait & WaitBits.space) {
			// Not for the claim while it waits for space: a send without success gives the claim back, which would signal this sender
			// again and again. An arming for space stays: a wait for receivers needs it, and for others it is one signal too many.
			Atomics.and(words, slot + ARMED, ~CLAIM_FREE);
			events |= awaitsClaim ? CLAIM_FREE : SPACE;
		}
		arm(this.#segment, slot, events, waker.low, waker.high);
	}

	poll(wait: number, waker: EngineWaker): boolean {
		if (!this.#isOpen) return false;
		this.arm(wait, waker);
		const changed = (wait & WaitBits.peers) !== 0 && pollSlots(this.#segment, this.#state.peersSeen);
		// The next try to send, or look at the receivers, looks for dead peers itself.
		return changed || (wait & (WaitBits.space | WaitBits.read)) !== 0;
	}

	armed(): number {
		if (!this.#isOpen) return 0;
		// The try after arm() may have found that the other of the two is missing. Then it is not armed for what it waits for.
		const all = armed(this.#segment, this.#state.slot);
		const events = all & (PEERS | (this.#state.awaitsClaim ? CLAIM_FREE : SPACE));
		return (
			(events & (SPACE | CLAIM_FREE) ? WaitBits.space : 0) |
			(events & PEERS ? WaitBits.peers : 0) |
			(all & SPACE && all & AWAITS_READING ? WaitBits.read : 0)
		);
	}

	peers(records: Uint32Array): number {
		return this.#isOpen ? peersOf(this.#segment, this.#state.slot, this.#state.instance, records) : 0;
	}

	close(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		abandonSender(this.#segment, this.#state.instance);
		this.#state.stage = undefined;
		this.#leave();
	}
}

/** Gives back what a sender holds besides its slot: the claim of a route. For a sender that is closed, or was collected. */
export function abandonSender({ kind, words }: Segment, instance: number): void {
	// A sender that waits for another one does not have it.
	if (kind === Kind.route) Atomics.compareExchange(words, CLAIM, instance, 0);
}
