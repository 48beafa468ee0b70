import { type EngineCondition, type EngineWaker, Status } from "@libipc/protocol";
import { ACQUIRE, notifyAll, notifyWaits } from "../segment/waits.ts";
import { WakeableHandle } from "./wakeable.ts";

/** A handle of a condition: `native/src/condition.c`. */
export class SegmentCondition extends WakeableHandle implements EngineCondition {
	enter(waker: EngineWaker | undefined): number {
		if (!this.isOpen) return Status.closed;
		const status = this.check();
		return this.segment.result(status === 0 ? this.beginWait(ACQUIRE, waker) : status);
	}

	notify(): number {
		return this.isOpen ? this.segment.result(notifyWaits(this.segment, ACQUIRE, 1)) : Status.closed;
	}

	notifyAll(): number {
		return this.isOpen ? this.segment.result(notifyAll(this.segment, ACQUIRE)) : Status.closed;
	}
}
