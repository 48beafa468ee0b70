import type { NativeLibrary } from "../native/library.ts";
import { loadLibrary } from "../native/load_library.ts";
import { abiVersion, openLibrary } from "./ffi.ts";

export { libraryPath } from "../native/load_library.ts";

let loaded: NativeLibrary | undefined;

/** The native library, loaded when first used and never closed: a call into a closed one would crash. */
export function library(): NativeLibrary {
	loaded ??= loadLibrary(abiVersion, openLibrary);
	return loaded;
}
