import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { IpcError } from "@libipc/protocol";
import { abiVersion, loadSymbols, type Symbols } from "./ffi.ts";

/** What {@link Symbols} was written for: `IPC_ABI_VERSION` in `native/include/libipc/status.h`. */
const ABI_VERSION = 3;

let loaded: Symbols | undefined;

/** Where the native library is looked for: `$LIBIPC_LIBRARY`, else where `bun run build` puts it. */
export function libraryPath(): string {
	const suffix = process.platform === "darwin" ? "dylib" : "so";
	return (
		process.env.LIBIPC_LIBRARY || fileURLToPath(new URL(`../../../native/build/libipc.${suffix}`, import.meta.url))
	);
}

/** The native library, loaded when first used and never closed: a call into a closed one would crash. */
export function library(): Symbols {
	if (loaded) return loaded;
	const path = libraryPath();
	const hint = process.env.LIBIPC_LIBRARY
		? "LIBIPC_LIBRARY points there"
		: "run `bun run build`, or `npx bun run build`, to make it";
	if (!existsSync(path)) throw new IpcError("ERR_IPC_LIBRARY", "", `The native library is missing: ${path} (${hint}).`);
	try {
		const version = abiVersion(path);
		if (version !== ABI_VERSION)
			throw new IpcError(
				"ERR_IPC_LIBRARY",
				"",
				`${path} is of another version: it speaks ABI ${version}, this package ABI ${ABI_VERSION} (${hint}).`,
			);
		loaded = loadSymbols(path);
		return loaded;
	} catch (error) {
		if (error instanceof IpcError) throw error;
		const reason = error instanceof Error ? error.message : String(error);
		throw new IpcError("ERR_IPC_LIBRARY", "", `${path} cannot be loaded as libipc (${hint}): ${reason}`);
	}
}
