import { type EngineMutex, Status } from "@libipc/protocol";
import { ARMED_LOCK } from "./handle.ts";
import { SegmentLock } from "./lock.ts";

/** A handle of a mutex: `native/src/mutex.c`. */
export class SegmentMutex extends SegmentLock implements EngineMutex {
	lock(timeout: number): number {
		if (!this.isOpen) return Status.closed;
		this.begin();
		const status = this.queuedLock.take(timeout);
		if (status < 0) return this.segment.result(status);
		const usability = this.check();
		if (usability !== 0) {
			this.queuedLock.release();
			return this.segment.result(usability);
		}
		this.got(ARMED_LOCK);
		return this.segment.result(status);
	}

	unlock(): number {
		if (!this.isOpen) return Status.closed;
		if (!this.queuedLock.isHeld) return this.segment.result(Status.notOwner);
		this.queuedLock.release();
		return this.segment.result(0);
	}

	isHeld(): boolean {
		return this.isOpen && this.queuedLock.isHeld;
	}

	protected isOwner(): boolean {
		return this.queuedLock.isHeld;
	}

	protected abandon(): void {
		if (this.queuedLock.isHeld) this.queuedLock.abandon();
	}
}
