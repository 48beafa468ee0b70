import { checkOptionsObject, invalid, show } from "../check/argument.ts";
import { checkOptionNames } from "../check/option_names.ts";

/** How a stream uses its endpoint. */
export interface StreamOptions {
	/**
	 * true: the endpoint is closed when the stream ends, fails, or is cancelled, aborted or destroyed.
	 *
	 * @defaultValue `false`: the endpoint stays open, and the program closes it
	 */
	readonly close?: boolean | undefined;
	/**
	 * How many messages the stream may hold. What a readable stream holds is lost if the stream is cancelled or destroyed; in the ring,
	 * it stays.
	 *
	 * @defaultValue 0 for streams that are read, 1 for streams that are written
	 */
	readonly highWaterMark?: number | undefined;
}

/** Checks the options. `call`: how error messages name the call. */
export function checkStreamOptions(call: string, options: StreamOptions | undefined, known: readonly string[]) {
	const given = checkOptionsObject("", options, "{ close: true }");
	checkOptionNames("", call, given, known);
	const close: unknown = given?.close;
	if (close !== undefined && typeof close !== "boolean")
		throw invalid("", `close must be a boolean, not ${show(close)}.`);
	return { close: close === true, highWaterMark: checkHighWaterMark(given?.highWaterMark) };
}

function checkHighWaterMark(value: unknown): number | undefined {
	if (value === undefined) return undefined;
	if (typeof value !== "number" || !(value >= 0) || (value !== Infinity && !Number.isInteger(value)))
		throw invalid(
			"",
			`highWaterMark must be a number of messages: an integer, 0 or more, or Infinity, not ${show(value)}.`,
		);
	// Streams of Node take integers only.
	return Math.min(value, Number.MAX_SAFE_INTEGER);
}
