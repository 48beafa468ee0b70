import {
	abi,
	type EndpointKind,
	type EngineHandleOptions,
	type EngineOptions,
	type HandleKind,
	Kind,
} from "@libipc/protocol";

/**
 * The longest single call into native code. A Worker can be terminated between two calls, but not during one. A longer wait is a
 * series of such calls.
 */
export const LONGEST_CALL_MS = 1000;

/**
 * Called between two such calls, so that a Worker can be terminated there. JavaScriptCore's optimizing compilers remove the
 * check for termination from a loop of native calls. A function that is called once a second is interpreted, and so it checks.
 */
export function yieldToTermination(): true {
	return true;
}

const encoder = new TextEncoder();

/** Text as C expects it: it ends with a zero byte. */
export const terminated = (text: string): Uint8Array => encoder.encode(`${text}\0`);

const { options: at, OPTIONS_BYTES } = abi;

/** `ipc_options` in `native/include/libipc/options.h`; a field that is not set is 0, which stands for the default. */
function optionsStructure(values: Partial<Record<keyof typeof at, number>>, codec = "", deadLetter = ""): Uint32Array {
	const words = new Uint32Array(OPTIONS_BYTES / 4);
	words[at.structSize / 4] = OPTIONS_BYTES;
	for (const [name, value] of Object.entries(values)) words[at[name as keyof typeof at] / 4] = value;
	words[at.size / 4 + 1] = Math.floor((values.size ?? 0) / 2 ** 32);
	encoder.encodeInto(codec, new Uint8Array(words.buffer, at.codec));
	encoder.encodeInto(deadLetter, new Uint8Array(words.buffer, at.deadLetter));
	return words;
}

/** `ipc_options` for an endpoint. */
export const nativeOptions = (kind: EndpointKind, options: EngineOptions): Uint32Array =>
	optionsStructure(
		{
			kind: Kind[kind],
			capacity: options.capacity,
			maxReceivers: options.maxReceivers,
			permissions: options.permissions,
			overflow: options.overflow,
			fromOldest: options.fromOldest ? 1 : 0,
			lossy: options.lossy ? 1 : 0,
			firstPosition: options.firstPosition,
			mode: options.mode ?? 0,
			maxAttempts: options.maxAttempts ?? 0,
			stamp: options.stamp ?? abi.StampOption.none,
		},
		options.codec,
		options.deadLetter,
	);

/** `ipc_options` for a handle. */
export const nativeHandleOptions = (kind: HandleKind, options: EngineHandleOptions): Uint32Array =>
	optionsStructure(
		{
			kind: Kind[kind],
			maxReceivers: options.maxHandles,
			permissions: options.permissions,
			mode: options.mode,
			initial: options.initial,
			robust: options.robust,
			size: options.size,
			notifyOnly: options.notifyOnly ? 1 : 0,
			keep: options.keep ?? 0,
		},
		options.codec,
	);
