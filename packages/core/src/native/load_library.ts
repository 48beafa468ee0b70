import { abi } from "@libipc/protocol";
import { afterClosingAtExit } from "../close_at_exit.ts";
import { isMainThread } from "../main_thread.ts";
import type { NativeLibrary } from "./library.ts";
import { loadNativeFile } from "./load_native_file.ts";
import { chooseDirectory } from "./storage.ts";

/**
 * Loads the native library by a runtime's FFI.
 *
 * @param abiVersion - Returns the ABI version of a library, before its other functions are looked up. Throws what the FFI throws.
 * @param load - Loads the library. Throws what the FFI throws.
 * @param files - Where the library may be, the likelier first; without it, in the package. `LIBIPC_LIBRARY` takes precedence.
 * @throws IpcError `ERR_IPC_LIBRARY`
 *
 * @internal
 */
export function loadLibrary<Library extends NativeLibrary>(
	abiVersion: (path: string) => number,
	load: (path: string) => Library,
	files?: readonly string[],
): Library {
	const library = loadNativeFile(
		"library",
		({ path, hint }) => {
			const version = abiVersion(path);
			if (version === abi.ABI_VERSION) return load(path);
			return `${path} is of another version: it speaks ABI ${version}, this package ABI ${abi.ABI_VERSION} (${hint}).`;
		},
		files,
	);
	chooseDirectory(library);
	// Bun exits without the destructors of libraries. Other threads may be at work when one Worker ends.
	library.symbols.ipc_process_adopt_reset_handlers();
	library.symbols.ipc_process_adopt_threads(library.viewsEndWithThread ? 1 : 0);
	if (isMainThread()) afterClosingAtExit(() => library.symbols.ipc_process_forget());
	return library;
}
