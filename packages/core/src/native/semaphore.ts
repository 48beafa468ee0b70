import { type EngineSemaphore, Status } from "@libipc/protocol";
import { CLOSED, type NativeClass, NativeHandle } from "./handle.ts";
import type { NativeLibrary } from "./library.ts";
import { LONGEST_CALL_MS, yieldToTermination } from "./options.ts";

/**
 * The class for one library. Its two frequent functions are constants of the class: to look them up in `symbols` takes 1 ns of the 9 that
 * a pair of calls takes in Bun. So these methods check for a closed handle themselves.
 */
export function semaphoreClassOf({ symbols }: NativeLibrary): NativeClass<EngineSemaphore> {
	const { ipc_semaphore_acquire, ipc_semaphore_release } = symbols;
	return class NativeSemaphore extends NativeHandle implements EngineSemaphore {
		acquire(timeout: number): number {
			const { handle } = this;
			if (handle === CLOSED) return Status.closed;
			if (timeout >= 0) return ipc_semaphore_acquire(handle, timeout);
			let status: number;
			// No other code of this thread runs meanwhile, so the handle stays open.
			do status = ipc_semaphore_acquire(handle, LONGEST_CALL_MS);
			while (status === Status.timedOut && yieldToTermination());
			return status;
		}

		release(count: number): number {
			const { handle } = this;
			return handle === CLOSED ? Status.closed : ipc_semaphore_release(handle, count);
		}

		permits(): number {
			return this.symbols.ipc_semaphore_permits(this.handle);
		}

		recovered(): number {
			return this.symbols.ipc_semaphore_recovered(this.handle);
		}
	};
}
