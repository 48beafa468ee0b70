/**
 * The signal of a wait. `instanceof` fails for a signal of another realm, and a program can override the properties of its own signal.
 * So the getters of this runtime decide, which are taken once. A signal of another implementation (jsdom, a polyfill) is used through
 * its properties.
 */

function intrinsic<Value>(name: "aborted" | "reason"): (this: unknown) => Value {
	const getter: unknown = Object.getOwnPropertyDescriptor(AbortSignal.prototype, name)?.get;
	if (typeof getter !== "function") throw new TypeError(`This runtime has no getter AbortSignal.${name}.`);
	return getter as (this: unknown) => Value;
}

const aborted = intrinsic<boolean>("aborted");
const reason = intrinsic<unknown>("reason");
const { addEventListener, removeEventListener } = EventTarget.prototype;

function isOfThisRuntime(value: unknown): boolean {
	try {
		aborted.call(value);
		return true;
	} catch {
		return false;
	}
}

function isOfAnother(value: unknown): boolean {
	if (value === null || typeof value !== "object") return false;
	try {
		const signal = value as Partial<AbortSignal>;
		return (
			Object.prototype.toString.call(signal) === "[object AbortSignal]" &&
			typeof signal.aborted === "boolean" &&
			typeof signal.addEventListener === "function" &&
			typeof signal.removeEventListener === "function"
		);
	} catch {
		return false;
	}
}

export function isSignal(value: unknown): value is AbortSignal {
	return isOfThisRuntime(value) || isOfAnother(value);
}

export const isAborted = (signal: AbortSignal): boolean =>
	isOfThisRuntime(signal) ? aborted.call(signal) : signal.aborted;

/** Throws the reason of a signal that is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
	if (signal === undefined) return;
	const isNative = isOfThisRuntime(signal);
	if (isNative ? aborted.call(signal) : signal.aborted) throw isNative ? reason.call(signal) : signal.reason;
}

/** Adds a listener for the abort of a signal. Returns a function that removes it. */
function addListener(signal: AbortSignal, listener: () => void): () => void {
	if (isOfThisRuntime(signal)) {
		addEventListener.call(signal, "abort", listener);
		return () => removeEventListener.call(signal, "abort", listener);
	}
	signal.addEventListener("abort", listener);
	return () => {
		try {
			signal.removeEventListener("abort", listener);
		} catch {
			// A listener without waits does nothing.
		}
	};
}

/** The waits with one signal, and how to remove their listener. */
interface Listening {
	readonly waits: Set<() => void>;
	readonly remove: () => void;
}

/**
 * All waits with one signal share a listener: runtimes compare a new listener with each earlier one, and 20,000 waits with one signal
 * would take a second to begin.
 */
const listening = new WeakMap<AbortSignal, Listening>();

function listen(signal: AbortSignal): Listening {
	const waits = new Set<() => void>();
	const remove = addListener(signal, () => {
		for (const onAbort of [...waits]) onAbort();
	});
	return { waits, remove };
}

/** Calls `onAbort` when the signal is aborted. Returns a function that ends this. */
export function listenTo(signal: AbortSignal, onAbort: () => void): () => void {
	const known = listening.get(signal) ?? listen(signal);
	listening.set(signal, known);
	known.waits.add(onAbort);
	return () => {
		if (!known.waits.delete(onAbort) || known.waits.size > 0) return;
		listening.delete(signal);
		known.remove();
	};
}
