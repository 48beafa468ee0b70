import { type EngineMutex, Status } from "@libipc/protocol";
import { ARMED_LOCK } from "./handle.ts";
import { SegmentLock } from "./lock.ts";

/** A handle of a mutex: `native/src/mutex.c`. */
export class SegmentMutex extends SegmentLock implements EngineMutex {
	lock(timeout: number): number {
		if (!this.isOpen) return Status.closed;
		this.begin();
		const status = this.turn.take(timeout);
		if (status < 0) return this.segment.result(status);
		const fate = this.check();
		if (fate !== 0) {
			this.turn.give();
			return this.segment.result(fate);
		}
		this.got(ARMED_LOCK);
		return this.segment.result(status);
	}

	unlock(): number {
		if (!this.isOpen) return Status.closed;
		if (!this.turn.isOurs) return this.segment.result(Status.notOwner);
		this.turn.give();
		return this.segment.result(0);
	}

	isHeld(): boolean {
		return this.isOpen && this.turn.isOurs;
	}

	protected isOwner(): boolean {
		return this.turn.isOurs;
	}

	protected abandon(): void {
		if (this.turn.isOurs) this.turn.abandon();
	}
}
