import {
	type EngineSignal,
	type EngineWaker,
	EventIndex,
	headerWord,
	SLOT_WORDS,
	Status,
	slotWord,
	WaitBits,
} from "@libipc/protocol";
import { arm, Backoff, deadlineAfter, FIRST_SLICE, notify, PASSED, prepare, SLICE, sleep } from "../segment/event.ts";
import { instanceAt, receiverSlotsUsed } from "../segment/slots.ts";
import { SegmentHandle } from "./handle.ts";

const { orphaned: ORPHANED } = headerWord;
const { armed: ARMED, asleep: ASLEEP, observer: OBSERVER, pending: PENDING } = slotWord;
const DATA = 1 << EventIndex.data;
const IDS = 64;

/** The lowest bit that is set. */
const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits);

/** The first id from `from` on, which goes round; there is one. */
function firstFrom(low: number, high: number, from: number): number {
	const isHigh = from >= 32;
	const [first, other] = isHigh ? [high, low] : [low, high];
	const base = isHigh ? 32 : 0;
	const ahead = first & (-1 << (from & 31));
	if (ahead !== 0) return base + lowest(ahead);
	return other !== 0 ? 32 - base + lowest(other) : base + lowest(first);
}

/**
 * A handle of a Signal: `native/src/signal.c`, which says why no notification is lost. Its slot has the ids that others have notified
 * and it has not taken, as two words of bits. Others set bits, and only it clears them.
 */
export class SegmentSignal extends SegmentHandle implements EngineSignal {
	#nextId = 0;

	/** The time to look for dead listeners and for a lost name: a handle that only notifies has no other occasion to. */
	#check(): void {
		if (this.isTimeToReap()) this.poll();
	}

	#orphaned(): number {
		return Atomics.load(this.segment.words, ORPHANED) === 0 ? Status.timedOut : Status.orphaned;
	}

	notify(low: number, high: number): number {
		const { segment } = this;
		if (!this.isOpen) return Status.closed;
		if ((low | high) === 0) return segment.result(Status.invalidArgument);
		if (this.#orphaned() === Status.orphaned) return segment.result(Status.orphaned);
		const { words, receivers } = segment;
		let notified = 0;
		for (let at = receivers, end = at + receiverSlotsUsed(segment) * SLOT_WORDS; at < end; at += SLOT_WORDS) {
			const instance = instanceAt(segment, at);
			if (instance === 0 || instance === this.instance || words[at + OBSERVER] !== 0) continue;
			if (low !== 0) Atomics.or(words, at + PENDING, low);
			if (high !== 0) Atomics.or(words, at + PENDING + 1, high);
			notified++;
		}
		if (notified > 0) notify(segment, EventIndex.data);
		this.#check();
		return segment.result(notified);
	}

	#take(): number {
		const { words } = this.segment;
		const at = this.at + PENDING;
		const low = Atomics.load(words, at);
		const high = Atomics.load(words, at + 1);
		if ((low | high) === 0) return Status.timedOut;
		const id = firstFrom(low, high, this.#nextId);
		Atomics.and(words, at + (id >> 5), ~(1 << (id & 31)));
		this.#nextId = (id + 1) % IDS;
		return id;
	}

	/** What was notified before the name was removed is still taken. */
	#attempt(): number {
		const id = this.#take();
		return id >= 0 ? id : this.#orphaned();
	}

	wait(timeout: number): number {
		if (!this.isOpen) return Status.closed;
		const { segment } = this;
		let id = this.#take();
		if (id >= 0) return segment.result(id);
		if (segment.words[this.at + OBSERVER] !== 0) return segment.result(Status.invalidArgument);
		this.#check();
		id = this.#attempt();
		if (id === Status.timedOut && timeout !== 0) id = this.#waitUntil(deadlineAfter(segment, timeout));
		return segment.result(id);
	}

	#waitUntil(until: number): number {
		const { segment } = this;
		let deadline = until;
		const backoff = new Backoff(segment);
		for (let slice = FIRST_SLICE; ; ) {
			let id = this.#attempt();
			if (id !== Status.timedOut) return id;
			if (backoff.pause()) continue;
			if (segment.platform.now() >= deadline) return id;
			const seen = prepare(segment, EventIndex.data);
			id = this.#attempt();
			if (id !== Status.timedOut) return id;
			segment.words[this.at + ASLEEP] = 1;
			if (sleep(segment, EventIndex.data, seen, deadline, slice)) deadline = PASSED;
			segment.words[this.at + ASLEEP] = 0;
			id = this.#attempt();
			if (id !== Status.timedOut) return id;
			slice = SLICE;
			this.#check();
		}
	}

	override arm(_wait: number, waker: EngineWaker): void {
		if (this.isOpen) arm(this.segment, this.at, DATA, waker.low, waker.high);
	}

	override disarm(_wait: number): void {
		if (this.isOpen) Atomics.and(this.segment.words, this.at + ARMED, ~DATA);
	}

	override armed(): number {
		return this.isOpen && Atomics.load(this.segment.words, this.at + ARMED) & DATA ? WaitBits.lock : 0;
	}

	protected abandon(): void {}
}
