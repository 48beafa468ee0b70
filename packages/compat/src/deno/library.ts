import { loadLibrary, loadNativeFile } from "@libipc/core/api";
import { abiVersion, type DenoLibrary, openLibrary } from "./ffi.ts";
import { deno } from "./runtime.ts";

/** Of the files that may be the library, the first that this process may load; otherwise all of them. */
function permitted(): { readonly isAny: boolean; readonly paths: readonly string[] } {
	const { permissions } = deno();
	const paths: string[] = [];
	try {
		loadNativeFile("library", ({ path }) => {
			paths.push(path);
			return permissions.querySync({ name: "ffi", path }).state === "granted" ? { path } : "forbidden";
		});
		return { isAny: true, paths };
	} catch (error) {
		if (paths.length === 0) throw error;
		return { isAny: false, paths };
	}
}

/** Why this process cannot load the library, and what would help; `undefined`: it can. */
export function whyNoLibrary(): string | undefined {
	const { isAny, paths } = permitted();
	if (isAny) return undefined;
	return `Deno forbids native code to this process: start it with --allow-ffi, or with --allow-ffi=${paths[0]}. Both allow all that native code can do.`;
}

let loaded: DenoLibrary | undefined;

/** The native library, loaded when first used and never closed. */
export function library(): DenoLibrary {
	loaded ??= loadLibrary(abiVersion, openLibrary);
	return loaded;
}
