import {
	abi,
	type EndpointKind,
	type EngineOptions,
	type HandleKind,
	IpcError,
	limits,
	overflows,
} from "@libipc/protocol";
import type {
	AsyncWaitOptions,
	DrainOptions,
	IterationOptions,
	QueueReceiverOptions,
	RetryOptions,
	WaitOptions,
} from "../endpoint/types.ts";
import { environmentVariable } from "../environment_variable.ts";
import { isUint8Array, lostMemory } from "./bytes.ts";
import { checkOptionNames, optionNames } from "./option_names.ts";
import { isSignal } from "./signal.ts";

const encoder = new TextEncoder();

/** How many messages `drain` and `drainBatch` handle at most. */
const DEFAULT_MAX = 1024;

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

/** What a name or a prefix must be, for error messages. */
const mustBe = (least: number, limit: number): string =>
	`must be a string of ${least} to ${limit} bytes of UTF-8 without "/" and control characters`;

/** What is wrong with a name or a prefix; empty: nothing. */
function problemOf(what: "name" | "prefix", value: string, limit: number): string {
	const bytes = encoder.encode(value).byteLength;
	if (what === "name" && value === "") return "it is empty";
	if (bytes > limit) return `it has ${bytes} bytes`;
	if (value.includes("/")) return 'it has a "/"';
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
	if (/[\u0000-\u001f\u007f]/.test(value)) return "it has a control character";
	// A lone surrogate would turn into U+FFFD: two different names would be one.
	return value.isWellFormed() ? "" : "it is not well-formed Unicode";
}

function checkText(what: "name" | "prefix", value: unknown, limit: number): asserts value is string {
	const must = mustBe(what === "name" ? 1 : 0, limit);
	if (typeof value !== "string") throw invalid("", `The ${what} ${must}, not ${show(value)}.`);
	const problem = problemOf(what, value, limit);
	if (problem)
		throw new IpcError(
			"ERR_IPC_INVALID_NAME",
			value,
			`The ${what} ${show(value)} is not usable: ${problem}. It ${must}.`,
		);
}

/** The environment variable with the prefix of calls that pass none. */
const PREFIX_VARIABLE = "LIBIPC_PREFIX";

/** The prefix of the environment; `undefined`: the variable is not set, or empty. It is read by each open. */
function environmentPrefix(): string | undefined {
	const prefix = environmentVariable(PREFIX_VARIABLE);
	if (!prefix) return undefined;
	const problem = problemOf("prefix", prefix, limits.prefixBytes);
	if (problem)
		throw invalid(
			"",
			`The environment variable ${PREFIX_VARIABLE} is ${show(prefix)}, which is not usable as a prefix: ${problem}. It ${mustBe(0, limits.prefixBytes)}. Change or unset it, or pass the option \`prefix\`.`,
		);
	return prefix;
}

/** Checks a name and a prefix. Returns the prefix: the given one, else that of the environment, else the empty one. */
export function checkName(name: unknown, prefix: unknown): string {
	checkText("name", name, limits.nameBytes);
	return checkPrefix(prefix) ?? "";
}

/** Checks the arguments of `clear(name)` of a factory. Returns the prefix. */
export function checkClear(
	factory: string,
	name: string,
	options: { prefix?: string | undefined } | undefined,
): string {
	const given = checkOptionsObject(name, options, '{ prefix: "app" }');
	const prefix = checkName(name, given?.prefix);
	checkOptionNames(name, `${factory}.clear`, given, optionNames.clear);
	return prefix;
}

