import { loadLibrary, type NativeLibrary } from "@libipc/protocol";
import { abiVersion, openLibrary } from "./ffi.ts";

export { libraryPath } from "@libipc/protocol";

let loaded: NativeLibrary | undefined;

/** The native library, loaded when first used and never closed: a call into a closed one would crash. */
export function library(): NativeLibrary {
	loaded ??= loadLibrary(abiVersion, openLibrary);
	return loaded;
}
