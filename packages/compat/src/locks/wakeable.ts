import {
	type EngineWaitTable,
	type EngineWaker,
	headerWord,
	Kind,
	Status,
	WAIT_WORDS,
	waitWord,
} from "@libipc/protocol";
import { Backoff, deadlineAfter, FIRST_SLICE, PASSED, SLICE } from "../segment/event.ts";
import { evictDead } from "../segment/slots.ts";
import { deathsAtStart, enter, isNotified, leave, sleepWait } from "../segment/waits.ts";
import { SegmentHandle } from "./handle.ts";

const { deaths: DEATHS, orphaned: ORPHANED } = headerWord;
const { instance: INSTANCE } = waitWord;

/** A handle whose waits are each woken separately: of a condition, or on words of shared memory. */
export abstract class WakeableHandle extends SegmentHandle implements EngineWaitTable {
	/** Each wait has its own waker. A waker of the handle would take notifications from the waits. */
	override arm(): void {}

	/** Begins a wait for `what`: its index, or `Status.tooManyWaits`. Without a waker the thread will sleep. */
	protected beginWait(what: number, waker: EngineWaker | undefined): number {
		const { segment, instance } = this;
		const { low, high } = waker ?? { low: 0, high: 0 };
		const index = enter(segment, instance, what, low, high);
		// Waits of dead handles may fill the table.
		if (index !== Status.tooManyWaits || !evictDead(segment)) return index;
		return enter(segment, instance, what, low, high);
	}

	#isOurs(index: number): boolean {
		const { words, waits, maxWaits } = this.segment;
		return index >= 0 && index < maxWaits && words[waits + index * WAIT_WORDS + INSTANCE] === this.instance;
	}

	/** 0: the wait was notified, or a handle has died that may have received the notification instead. */
	#progress(index: number): number {
		const { segment } = this;
		// Shared memory can be used as well without its name.
		if (segment.kind !== Kind.memory && Atomics.load(segment.words, ORPHANED) !== 0)
			return segment.result(Status.orphaned);
		const deaths = Atomics.load(segment.words, DEATHS);
		return isNotified(segment, index) || deathsAtStart(segment, index) !== deaths ? 0 : Status.timedOut;
	}

	sleep(index: number, timeout: number): number {
		if (!this.isOpen) return Status.closed;
		const { segment } = this;
		if (!this.#isOurs(index)) return segment.result(Status.invalidArgument);
		let status = this.#progress(index);
		if (status === Status.timedOut && timeout !== 0) status = this.#sleepUntil(index, deadlineAfter(segment, timeout));
		if (status !== Status.timedOut) leave(segment, index);
		return segment.result(status);
	}

	#sleepUntil(index: number, until: number): number {
		const { segment } = this;
		let deadline = until;
		const backoff = new Backoff(segment);
		for (let slice = FIRST_SLICE; ; ) {
			const status = this.#progress(index);
			if (status !== Status.timedOut) return status;
			if (backoff.pause()) continue;
			if (segment.platform.now() >= deadline) return status;
			if (sleepWait(segment, index, deadline, slice)) deadline = PASSED;
			if (this.#progress(index) !== Status.timedOut) continue;
			slice = SLICE;
			this.poll();
		}
	}

	leave(index: number): boolean {
		return this.isOpen && this.#isOurs(index) && leave(this.segment, index);
	}

	protected abandon(): void {}
}
