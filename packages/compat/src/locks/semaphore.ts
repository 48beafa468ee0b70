import { type EngineSemaphore, EventIndex, headerWord, SLOT_WORDS, Status, slotWord } from "@libipc/protocol";
import { claimLockSlow, claimTakeOver, claimTryLock, claimUnlock } from "../segment/claim_lock.ts";
import { notify } from "../segment/event.ts";
import { isOrphaned } from "../segment/orphaned.ts";
import type { Segment } from "../segment/segment.ts";
import { evictDead, instanceAt } from "../segment/slots.ts";
import { ACQUIRE, notifyWaits } from "../segment/waits.ts";
import { ARMED_LOCK, SegmentHandle, type Tries } from "./handle.ts";

const { claim: CLAIM, permits: PERMITS, recovered: RECOVERED } = headerWord;
const { held: HELD } = slotWord;

const MAX_PERMITS = 2 ** 31 - 1;

/** Milliseconds: longer than any holder of the claim needs unless it is stopped or loses its processor. */
const CLAIM_PATIENCE = 5;
const RELEASE_PATIENCE = 5000;

/** All permits, less those that the handles hold. */
function countFree(segment: Segment): number {
	const { words } = segment;
	let free = segment.initial;
	for (let index = 0; index < segment.maxReceivers; index++) {
		const at = segment.receivers + index * SLOT_WORDS;
		if (instanceAt(segment, at) !== 0) free -= Math.min(Atomics.load(words, at + HELD) >>> 0, free);
	}
	return free;
}

/**
 * A handle of a semaphore: `native/src/semaphore.c`. The permits of a semaphore that is not robust are one word, and every change is one
 * compare-and-swap. In a robust semaphore `held` of each handle says how many permits it holds, and the word says how many are left.
 * Both change under the claim. If a thread is killed between the two changes, a waiter counts again and corrects the word.
 */
export class SegmentSemaphore extends SegmentHandle implements EngineSemaphore, Tries {
	#notify(count: number): void {
		notifyWaits(this.segment, ACQUIRE, count);
	}

	#lock(): boolean {
		const { segment, instance } = this;
		return (
			claimTryLock(segment, CLAIM, instance) ||
			claimLockSlow(segment, CLAIM, instance, segment.platform.now() + CLAIM_PATIENCE) ||
			claimTakeOver(segment, CLAIM, instance)
		);
	}

	#unlock(): void {
		claimUnlock(this.segment, CLAIM);
		notify(this.segment, EventIndex.claimFree);
	}

	/** Makes the permits of dead handles free again. */
	#recover(): void {
		const { segment } = this;
		const { words } = segment;
		evictDead(segment);
		if (!this.#lock()) return;
		const free = countFree(segment);
		const before = Atomics.load(words, PERMITS) >>> 0;
		// After a kill between the two stores the permits are counted twice, which is better than not at all.
		if (free > before) Atomics.add(words, RECOVERED, free - before);
		Atomics.store(words, PERMITS, free);
		this.#unlock();
		if (free > before) this.#notify(free - before);
	}

	#takeRobust(): number {
		const { words } = this.segment;
		if (Atomics.load(words, PERMITS) === 0 || !this.#lock()) return Status.timedOut;
		const isThere = Atomics.load(words, PERMITS) !== 0;
		if (isThere) {
			this.holds++;
			Atomics.sub(words, PERMITS, 1);
		}
		this.#unlock();
		return isThere ? 0 : Status.timedOut;
	}

	#take(): number {
		const { words } = this.segment;
		for (let permits = Atomics.load(words, PERMITS); permits !== 0; ) {
			const found = Atomics.compareExchange(words, PERMITS, permits, permits - 1);
			if (found === permits) return 0;
			permits = found;
		}
		return Status.timedOut;
	}

	attempt(): number {
		const status = this.check();
		if (status !== 0) return status;
		return this.segment.robust ? this.#takeRobust() : this.#take();
	}

	attemptAndReap(): number {
		const { segment } = this;
		if (isOrphaned(segment)) return segment.result(Status.orphaned);
		if (segment.robust) this.#recover();
		return this.attempt();
	}

	acquire(timeout: number): number {
		if (!this.isOpen) return Status.closed;
		this.begin();
		let status = this.attempt();
		if (status === Status.timedOut && timeout !== 0) status = this.waitFor(ACQUIRE, this, timeout);
		else if (status === Status.timedOut && this.isTimeToReap()) status = this.attemptAndReap();
		if (status === 0) this.got(ARMED_LOCK);
		return this.segment.result(status);
	}

	#releaseRobust(count: number): number {
		const { platform, words } = this.segment;
		if (this.holds >>> 0 < count) return Status.notOwner;
		// It should not fail because a holder is stopped. But a damaged claim may name a holder that will never unlock it.
		let deadline = 0;
		while (!this.#lock()) {
			const now = platform.now();
			if (deadline === 0) deadline = now + RELEASE_PATIENCE;
			if (now >= deadline) return Status.busy;
		}
		this.holds -= count;
		Atomics.add(words, PERMITS, count);
		this.#unlock();
		this.#notify(count);
		return 0;
	}

	#release(count: number): number {
		const { words } = this.segment;
		for (let permits = Atomics.load(words, PERMITS); ; ) {
			if ((permits >>> 0) + count > MAX_PERMITS) return Status.overflow;
			const found = Atomics.compareExchange(words, PERMITS, permits, permits + count);
			if (found === permits) break;
			permits = found;
		}
		this.#notify(count);
		return 0;
	}

	release(count: number): number {
		if (!this.isOpen) return Status.closed;
		if (count === 0) return Status.invalidArgument;
		return this.segment.result(this.segment.robust ? this.#releaseRobust(count) : this.#release(count));
	}

	permits(): number {
		return this.isOpen ? Atomics.load(this.segment.words, PERMITS) >>> 0 : 0;
	}

	recovered(): number {
		return this.isOpen ? Atomics.load(this.segment.words, RECOVERED) >>> 0 : 0;
	}

	protected abandon(): void {
		if (this.segment.robust && this.holds > 0) this.release(this.holds);
	}
}
