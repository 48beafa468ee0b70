import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import { IpcError } from "@libipc/protocol";
import { missingFfi } from "./node/ffi.ts";
import { library } from "./node/library.ts";

/** `native`: the C library through node:ffi, between processes. `sab`: TypeScript, between the threads of this process. */
export type EngineName = "native" | "sab";

export interface EngineChoice {
	readonly name: EngineName;
	/** Why it is not native, and what would help; empty if it is, or could be. */
	readonly whyNotNative: string;
	/** Of a choice that somebody forced and that cannot be had: what opening throws. */
	readonly failure?: IpcError;
}

/** Where a thread leaves its choice for the Workers that are made afterwards. */
const KEY = "libipc.engine";

function whyNotNative(): string {
	const missing = missingFfi();
	if (missing !== undefined) return missing;
	try {
		library();
		return "";
	} catch (error) {
		if (error instanceof Error) return error.message;
		throw error;
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
	return failed("native", whyNot, `The native engine cannot be had. ${whyNot}`);
}

function choose(): EngineChoice {
	const handedOn = isMainThread ? undefined : (getEnvironmentData(KEY) as EngineChoice | undefined);
	if (handedOn) return handedOn.name === "native" ? chooseNative() : handedOn;
	const forced = process.env.LIBIPC_ENGINE || undefined;
	if (forced === "native") return chooseNative();
	// Without a look at the native one: node:ffi says on the console that it is experimental.
	if (forced === "sab")
		return { name: "sab", whyNotNative: "LIBIPC_ENGINE=sab was set: leave it out, or set it to native." };
	if (forced !== undefined)
		return failed("sab", "", `LIBIPC_ENGINE is ${JSON.stringify(forced)}: it can be "sab", "native", or left out.`);
	const whyNot = whyNotNative();
	return { name: whyNot === "" ? "native" : "sab", whyNotNative: whyNot };
}

let chosen: EngineChoice | undefined;

/**
 * Which engine this process uses: `LIBIPC_ENGINE`, else native where node:ffi and the native library are there, else sab.
 * All threads must choose alike, or they would not find each other's names: a Worker takes the choice of whoever made it.
 */
export function engineChoice(): EngineChoice {
	if (chosen) return chosen;
	chosen = choose();
	// A failure is found again by each: what it says is up to date then.
	if (!chosen.failure) setEnvironmentData(KEY, { name: chosen.name, whyNotNative: chosen.whyNotNative });
	return chosen;
}
