import { type EngineSignal, Status } from "@libipc/protocol";
import { CLOSED, type NativeClass, NativeHandle } from "./handle.ts";
import type { NativeLibrary } from "./library.ts";
import { LONGEST_CALL_MS, yieldToTermination } from "./options.ts";

/** The class for one library, as in semaphore.ts. */
export function signalClassOf({ symbols }: NativeLibrary): NativeClass<EngineSignal> {
	const { ipc_signal_notify, ipc_signal_wait } = symbols;
	return class NativeSignal extends NativeHandle implements EngineSignal {
		notify(low: number, high: number): number {
			const { handle } = this;
			return handle === CLOSED ? Status.closed : ipc_signal_notify(handle, low, high);
		}

		wait(timeout: number): number {
			const { handle } = this;
			if (handle === CLOSED) return Status.closed;
			if (timeout >= 0) return ipc_signal_wait(handle, timeout);
			let id: number;
			do id = ipc_signal_wait(handle, LONGEST_CALL_MS);
			while (id === Status.timedOut && yieldToTermination());
			return id;
		}
	};
}