/** Checks a prefix. Returns it, or, if none is given, that of the environment; `undefined`: neither is given. */
export function checkPrefix(prefix: unknown): string | undefined {
	if (prefix === undefined) return environmentPrefix();
	checkText("prefix", prefix, limits.prefixBytes);
	return prefix;
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

/** Checks the options of an endpoint and converts them to those of an engine. */
export function checkOptions(
	endpoint: string,
	kind: EndpointKind,
	options: QueueReceiverOptions & { firstPosition?: number },
	codec: string,
): EngineOptions {
	const { minCapacity, maxCapacity } = limits;
	const { capacity, firstPosition } = options;
	if (
		capacity !== undefined &&
		!(Number.isInteger(capacity) && capacity >= minCapacity && capacity <= maxCapacity && Math.log2(capacity) % 1 === 0)
	)
		throw invalid(
			endpoint,
			`capacity must be a power of two from ${minCapacity} (4 KiB) to ${maxCapacity} (1 GiB) bytes, not ${show(capacity)}${suggestCapacity(capacity)}.`,
		);
	return {
		capacity: capacity ?? 0,
		maxReceivers: checkInteger(endpoint, "maxReceivers", options.maxReceivers, 1, limits.maxReceivers),
		permissions: checkPermissions(endpoint, options.permissions),
		overflow: checkOverflow(endpoint, kind, options.overflow),
		fromOldest: checkFrom(endpoint, options.from),
		lossy: checkLossy(endpoint, options.lossy),
		firstPosition: checkInteger(endpoint, "firstPosition", firstPosition, 0, 0xffffffff),
		codec,
		stamp: checkStamp(endpoint, options.stamp),
		...checkDeadLetter(endpoint, options),
	};
}

/** Checks where messages go that fail too often. */
function checkDeadLetter(
	endpoint: string,
	{ deadLetter, maxAttempts }: QueueReceiverOptions,
): Pick<EngineOptions, "deadLetter" | "maxAttempts"> {
	const limit = checkInteger(endpoint, "maxAttempts", maxAttempts, 1, limits.maxAttempts);
	if (deadLetter === undefined) {
		if (limit === 0) return {};
		throw invalid(
			endpoint,
			'maxAttempts needs deadLetter, the name of the queue for messages that fail too often, such as { maxAttempts: 5, deadLetter: "jobs.dead" }. Otherwise they would be lost.',
		);
	}
	checkText("name", deadLetter, limits.nameBytes);
	if (deadLetter === endpoint)
		throw invalid(endpoint, `deadLetter must be the name of another queue, not ${show(deadLetter)}, this one.`);
	return { deadLetter, maxAttempts: limit };
}

/** Checks the options of `retry`. Returns the delay: whole milliseconds, rounded up. */
export function checkDelay(endpoint: string, options: RetryOptions | undefined): number {
	if (options === undefined) return 0;
	const given = checkOptionsObject(endpoint, options, "{ delay: 1000 }");
	checkOptionNames(endpoint, "retry", given, optionNames.retry);
	const delay = given?.delay;
	if (delay === undefined) return 0;
	if (typeof delay !== "number" || !(delay >= 0 && delay <= limits.maxDelay))
		throw invalid(
			endpoint,
			`delay must be a number of milliseconds from 0 to ${limits.maxDelay} (a week), not ${show(delay)}.`,
		);
	return Math.ceil(delay);
}

/** Checks the reason of `reject`. Returns its UTF-8. */
export function checkReason(endpoint: string, reason: unknown): Uint8Array {
	if (reason === undefined) return new Uint8Array();
	if (typeof reason === "string") return encoder.encode(reason);
	throw invalid(endpoint, `The reason of reject must be a string, not ${show(reason)}.`);
}

function checkOverflow(endpoint: string, kind: EndpointKind, overflow: unknown): number {
	if (overflow === undefined) return 0;
	const index = (overflows as readonly unknown[]).indexOf(overflow);
	if (index < 0)
		throw invalid(endpoint, `overflow must be "block", "drop-newest" or "drop-oldest", not ${show(overflow)}.`);
	if (kind === "queue" && overflow === "drop-oldest")
		throw invalid(
			endpoint,
			'A queue cannot drop its oldest messages, because a receiver may be working on them. Use "block" or "drop-newest".',
		);
	return index + 1;
}

function checkLossy(endpoint: string, lossy: unknown): boolean {
	if (lossy === undefined || typeof lossy === "boolean") return lossy === true;
	throw invalid(endpoint, `lossy must be a boolean, not ${show(lossy)}.`);
}

function checkStamp(endpoint: string, stamp: unknown): number {
	const { none, all, any } = abi.StampOption;
	if (stamp === undefined) return any;
	if (typeof stamp === "boolean") return stamp ? all : none;
	throw invalid(endpoint, `stamp must be a boolean, not ${show(stamp)}.`);
}

function checkFrom(endpoint: string, from: unknown): boolean {
	if (from === undefined || from === "newest" || from === "oldest") return from === "oldest";
	throw invalid(endpoint, `from must be "newest" or "oldest", not ${show(from)}.`);
}

/**
 * Decimal numbers that are file modes if they are read as octal ones, and are within the range of modes. All others, such as 660, are
 * out of range. Their octal values, 0o620, 0o670, 0o674 and 0o764, are modes that no program needs.
 */
const DECIMAL_MODES: readonly unknown[] = [400, 440, 444, 500];

/** What to write instead of a mode in decimal; empty: the value is not one. */
function octalHint(permissions: unknown): string {
	const digits = typeof permissions === "number" || typeof permissions === "string" ? String(permissions) : "";
	const octal = /^(?:0o|0)?([0-7]{3})$/i.exec(digits)?.[1];
	return octal === undefined ? "" : ` Did you mean 0o${octal}? A file mode is written in octal digits, after 0o.`;
}

export function checkPermissions(endpoint: string, permissions: unknown): number {
	const isInRange =
		typeof permissions === "number" && Number.isInteger(permissions) && permissions >= 0o600 && permissions <= 0o777;
	if (permissions !== undefined && (!isInRange || DECIMAL_MODES.includes(permissions)))
		throw invalid(
			endpoint,
			`permissions must be an integer from 0o600 to 0o777, not ${show(permissions)}.${octalHint(permissions)}`,
		);
	const bits = checkInteger(endpoint, "permissions", permissions, 0o600, 0o777, "0o600 to 0o777");
	if (bits === 0 || (bits & 0o600) === 0o600) return bits;
	throw invalid(
		endpoint,
		`permissions must let the owner read and write (0o600 among the bits), or even the owner could not clear the name; it was 0o${bits.toString(8)}.`,
	);
}

function suggestCapacity(capacity: unknown): string {
	if (typeof capacity !== "number" || !(capacity > 0) || capacity > limits.maxCapacity) return "";
	return `; the next one up is ${Math.max(limits.minCapacity, 2 ** Math.ceil(Math.log2(capacity)))}`;
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

/** Checks the argument of a batch. A string is refused: it is iterable, but by its characters. */
export function checkIterable(endpoint: string, messages: unknown): void {
	if (
		messages !== null &&
		typeof messages === "object" &&
		Symbol.iterator in messages &&
		typeof messages[Symbol.iterator] === "function"
	)
		return;
	throw invalid(endpoint, `A batch must be an array or another iterable object of messages, not ${show(messages)}.`);
}

/** How messages about their options name the calls of an open endpoint or handle. */
const THIS_CALL = "this call";

/**
 * How many more options of blocking calls have their names checked. A program with a wrong name has it in the source, and shows it
 * early. The check of a new object in each call would cost as much as a quarter of sending and receiving a message.
 */
let namesToCheck = 10_000;

/** Checks the options of a call that blocks: {@link timeoutOf}, and that there are no other options. */
export function checkTimeout(endpoint: string, options: WaitOptions | undefined): number {
	if (options === undefined) return -1;
	const timeout = timeoutOf(endpoint, options);
	// Last: then the compiler need not allocate an object literal that it does not check.
	if (namesToCheck > 0) checkNames(endpoint, options);
	return timeout;
}

function checkNames(endpoint: string, options: WaitOptions): void {
	namesToCheck--;
	checkOptionsObject(endpoint, options, "{ timeout: 100 }");
	// In line: the loop costs 2 ns in Bun, a call of checkOptionNames 20.
	for (const name in options)
		if (name !== "timeout") {
			checkOptionNames(endpoint, THIS_CALL, options, optionNames.wait);
			break;
		}
}

/**
 * Converts the timeout of an options object to that of an engine: whole milliseconds in 32 bits, rounded up; negative for no limit.
 * More than 24 days is no limit.
 */
export function timeoutOf(endpoint: string, options: WaitOptions | undefined): number {
	if (options === undefined) return -1;
	const timeout = options?.timeout;
	if (typeof timeout === "number") {
		// Returning the integer, not the equal number, tells the compiler that it is an integer. It saves 4 ns on every call.
		const milliseconds = timeout | 0;
		if (milliseconds === timeout && milliseconds >= 0) return milliseconds;
	}
	return uncommonTimeout(endpoint, options);
}

function uncommonTimeout(endpoint: string, options: WaitOptions): number {
	const timeout = checkOptionsObject(endpoint, options, "{ timeout: 100 }")?.timeout;
	if (timeout === undefined) return -1;
	if (typeof timeout !== "number" || !(timeout >= 0))
		throw invalid(
			endpoint,
			`timeout must be a number of milliseconds, 0 (do not wait) or more; leave it out to wait for ever. It was ${show(timeout)}.`,
		);
	return timeout > 0x7fffffff ? -1 : Math.ceil(timeout);
}

/**
 * Checks how long an open waits for the sender of a route, in milliseconds. Returns whole milliseconds, rounded up; negative for no
 * limit.
 */
export function checkWait(endpoint: string, wait: unknown, byDefault: number): number {
	if (wait === undefined) return byDefault;
	if (typeof wait !== "number" || !(wait >= 0))
		throw invalid(
			endpoint,
			`wait must be a number of milliseconds, 0 (do not wait) or more; Infinity waits without a limit. It was ${show(wait)}.`,
		);
	return wait > 0x7fffffff ? -1 : Math.ceil(wait);
}

/** Checks the signal of an options object. */
export function checkSignal(endpoint: string, signal: unknown): AbortSignal | undefined {
	if (signal === undefined || isSignal(signal)) return signal;
	throw invalid(endpoint, `signal must be an AbortSignal, such as AbortSignal.timeout(1000), not ${show(signal)}.`);
}

/** The options of an asynchronous wait, checked: reading them again runs no code of the caller. */
export interface CheckedWait {
	/** Whole milliseconds; negative: no limit. */
	readonly timeout: number;
	readonly signal: AbortSignal | undefined;
}

const NO_OPTIONS: CheckedWait = { timeout: -1, signal: undefined };

/** Checks the options of an asynchronous wait. It reads each of them once. */
export function checkWaitOptions(endpoint: string, options: AsyncWaitOptions | undefined): CheckedWait {
	if (options === undefined) return NO_OPTIONS;
	const timeout = timeoutOf(endpoint, checkOptionsObject(endpoint, options, "{ timeout: 100, signal }"));
	checkOptionNames(endpoint, THIS_CALL, options, optionNames.asyncWait);
	return { timeout, signal: checkSignal(endpoint, options.signal) };
}

/** Checks the options of an iteration. Returns the signal. */
export function checkIteration(endpoint: string, options: IterationOptions | undefined): AbortSignal | undefined {
	const given = checkOptionsObject(endpoint, options, "{ signal }");
	checkOptionNames(endpoint, THIS_CALL, given, optionNames.iteration);
	return checkSignal(endpoint, given?.signal);
}

/** Checks the options of `drain` and `drainBatch`, apart from the timeout. Returns the largest number of messages. */
export function checkDrainOptions(endpoint: string, call: string, options: DrainOptions | undefined): number {
	const given = checkOptionsObject(endpoint, options, "{ max: 100, timeout: 100 }");
	checkOptionNames(endpoint, call, given, optionNames.drain);
	const max = given?.max;
	return max === undefined ? DEFAULT_MAX : checkCount(endpoint, "max", max, 1, limits.drainMax);
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

const LOST = "its memory was transferred elsewhere (the buffer is detached), or its buffer was resized to less";

/** The error for a value that is not a message. */
export function notAMessage(endpoint: string, value: unknown): IpcError {
	const problem = lostMemory(value) ? LOST : `it was ${show(value)}`;
	return invalid(
		endpoint,
		`A message must be a string, an ArrayBuffer, a SharedArrayBuffer or a view of one (Uint8Array, Buffer, DataView); ${problem}.`,
	);
}

/** The error for a value that no message can be copied into. */
export function notATarget(endpoint: string, value: unknown, call = "recvInto", what = "message"): IpcError {
	const problem = isUint8Array(value) ? LOST : `it was ${show(value)}`;
	return invalid(endpoint, `${call} needs a Uint8Array to copy the ${what} into; ${problem}.`);
}
