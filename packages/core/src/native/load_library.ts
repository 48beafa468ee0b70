import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { abi, IpcError } from "@libipc/protocol";
import { afterClosingAtExit } from "../close_at_exit.ts";
import type { NativeLibrary } from "./library.ts";
import { isCutOff, unloadableHint } from "./library_file.ts";
import { chooseDirectory } from "./storage.ts";

/** Node's permission model does not let every process look. */
function exists(path: string): boolean {
	try {
		return existsSync(path);
	} catch {
		throw new IpcError(
			"ERR_IPC_LIBRARY",
			"",
			`Node's permission model (--permission) does not let this process look for the native library ${path}: start it with --allow-fs-read=${path}.`,
		);
	}
}

/**
 * The path of the native library: `$LIBIPC_LIBRARY` if it is set; otherwise in this package, where `bun run pack` puts it; otherwise
 * in the repository, where `bun run build` puts it.
 *
 * @internal
 */
export function libraryPath(): string {
	if (process.env.LIBIPC_LIBRARY) return process.env.LIBIPC_LIBRARY;
	const file = `libipc.${process.platform === "darwin" ? "dylib" : "so"}`;
	for (const target of [`${process.platform}-${process.arch}`, `${process.platform}-${process.arch}-musl`]) {
		const packed = fileURLToPath(new URL(`../../../native/${target}/${file}`, import.meta.url));
		if (exists(packed)) return packed;
	}
	return fileURLToPath(new URL(`../../../../native/build/${file}`, import.meta.url));
}

/**
 * Loads the native library by a runtime's FFI.
 *
 * @param abiVersion - Returns the ABI version of a library, before its other functions are looked up. Throws what the FFI throws.
 * @param load - Loads the library. Throws what the FFI throws.
 * @throws IpcError `ERR_IPC_LIBRARY`
 *
 * @internal
 */
export function loadLibrary(
	abiVersion: (path: string) => number,
	load: (path: string) => NativeLibrary,
): NativeLibrary {
	const path = libraryPath();
	const hint = process.env.LIBIPC_LIBRARY
		? "LIBIPC_LIBRARY points there"
		: "run `bun run build`, or `npx bun run build`, to make it";
	if (!exists(path)) throw new IpcError("ERR_IPC_LIBRARY", "", `The native library is missing: ${path} (${hint}).`);
	try {
		if (isCutOff(path))
			throw new IpcError(
				"ERR_IPC_LIBRARY",
				"",
				`The native library ${path} is incomplete: its end is missing (${hint}).`,
			);
		const version = abiVersion(path);
		if (version !== abi.ABI_VERSION)
			throw new IpcError(
				"ERR_IPC_LIBRARY",
				"",
				`${path} is of another version: it speaks ABI ${version}, this package ABI ${abi.ABI_VERSION} (${hint}).`,
			);
		const library = load(path);
		chooseDirectory(library);
		// Bun exits without the destructors of libraries. Other threads may be at work when one Worker ends.
		library.symbols.ipc_process_adopt_reset_handlers();
		library.symbols.ipc_process_adopt_threads(library.viewsEndWithThread ? 1 : 0);
		if (isMainThread) afterClosingAtExit(() => library.symbols.ipc_process_forget());
		return library;
	} catch (error) {
		if (error instanceof IpcError) throw error;
		const reason = error instanceof Error ? error.message : String(error);
		throw new IpcError(
			"ERR_IPC_LIBRARY",
			"",
			`${path} cannot be loaded as libipc (${hint}).${unloadableHint(path, reason)} The system said: ${reason}`,
		);
	}
}
