import { type EndpointKind, type HandleKind, IpcError } from "@libipc/protocol";

/** The public name of what opens and clears a kind. */
export const FACTORIES = {
	route: "Route",
	channel: "Channel",
	queue: "Queue",
	mutex: "Mutex",
	condition: "Condition",
	semaphore: "Semaphore",
	rwlock: "RwLock",
	memory: "SharedMemory",
	signal: "Signal",
	latest: "Latest",
} as const satisfies Record<EndpointKind | HandleKind, string>;

/** What error messages call a kind whose word is not its name. */
const WORDS: Partial<Record<EndpointKind | HandleKind, string>> = {
	rwlock: "reader-writer lock",
	memory: "shared memory",
	signal: "Signal",
	latest: "latest value",
};

/**
 * How error messages name a name: `route "prices"`.
 *
 * @internal
 */
export function describe(kind: EndpointKind | HandleKind, prefix: string, name: string): string {
	const what = WORDS[kind] ?? kind;
	return prefix === "" ? `${what} "${name}"` : `${what} "${name}" (prefix "${prefix}")`;
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** A value as error messages show it: short, on one line, and without an exception of the value's own code. */
export function show(value: unknown): string {
	if (typeof value === "string") return JSON.stringify(shorten(value));
	if (typeof value === "function") return "a function";
	if (value === null || typeof value !== "object") return shorten(String(value));
	try {
		return shorten(Object.prototype.toString.call(value));
	} catch {
		return "an object"; // its Symbol.toStringTag throws, or it is a revoked Proxy
	}
}

/** `name`: what the caller passed as a name; it may be anything. */
export function invalid(name: unknown, message: string): IpcError {
	return new IpcError("ERR_IPC_INVALID_ARGUMENT", typeof name === "string" ? name : "", message);
}

export function checkInteger(
	endpoint: string,
	what: string,
	value: unknown,
	min: number,
	max: number,
	shown = `${min} to ${max}`,
): number {
	if (value === undefined) return 0;
	// `+ 0`: no engine gets -0, which is not a 32-bit integer.
	if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value + 0;
	throw invalid(endpoint, `${what} must be an integer from ${shown}, not ${show(value)}.`);
}

/** Checks that options are an object, or absent. */
export function checkOptionsObject<Options extends object>(
	endpoint: string,
	options: Options | undefined,
	example: string,
): Options | undefined {
	if (options === undefined || (options !== null && typeof options === "object")) return options;
	throw invalid(endpoint, `options must be an object such as ${example}, not ${show(options)}.`);
}

/** Checks an argument that must be a function. */
export function checkFunction(endpoint: string, what: string, value: unknown): void {
	if (typeof value !== "function") throw invalid(endpoint, `${what} must be a function, not ${show(value)}.`);
}

/** Checks a count argument such as `max`. */
export function checkCount(endpoint: string, what: string, value: unknown, min: number, max: number): number {
	if (value === undefined)
		throw invalid(endpoint, `${what} must be an integer from ${min} to ${max}; it was left out.`);
	return checkInteger(endpoint, what, value, min, max);
}
