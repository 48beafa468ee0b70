import { type EngineMutex, Status } from "@libipc/protocol";
import { NativeHandle } from "./handle.ts";
import { LONGEST_CALL_MS, yieldToTermination } from "./options.ts";

export class NativeMutex extends NativeHandle implements EngineMutex {
	lock(timeout: number): number {
		if (timeout >= 0) return this.symbols.ipc_mutex_lock(this.handle, timeout);
		let status: number;
		do status = this.symbols.ipc_mutex_lock(this.handle, LONGEST_CALL_MS);
		while (status === Status.timedOut && yieldToTermination());
		return status;
	}

	unlock(): number {
		return this.symbols.ipc_mutex_unlock(this.handle);
	}

	markUnusable(): number {
		return this.symbols.ipc_mutex_mark_unusable(this.handle);
	}

	isHeld(): boolean {
		return this.symbols.ipc_mutex_is_held(this.handle) !== 0;
	}
}
