import { IpcError } from "@libipc/protocol";
import type { NativeLibrary } from "./library.ts";

/** A view that a register or the stack still seems to refer to survives a collection. */
const COLLECTIONS = 4;

/** Whether less is kept afterwards. */
function collect({ symbols, collectGarbage }: NativeLibrary): boolean {
	const before = symbols.ipc_memory_kept_bytes();
	for (let i = 0; i < COLLECTIONS && collectGarbage; i++) {
		collectGarbage();
		if (symbols.ipc_memory_kept_bytes() < before) return true;
	}
	return false;
}

/**
 * Calls `open`. If there is no space, and this process keeps shared memory only for views of closed handles, their garbage is
 * collected first, where the runtime can do so at once, and `open` is called again; what is still kept is said in the error.
 */
export function openDespiteKept<Opened>(library: NativeLibrary, open: () => Opened): Opened {
	try {
		return open();
	} catch (error) {
		const { ipc_memory_kept_bytes } = library.symbols;
		if (!(error instanceof IpcError && error.code === "ERR_IPC_NO_SPACE") || ipc_memory_kept_bytes() === 0) throw error;
		if (collect(library)) return openDespiteKept(library, open); // ends: it gets less each time
		const kept = ipc_memory_kept_bytes();
		throw new IpcError(
			error.code,
			error.endpoint,
			`${error.message} This process keeps ${kept} bytes of shared memory whose handles are closed, for views that are not garbage-collected yet (SharedMemory.keptBytes()).`,
		);
	}
}
