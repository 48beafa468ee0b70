import { type EngineLock, headerWord, Kind, Status } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { ANY, notifyAll } from "../segment/waits.ts";
import { SegmentHandle } from "./handle.ts";
import { QueuedLock } from "./queued_lock.ts";

const { claim: CLAIM, unusable: UNUSABLE, writing: WRITING } = headerWord;

/** What a mutex and a reader-writer lock have in common. */
export abstract class SegmentLock extends SegmentHandle implements EngineLock {
	protected readonly queuedLock: QueuedLock;

	constructor(segment: Segment, at: number, instance: number, leave: () => void) {
		super(segment, at, instance, leave);
		this.queuedLock = new QueuedLock(this);
	}

	abstract lock(timeout: number, forTask: boolean): number;
	abstract unlock(): number;
	/** Whether this handle has the lock for itself. */
	protected abstract isOwner(): boolean;

	markUnusable(): number {
		if (!this.isOpen) return Status.closed;
		const { segment } = this;
		if (!this.isOwner()) return segment.result(Status.notOwner);
		Atomics.store(segment.words, UNUSABLE, 1);
		// No handle enters any more, so no owner died inside.
		if (segment.kind === Kind.rwlock) Atomics.store(segment.words, WRITING, 0);
		Atomics.store(segment.words, CLAIM, 0);
		notifyAll(segment, ANY);
		return segment.result(0);
	}
}
