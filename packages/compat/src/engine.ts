import type { Engine } from "@libipc/protocol";
import { engineChoice } from "./engine_choice.ts";
import { nativeEngine } from "./ffi/native_engine.ts";
import { sabEngine } from "./sab_engine.ts";

/** The engine of this process. */
export function engine(): Engine {
	const { name, failure } = engineChoice();
	if (failure) throw failure;
	return name === "native" ? nativeEngine : sabEngine;
}
