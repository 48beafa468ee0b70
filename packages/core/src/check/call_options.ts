import { limits } from "@libipc/protocol";
import type { AsyncWaitOptions, DrainOptions, IterationOptions, RetryOptions, WaitOptions } from "../endpoint/types.ts";
import { checkCount, checkOptionsObject, invalid, show } from "./argument.ts";
import { checkOptionNames, optionNames } from "./option_names.ts";
import { isSignal } from "./signal.ts";

/** How many messages `drain` and `drainBatch` handle at most. */
const DEFAULT_MAX = 1024;

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
