import { isAborted, isSignal, throwIfAborted } from "../check/signal.ts";
import type { LockMode } from "./lock_state.ts";
import type { WebLock } from "./lock_types.ts";

export type Callback = (lock: WebLock | null) => unknown;

/** The arguments of a request, converted and checked as the web does. */
export interface CheckedRequest {
	readonly name: string;
	readonly mode: LockMode;
	readonly ifAvailable: boolean;
	readonly steal: boolean;
	readonly signal: AbortSignal | undefined;
	readonly callback: Callback;
}

const notSupported = (message: string): DOMException => new DOMException(message, "NotSupportedError");

function checkOptions(given: unknown): Omit<CheckedRequest, "name" | "callback"> {
	if (given !== undefined && given !== null && typeof given !== "object" && typeof given !== "function")
		throw new TypeError("The options of locks.request must be an object.");
	const options = (given ?? {}) as Readonly<Record<string, unknown>>;
	// In this order, as the web reads them.
	const ifAvailable = Boolean(options.ifAvailable);
	const mode = options.mode === undefined ? "exclusive" : `${options.mode}`;
	if (mode !== "exclusive" && mode !== "shared")
		throw new TypeError(`mode must be "exclusive" or "shared", not ${JSON.stringify(mode)}.`);
	const signal: unknown = options.signal;
	if (signal !== undefined && !isSignal(signal)) throw new TypeError("signal must be an AbortSignal.");
	return { ifAvailable, mode, signal, steal: Boolean(options.steal) };
}

/** @throws what the promise of the request rejects with */
export function checkRequest(args: readonly unknown[]): CheckedRequest {
	if (args.length < 2) throw new TypeError("locks.request needs a name and a callback.");
	const name = `${args[0]}`;
	const callback = args.length === 2 ? args[1] : args[2];
	const options = checkOptions(args.length === 2 ? undefined : args[1]);
	if (typeof callback !== "function") throw new TypeError("The callback of locks.request must be a function.");
	const { ifAvailable, steal, mode, signal } = options;
	if (name.startsWith("-")) throw notSupported('The name of a lock must not begin with "-".');
	if (steal && ifAvailable) throw notSupported("steal and ifAvailable exclude each other.");
	if (steal && mode !== "exclusive") throw notSupported('Only a lock of the mode "exclusive" can be stolen.');
	if (signal && steal) throw notSupported("signal and steal exclude each other.");
	if (signal && ifAvailable) throw notSupported("signal and ifAvailable exclude each other.");
	if (signal && isAborted(signal)) throwIfAborted(signal);
	return { name, callback: callback as Callback, ...options };
}
