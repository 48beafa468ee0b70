import { type EngineLatest, type EngineWaker, Status } from "@libipc/protocol";
import type { Address } from "./declarations.ts";
import { CLOSED, type NativeClass, NativeWaits } from "./handle.ts";
import type { NativeLibrary } from "./library.ts";
import { LONGEST_CALL_MS, yieldToTermination } from "./options.ts";

/** The class for one library: its two frequent functions are constants of the class, as in semaphore.ts. */
export function latestClassOf({ symbols }: NativeLibrary): NativeClass<EngineLatest> {
	const { ipc_latest_get, ipc_latest_set } = symbols;
	return class NativeLatest extends NativeWaits implements EngineLatest {
		readonly maxLength: number;

		constructor(library: NativeLibrary, handle: Address) {
			super(library, handle);
			this.maxLength = library.symbols.ipc_latest_max_length(handle);
		}

		set(bytes: Uint8Array, length: number, timeout: number): number {
			const { handle } = this;
			if (handle === CLOSED) return Status.closed;
			if (timeout >= 0) return ipc_latest_set(handle, bytes, length, timeout);
			let status: number;
			do status = ipc_latest_set(handle, bytes, length, LONGEST_CALL_MS);
			while (status === Status.timedOut && yieldToTermination());
			return status;
		}

		get(target: Uint8Array, capacity: number): number {
			const { handle } = this;
			return handle === CLOSED ? Status.closed : ipc_latest_get(handle, target, capacity);
		}

		length(): number {
			return this.symbols.ipc_latest_length(this.handle);
		}

		version(): number {
			return this.symbols.ipc_latest_version(this.handle);
		}

		seen(): number {
			return this.symbols.ipc_latest_seen(this.handle);
		}

		enter(version: number, waker: EngineWaker | undefined): number {
			return this.symbols.ipc_latest_enter(this.handle, version, waker?.low ?? 0, waker?.high ?? 0);
		}

		lock(timeout: number): number {
			if (timeout >= 0) return this.symbols.ipc_latest_lock(this.handle, timeout);
			let status: number;
			do status = this.symbols.ipc_latest_lock(this.handle, LONGEST_CALL_MS);
			while (status === Status.timedOut && yieldToTermination());
			return status;
		}

		unlock(): number {
			return this.symbols.ipc_latest_unlock(this.handle);
		}
	};
}
