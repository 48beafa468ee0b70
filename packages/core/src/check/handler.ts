import { checkFunction, invalid } from "./argument.ts";

const ADVICE =
	"What it gets is valid only until it returns: later a sender may write over it. Copy what you need (view.slice()) and begin the asynchronous work after that, or receive with recvAsync, messages or leases.";

/** For handlers that get values, which belong to them. */
export const ADVICE_FOR_VALUES =
	"drain does not wait for promises. Begin the asynchronous work in the handler without awaiting it, or receive with recvAsync, messages or leases.";

/**
 * Checks the handler of `drain` or `drainBatch` before a message is taken. An async function or a generator cannot be right: it
 * would read the ring after the call. Functions that return a promise are found by {@link checkHandled}.
 */
export function checkHandler(endpoint: string, call: string, handler: unknown, advice = ADVICE): void {
	checkFunction(endpoint, `The handler of ${call}`, handler);
	// The common case is one comparison. Other functions are classes, functions of other realms, and those that are looked for.
	if (Object.getPrototypeOf(handler) === Function.prototype) return;
	const what = Object.prototype.toString.call(handler);
	if (
		what === "[object AsyncFunction]" ||
		what === "[object GeneratorFunction]" ||
		what === "[object AsyncGeneratorFunction]"
	)
		throw invalid(
			endpoint,
			`The handler of ${call} must be a plain function, not ${what === "[object AsyncFunction]" ? "an async function" : "a generator function"}. No message was taken. ${advice}`,
		);
}

/**
 * Checks what a handler has returned: nothing, or a value that is no promise.
 *
 * @param after - What has become of the message.
 */
export function checkHandled(endpoint: string, call: string, result: unknown, after: string, advice = ADVICE): void {
	if (result === null || (typeof result !== "object" && typeof result !== "function")) return;
	if ("then" in result && typeof result.then === "function")
		throw invalid(endpoint, `The handler of ${call} returned a promise. ${after} ${advice}`);
}
