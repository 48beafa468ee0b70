import { limits } from "@libipc/protocol";
import { checkFunction, checkOptionsObject, invalid, show } from "../check/argument.ts";
import { checkSignal, timeoutOf } from "../check/call_options.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import type { Handler } from "./handlers.ts";
import { checkMethods, type MethodOptions } from "./method_options.ts";
import { checkNumber } from "./opened_service.ts";
import type { CallInfo, CallOptions, ConnectOptions, ServeOptions, ShutdownOptions } from "./service_types.ts";

const DEFAULT_CONCURRENCY = 1024;
const DEFAULT_STREAM_BUFFER = 32;
const DEFAULT_SHUTDOWN_MS = 10_000;
/** Longer than it takes to restart a server. */
const DEFAULT_WAIT_FOR_SERVER_MS = 10_000;

/** The options of a server, checked. */
export interface ServerOptions {
	readonly concurrency: number;
	readonly stacks: boolean;
	readonly onError: ((error: unknown, call: CallInfo) => void) | undefined;
}

/** The options of a client, checked. */
export interface CallerOptions {
	readonly methods: ReadonlyMap<string, MethodOptions>;
	/** How long a call with a timeout, and one without, waits while no server is open. Milliseconds. */
	readonly waitForServer: { readonly withTimeout: number; readonly without: number };
	readonly streamBuffer: number;
	readonly replyCapacity: number | undefined;
}

/** The options of a call, checked. */
export interface CheckedCall {
	/** Milliseconds; negative: no limit. */
	readonly timeout: number;
	readonly signal: AbortSignal | undefined;
}

function checkBoolean(service: string, what: string, value: unknown, byDefault: boolean): boolean {
	if (value === undefined || typeof value === "boolean") return value ?? byDefault;
	throw invalid(service, `${what} must be a boolean, not ${show(value)}.`);
}

function checkWaitForServer(service: string, value: unknown): CallerOptions["waitForServer"] {
	if (value === undefined) return { withTimeout: Infinity, without: DEFAULT_WAIT_FOR_SERVER_MS };
	let ms = value;
	if (typeof ms === "boolean") ms = ms ? Infinity : 0;
	if (typeof ms !== "number" || !(ms >= 0))
		throw invalid(service, `waitForServer must be a boolean, or milliseconds from 0 on, not ${show(value)}.`);
	return { withTimeout: ms, without: ms };
}

/** Checks the options of a server, except for those of its names. */
export function checkServe(
	service: string,
	given: ServeOptions<object>,
	handlers: ReadonlyMap<string, Handler>,
): ServerOptions & { readonly methods: ReturnType<typeof checkMethods> } {
	checkOptionNames(service, "Service.serve", given, optionNames.serve);
	const { concurrency, stacks, onError } = given;
	if (onError !== undefined) checkFunction(service, "onError", onError);
	return {
		methods: checkMethods(service, given.methods, "serverMethod", handlers),
		concurrency: checkNumber(service, "concurrency", concurrency, 65_536, DEFAULT_CONCURRENCY),
		stacks: checkBoolean(service, "stacks", stacks, false),
		onError,
	};
}

/** Checks the options of a client, except for those of its names. */
export function checkConnect(
	service: string,
	given: ConnectOptions<object>,
): CallerOptions & { readonly timeout: number } {
	checkOptionNames(service, "Service.connect", given, optionNames.connect);
	const { waitForServer, streamBuffer, replyCapacity } = given;
	if (replyCapacity !== undefined) checkNumber(service, "replyCapacity", replyCapacity, limits.maxCapacity, 0);
	return {
		methods: checkMethods(service, given.methods, "clientMethod"),
		waitForServer: checkWaitForServer(service, waitForServer),
		streamBuffer: checkNumber(service, "streamBuffer", streamBuffer, 65_535, DEFAULT_STREAM_BUFFER),
		replyCapacity,
		timeout: timeoutOf(service, given),
	};
}

/** Checks the options of calls. What is left out is as in `base`. */
export function checkCall(service: string, given: CallOptions, base: CheckedCall): CheckedCall {
	const options = checkOptionsObject(service, given, "{ timeout: 1000, signal }") ?? {};
	checkOptionNames(service, "this call", options, optionNames.asyncWait);
	return {
		timeout: options.timeout === undefined ? base.timeout : timeoutOf(service, options),
		signal: options.signal === undefined ? base.signal : checkSignal(service, options.signal),
	};
}

/** Checks the options of `shutdown`. Returns milliseconds. */
export function shutdownTimeout(service: string, given: ShutdownOptions | undefined): number {
	const options = checkOptionsObject(service, given, "{ timeout: 5000 }");
	checkOptionNames(service, "shutdown", options, optionNames.wait);
	if (options?.timeout === undefined) return DEFAULT_SHUTDOWN_MS;
	const timeout = timeoutOf(service, options);
	return timeout < 0 ? Infinity : timeout;
}
