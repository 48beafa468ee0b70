import type { NativeLibrary } from "../native/library.ts";
import { loadLibrary } from "../native/load_library.ts";
import { nativeFiles } from "../native/native_files.ts";
import { embeddedLibraries } from "./embedded_library.ts";
import { abiVersion, openLibrary } from "./ffi.ts";

/** Where the native library may be: in the bundle that this module is in, otherwise in the package. */
const files = (): readonly string[] => {
	const embedded = embeddedLibraries();
	return embedded.length > 0 ? embedded : nativeFiles("library");
};

let loaded: NativeLibrary | undefined;
let loadedFrom = "";

/** The native library, loaded when first used and never closed: a call into a closed one would crash. */
export function library(): NativeLibrary {
	loaded ??= loadLibrary(
		abiVersion,
		(path) => {
			loadedFrom = path;
			return openLibrary(path);
		},
		files(),
	);
	return loaded;
}

/**
 * The path of the native library, which is loaded by this call if it was not before.
 *
 * @internal
 */
export function libraryPath(): string {
	library();
	return loadedFrom;
}
