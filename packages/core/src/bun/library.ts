import type { NativeLibrary } from "../native/library.ts";
import { loadLibrary } from "../native/load_library.ts";
import * as native from "../native/load_native_file.ts";
import { nativeFiles } from "../native/native_files.ts";
import { embeddedLibraries } from "./embedded_library.ts";
import { abiVersion, openLibrary } from "./ffi.ts";

/** Where the native library may be: in the bundle that this module is in, otherwise in the package. */
const files = (): readonly string[] => {
	const embedded = embeddedLibraries();
	return embedded.length > 0 ? embedded : nativeFiles("library");
};

let loaded: NativeLibrary | undefined;

/** The native library, loaded when first used and never closed: a call into a closed one would crash. */
export function library(): NativeLibrary {
	loaded ??= loadLibrary(abiVersion, openLibrary, files());
	return loaded;
}

/**
 * The path of the native library.
 *
 * @internal
 */
export const libraryPath = (): string => native.libraryPath(files());
