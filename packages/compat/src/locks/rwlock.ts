import { type EngineRwLock, headerWord, OWNER_DIED, SLOT_WORDS, Status, slotWord } from "@libipc/protocol";
import { isOrphaned } from "../segment/orphaned.ts";
import type { Segment } from "../segment/segment.ts";
import { evictDead, instanceAt, isOwnedByThisThread, isOwnerAlive } from "../segment/slots.ts";
import { ACQUIRE, notifyWaits, READERS } from "../segment/waits.ts";
import { ARMED_LOCK, ARMED_SHARED, type Tries } from "./handle.ts";
import { SegmentLock } from "./lock.ts";

const { receiverSlotsUsed: RECEIVER_SLOTS_USED, writing: WRITING } = headerWord;
const { held: HELD } = slotWord;

/** Whether a reader is inside, among the first `count` slots, and fulfils `isSuch`. */
function isInside(segment: Segment, count: number, isSuch?: (segment: Segment, at: number) => boolean): boolean {
	const { words } = segment;
	for (let at = segment.receivers, end = at + count * SLOT_WORDS; at < end; at += SLOT_WORDS) {
		if (instanceAt(segment, at) === 0 || Atomics.load(words, at + HELD) === 0) continue;
		if (!isSuch || isSuch(segment, at)) return true;
	}
	return false;
}

/**
 * A handle of a reader-writer lock: `native/src/rwlock.c`, which gives the steps of readers and writers, and says why a writer is always
 * alone inside. Atomics take the place of its two fences: a reader's store of `held` and load of the claim, and a writer's swap of the
 * claim and load of `held`, are sequentially consistent.
 */
export class SegmentRwLock extends SegmentLock implements EngineRwLock, Tries {
	/** This handle has the claim, and readers are still inside: it is the next writer. */
	#isNext = false;

	/** No reader can enter any more: 0 if all readers have left. */
	attempt(): number {
		const { segment } = this;
		const status = this.check();
		if (status !== 0) return status;
		const used = Math.min(Atomics.load(segment.words, RECEIVER_SLOTS_USED) >>> 0, segment.maxReceivers);
		return isInside(segment, used) ? Status.timedOut : 0;
	}

	attemptAndReap(): number {
		const { segment } = this;
		evictDead(segment);
		if (isOrphaned(segment)) return segment.result(Status.orphaned);
		const status = this.attempt();
		if (status !== Status.timedOut) return status;
		// All readers inside may be dead. Their slots stay for a while if another thread has the name lock.
		return isInside(segment, segment.maxReceivers, isOwnerAlive) ? status : 0;
	}

	/** The claim was taken, or given up: an event loop that is armed waits for something else from now on. */
	#setNext(isNext: boolean): void {
		this.#isNext = isNext;
		this.rearm(ARMED_LOCK, this.armedFor);
	}

	protected override get armedFor(): number {
		return this.#isNext ? READERS : ACQUIRE;
	}

	protected override cancelWrite(): void {
		if (!this.#isNext) return;
		this.#setNext(false);
		this.queuedLock.release();
	}

	lock(timeout: number, forTask: boolean): number {
		if (!this.isOpen) return Status.closed;
		const { segment } = this;
		const wasNext = this.#isNext;
		this.begin();
		// Also as the next writer, if a task has made it that: the call would wait for readers of this handle.
		if (this.holds > 0 && !forTask) return Status.deadlock;
		if (!wasNext) {
			const status = this.queuedLock.take(timeout);
			if (status < 0) return segment.result(status);
			this.#setNext(true);
		}
		let status = timeout === 0 && this.isTimeToReap() ? this.attemptAndReap() : this.attempt();
		if (status === Status.timedOut && timeout !== 0)
			// A reader of another handle of this thread: a wait that blocks the thread would never end.
			status = isInside(segment, segment.maxReceivers, isOwnedByThisThread)
				? Status.deadlock
				: this.waitFor(READERS, this, timeout);
		if (status === 0) return segment.result(this.#enter());
		if (status !== Status.timedOut || !(forTask || wasNext)) this.cancelWrite();
		return segment.result(status);
	}

	#enter(): number {
		const { words } = this.segment;
		const last = Atomics.load(words, WRITING);
		this.#isNext = false;
		// A thread that sees an unfinished change of the writer also sees that the writer is inside.
		Atomics.store(words, WRITING, this.instance);
		this.got(ARMED_LOCK);
		return last === 0 ? 0 : OWNER_DIED;
	}

	protected isOwner(): boolean {
		return this.queuedLock.isHeld && !this.#isNext;
	}

	unlock(): number {
		if (!this.isOpen) return Status.closed;
		if (!this.isOwner()) return this.segment.result(Status.notOwner);
		// A kill between the two: the work was complete, so the next owner does not get `OWNER_DIED`.
		Atomics.store(this.segment.words, WRITING, 0);
		this.queuedLock.release();
		return this.segment.result(0);
	}

	#leave(): void {
		this.holds = 0;
		notifyWaits(this.segment, READERS, 1);
	}

	#enterShared(timeout: number): number {
		const { holds } = this;
		this.holds = holds + 1;
		if (this.queuedLock.isFree) return 0;
		if (holds > 0) {
			this.holds = holds;
			return timeout === 0 ? Status.timedOut : Status.deadlock;
		}
		this.#leave();
		// The claim is this handle's own: it is the writer, or the next writer. In the second case another task of this thread ends it.
		if (this.queuedLock.isHeld) return this.#isNext && timeout === 0 ? Status.timedOut : Status.deadlock;
		const status = this.queuedLock.take(timeout);
		if (status < 0) return status;
		this.holds = 1;
		this.queuedLock.release();
		return 0;
	}

	lockShared(timeout: number): number {
		if (!this.isOpen) return Status.closed;
		const { segment } = this;
		this.begin();
		const status = this.#enterShared(timeout);
		if (status !== 0) return segment.result(status);
		const usability = this.check();
		if (usability !== 0) {
			this.unlockShared();
			return segment.result(usability);
		}
		this.got(ARMED_SHARED);
		return segment.result(Atomics.load(segment.words, WRITING) === 0 ? 0 : OWNER_DIED);
	}

	unlockShared(): number {
		if (!this.isOpen) return Status.closed;
		const { holds } = this;
		if (holds === 0) return this.segment.result(Status.notOwner);
		if (holds === 1) this.#leave();
		else this.holds = holds - 1;
		return this.segment.result(0);
	}

	held(): number {
		if (!this.isOpen) return 0;
		return this.isOwner() ? -1 : this.holds;
	}

	protected abandon(): void {
		this.cancelWrite();
		if (this.holds > 0) this.#leave();
		if (this.queuedLock.isHeld) this.queuedLock.release(); // `writing` stays, so that the next owners get `OWNER_DIED`
	}
}
