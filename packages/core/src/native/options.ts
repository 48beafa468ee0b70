import {
	type EndpointKind,
	type EngineHandleOptions,
	type EngineOptions,
	type HandleKind,
	Kind,
} from "@libipc/protocol";

/**
 * The longest single call into native code. A Worker can be terminated between two calls but not inside one; a waiting
 * process only looks up and goes back to sleep.
 */
export const LONGEST_CALL_MS = 1000;

/**
 * Called between two such calls: where a Worker can be terminated. JavaScriptCore's optimizing compilers leave the look out of
 * a loop that consists of native calls; a function that is called once a second, though, is interpreted, and looks.
 */
export function yieldToTermination(): true {
	return true;
}

const encoder = new TextEncoder();

/** Text as C wants it. */
export const terminated = (text: string): Uint8Array => encoder.encode(`${text}\0`);

/** Words of `ipc_options` in `native/include/libipc/options.h`. */
const OPTION_WORDS = 12;

/** `ipc_options` for an endpoint. */
export function nativeOptions(kind: EndpointKind, options: EngineOptions): Uint32Array {
	const words = new Uint32Array(OPTION_WORDS);
	words[0] = Kind[kind];
	words[1] = options.capacity;
	words[2] = options.maxReceivers;
	words[3] = options.permissions;
	words[4] = options.overflow;
	words[5] = options.fromOldest ? 1 : 0;
	words[6] = options.firstPosition;
	return words;
}

/** `ipc_options` for a handle. */
export function nativeHandleOptions(kind: HandleKind, options: EngineHandleOptions): Uint32Array {
	const words = new Uint32Array(OPTION_WORDS);
	words[0] = Kind[kind];
	words[2] = options.maxHandles;
	words[3] = options.permissions;
	words[7] = options.mode;
	words[8] = options.initial;
	words[9] = options.robust;
	words[10] = options.size % 2 ** 32;
	words[11] = Math.floor(options.size / 2 ** 32);
	return words;
}
