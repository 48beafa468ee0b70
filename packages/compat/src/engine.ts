import { type Engine, hideFramesBeside } from "@libipc/protocol";
import { engineChoice } from "./engine_choice.ts";
import { nativeEngine } from "./node/engine.ts";
import { sabEngine } from "./sab/engine.ts";
import { isFirstToWarn } from "./sab/hub.ts";

hideFramesBeside(import.meta.url, "engine");

/** Once in a process, on its first use: otherwise both sides of two processes would wait for each other, and nothing would say why. */
function warn(whyNotNative: string): void {
	if (!isFirstToWarn()) return;
	process.emitWarning(
		`libipc shares names only between the threads of this process, not with other processes. ${whyNotNative} If threads are meant, set LIBIPC_ENGINE=sab; then there is no warning.`,
		{ type: "LibipcWarning", code: "LIBIPC_ENGINE" },
	);
}

let hasWarned = false;

/** The engine of this process. */
export function engineOfProcess(): Engine {
	const { name, failure, isFallback = false, whyNotNative } = engineChoice();
	if (failure) throw failure;
	if (isFallback && !hasWarned) {
		hasWarned = true;
		warn(whyNotNative);
	}
	return name === "native" ? nativeEngine : sabEngine;
}
