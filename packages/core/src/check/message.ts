import type { IpcError } from "@libipc/protocol";
import { invalid, show } from "./argument.ts";
import { isUint8Array, lostMemory } from "./bytes.ts";

const encoder = new TextEncoder();

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

/** Checks the reason of `reject`. Returns its UTF-8. */
export function checkReason(endpoint: string, reason: unknown): Uint8Array {
	if (reason === undefined) return new Uint8Array();
	if (typeof reason === "string") return encoder.encode(reason);
	throw invalid(endpoint, `The reason of reject must be a string, not ${show(reason)}.`);
}
