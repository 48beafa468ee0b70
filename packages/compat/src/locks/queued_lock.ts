import { CLAIM_ABANDONED, headerWord, OWNER_DIED, Status } from "@libipc/protocol";
import { claimTryLock, claimUnlock } from "../segment/claim_lock.ts";
import { isOrphaned } from "../segment/orphaned.ts";
import { evictDead, heldByThisThread, isAlive } from "../segment/slots.ts";
import { ACQUIRE, notifyWaits } from "../segment/waits.ts";
import type { SegmentHandle, Tries } from "./handle.ts";

const { claim: CLAIM } = headerWord;

/**
 * The claim of a header as a lock with a wait queue: a mutex, and the lock that writers and new readers of a reader-writer lock pass.
 * `native/src/queued_lock.h`.
 */
export class QueuedLock implements Tries {
	readonly #handle: SegmentHandle;

	constructor(handle: SegmentHandle) {
		this.#handle = handle;
	}

	get isHeld(): boolean {
		return Atomics.load(this.#handle.segment.words, CLAIM) === this.#handle.instance;
	}

	get isFree(): boolean {
		return Atomics.load(this.#handle.segment.words, CLAIM) === 0;
	}

	/** 0; `OWNER_DIED`: taken over from a dead owner; or a status. */
	take(timeout: number): number {
		return claimTryLock(this.#handle.segment, CLAIM, this.#handle.instance) ? 0 : this.#takeSlowly(timeout);
	}

	#takeSlowly(timeout: number): number {
		const handle = this.#handle;
		const { segment } = handle;
		const owner = Atomics.load(segment.words, CLAIM);
		if (owner === handle.instance) return Status.deadlock;
		if (timeout === 0) return handle.isTimeToReap() ? this.attemptAndReap() : this.attempt();
		// The owner is another handle of this thread: a wait that blocks the thread would never end.
		if (owner !== 0 && heldByThisThread(segment, owner)) return Status.deadlock;
		return handle.waitFor(ACQUIRE, this, timeout);
	}

	#swap(owner: number): boolean {
		const { segment, instance } = this.#handle;
		return Atomics.compareExchange(segment.words, CLAIM, owner, instance) === owner;
	}

	attempt(): number {
		const status = this.#handle.check();
		if (status !== 0) return status;
		// Read before the swap, because a failed swap would take the cache line from the owner.
		const owner = Atomics.load(this.#handle.segment.words, CLAIM);
		if ((owner !== 0 && owner !== CLAIM_ABANDONED) || !this.#swap(owner)) return Status.timedOut;
		return owner === 0 ? 0 : OWNER_DIED;
	}

	attemptAndReap(): number {
		const { segment, instance } = this.#handle;
		const status = this.attempt();
		if (status !== Status.timedOut) return status;
		if (isOrphaned(segment)) return segment.result(Status.orphaned);
		const owner = Atomics.load(segment.words, CLAIM);
		if (owner === 0 || owner === instance || isAlive(segment, owner)) return Status.timedOut;
		if (!this.#swap(owner)) return Status.timedOut;
		evictDead(segment); // so that its slot is free for others, and its waits are removed
		return OWNER_DIED;
	}

	release(): void {
		claimUnlock(this.#handle.segment, CLAIM);
		notifyWaits(this.#handle.segment, ACQUIRE, 1);
	}

	/** Gives the lock up as a dead owner would: the next owner gets `OWNER_DIED`. */
	abandon(): void {
		Atomics.store(this.#handle.segment.words, CLAIM, CLAIM_ABANDONED);
		notifyWaits(this.#handle.segment, ACQUIRE, 1);
	}
}
