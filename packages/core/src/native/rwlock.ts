import { type EngineRwLock, Status } from "@libipc/protocol";
import { NativeHandle } from "./handle.ts";
import { LONGEST_CALL_MS, yieldToTermination } from "./options.ts";

/** `ipc_rwlock_keep`. */
const KEEP_QUEUE_POSITION = 1;
const KEEP_FOR_TASK = 2;

export class NativeRwLock extends NativeHandle implements EngineRwLock {
	lock(timeout: number, forTask: boolean): number {
		if (timeout >= 0) return this.symbols.ipc_rwlock_lock(this.handle, timeout, forTask ? KEEP_FOR_TASK : 0);
		let status: number;
		do status = this.symbols.ipc_rwlock_lock(this.handle, LONGEST_CALL_MS, KEEP_QUEUE_POSITION);
		while (status === Status.timedOut && yieldToTermination());
		return status;
	}

	unlock(): number {
		return this.symbols.ipc_rwlock_unlock(this.handle);
	}

	lockShared(timeout: number): number {
		if (timeout >= 0) return this.symbols.ipc_rwlock_lock_shared(this.handle, timeout);
		let status: number;
		do status = this.symbols.ipc_rwlock_lock_shared(this.handle, LONGEST_CALL_MS);
		while (status === Status.timedOut && yieldToTermination());
		return status;
	}

	unlockShared(): number {
		return this.symbols.ipc_rwlock_unlock_shared(this.handle);
	}

	markUnusable(): number {
		return this.symbols.ipc_rwlock_mark_unusable(this.handle);
	}

	held(): number {
		return this.symbols.ipc_rwlock_held(this.handle);
	}
}
