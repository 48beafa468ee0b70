import { abi, IpcError } from "@libipc/protocol";
import { environmentVariable } from "../environment_variable.ts";
import { isMainThread } from "../main_thread.ts";
import { NativeFailure } from "./failure.ts";
import type { NativeLibrary } from "./library.ts";
import { terminated } from "./options.ts";

/** The environment variable with the directory of all names. */
const VARIABLE = "LIBIPC_DIR";

/**
 * Chooses the directory of all names: what the environment of the thread that needs it first says. It is the same for all threads
 * of the process. A Worker whose environment does not have the variable takes what the process has.
 *
 * The library is asked with the environment of JavaScript, which a program can change, and which in Bun has what `.env` files say.
 */
export function chooseDirectory({ symbols }: NativeLibrary): void {
	const wanted = environmentVariable(VARIABLE) ?? "";
	if (wanted === "" && !isMainThread()) return;
	if (wanted.includes("\0"))
		throw new IpcError("ERR_IPC_INVALID_ARGUMENT", "", `The environment variable ${VARIABLE} has a zero byte.`);
	const failure = new NativeFailure();
	if (symbols.ipc_storage_choose(terminated(wanted), failure.bytes) === 0) return;
	throw new IpcError(
		"ERR_IPC_INVALID_ARGUMENT",
		"",
		`The environment variable ${VARIABLE} is ${wanted === "" ? "not set" : JSON.stringify(wanted)} in this thread, but this process uses the directory ${failure.path} already: another thread chose it first. Use one value in all threads.`,
	);
}

const decoder = new TextDecoder();

/** The directory with the files of all names. */
export function storageDirectory({ symbols }: NativeLibrary): string {
	const path = new Uint8Array(abi.PATH_BYTES);
	const length = symbols.ipc_storage_directory(path, path.byteLength);
	return decoder.decode(path.subarray(0, Math.min(length, path.byteLength - 1)));
}
