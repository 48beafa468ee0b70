import type { NativeLibrary } from "@libipc/core/api";
import type { Engine } from "@libipc/protocol";
import { nativeEngine as denoEngine } from "./deno/engine.ts";
import { library as denoLibrary, whyNoLibrary } from "./deno/library.ts";
import { whyNoAddons } from "./node/addon.ts";
import { nativeEngine as nodeEngine } from "./node/engine.ts";
import { library as nodeLibrary } from "./node/library.ts";

/** How this runtime reaches the C library. */
export interface NativeBinding {
	readonly engine: Engine;
	/** Why this process cannot load native code, and what would help; `undefined`: it can. */
	missing(): string | undefined;
	/** Loads the library at its first call. Throws `ERR_IPC_LIBRARY`. */
	library(): NativeLibrary;
}

export const nativeBinding: NativeBinding = process.versions.deno
	? { engine: denoEngine, missing: whyNoLibrary, library: denoLibrary }
	: { engine: nodeEngine, missing: whyNoAddons, library: nodeLibrary };
