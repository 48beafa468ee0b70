import { type Engine, hideFramesBeside } from "@libipc/protocol";
import { engineChoice } from "./engine_choice.ts";
import { nativeBinding } from "./native_binding.ts";
import { sabEngine } from "./sab/engine.ts";
import { isFirstToWarn } from "./sab/hub.ts";

hideFramesBeside(import.meta.url, "engine");

/**
 * Once in a process, on its first use: otherwise both sides of two processes would wait for each other, and nothing would say why.
 * Emitted at once, and not by `process.emitWarning`, which waits for the event loop: the next call may block for ever.
 */
function warn(whyNotNative: string): void {
	if (!isFirstToWarn()) return;
	const warning = new Error(
		`libipc shares names only between the threads of this process, not with other processes. ${whyNotNative} If threads are meant, set LIBIPC_ENGINE=sab; then there is no warning.`,
	);
	process.emit("warning", Object.assign(warning, { name: "IpcWarning", code: "IPC_BETWEEN_THREADS" }));
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
	return name === "native" ? nativeBinding.engine : sabEngine;
}
