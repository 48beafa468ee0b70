import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import { environmentVariable } from "@libipc/core/api";
import { IpcError } from "@libipc/protocol";
import { nativeBinding } from "./native_binding.ts";

/** `native`: the C library between processes. `sab`: TypeScript, between the threads of this process. */
export type EngineName = "native" | "sab";

export interface EngineChoice {
	readonly name: EngineName;
	/** Why the choice is not native, and what would help. Empty if it is native, or could be. */
	readonly whyNotNative: string;
	/** If the forced choice is not possible: the error that an open throws. */
	readonly failure?: IpcError;
	/** Whether nobody has asked for sab: processes may have been meant. */
	readonly isFallback?: boolean;
}

/** Under this key the Workers that are created afterwards find the choice of the thread. */
const KEY = "libipc.engine";

function whyNotNative(): string {
	try {
		const missing = nativeBinding.missing();
		if (missing !== undefined) return missing;
		nativeBinding.library();
		return "";
	} catch (error) {
		if (error instanceof IpcError && error.code === "ERR_IPC_LIBRARY") return error.message;
		throw error; // the library works, and refuses what the environment asks for
	}
}

const failed = (name: EngineName, whyNot: string, text: string): EngineChoice => ({
	name,
	whyNotNative: whyNot,
	failure: new IpcError("ERR_IPC_ENGINE", "", text),
});

function chooseNative(): EngineChoice {
	const whyNot = whyNotNative();
	if (whyNot === "") return { name: "native", whyNotNative: "" };
	return failed("native", whyNot, `The native engine cannot be used. ${whyNot}`);
}

function choose(): EngineChoice {
	const handedOn = isMainThread ? undefined : (getEnvironmentData(KEY) as EngineChoice | undefined);
	if (handedOn) return handedOn.name === "native" ? chooseNative() : handedOn;
	const forced = environmentVariable("LIBIPC_ENGINE") || undefined;
	if (forced === "native") return chooseNative();
	if (forced === "sab")
		return { name: "sab", whyNotNative: "LIBIPC_ENGINE=sab was set: leave it out, or set it to native." };
	if (forced !== undefined)
		return failed("sab", "", `LIBIPC_ENGINE is ${JSON.stringify(forced)}: it can be "sab", "native", or left out.`);
	const whyNot = whyNotNative();
	if (whyNot === "") return { name: "native", whyNotNative: "" };
	// A library is named for other processes: threads alone would wait for them for ever. In Bun, this package has only sab.
	const named = process.versions.bun ? undefined : environmentVariable("LIBIPC_LIBRARY");
	if (named)
		return failed(
			"native",
			whyNot,
			`LIBIPC_LIBRARY names a native library (${named}), and the native engine cannot be used. ${whyNot} To share names only between the threads of this process, set LIBIPC_ENGINE=sab.`,
		);
	return { name: "sab", whyNotNative: whyNot, isFallback: !process.versions.bun };
}

let chosen: EngineChoice | undefined;

/**
 * The engine of this process: `LIBIPC_ENGINE`, otherwise native if the runtime can load native code and the native library is usable, otherwise sab.
 * All threads must make the same choice, or they would not find each other's names. So a Worker takes the choice of its parent.
 * A library that `LIBIPC_LIBRARY` names is an order as well: if it cannot be used, that is an error.
 */
export function engineChoice(): EngineChoice {
	if (chosen) return chosen;
	chosen = choose();
	// A failure is not handed on: each thread finds it again, and its text is up to date.
	if (!chosen.failure)
		setEnvironmentData(KEY, { name: chosen.name, whyNotNative: chosen.whyNotNative, isFallback: chosen.isFallback });
	return chosen;
}
