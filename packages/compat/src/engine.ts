import type { Engine } from "@libipc/protocol";
import { engineChoice } from "./engine_choice.ts";
import { nativeEngine } from "./node/engine.ts";
import { sabEngine } from "./sab/engine.ts";

/** The engine of this process. */
export function engine(): Engine {
	const { name, failure } = engineChoice();
	if (failure) throw failure;
	return name === "native" ? nativeEngine : sabEngine;
}
