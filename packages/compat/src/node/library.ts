import { loadLibrary, type NativeLibrary } from "@libipc/core/api";
import { abiVersion, openLibrary } from "./addon.ts";

let loaded: NativeLibrary | undefined;

/** The native library, loaded when first used and never closed: a call into a closed one throws. */
export function library(): NativeLibrary {
	loaded ??= loadLibrary(abiVersion, openLibrary);
	return loaded;
}
