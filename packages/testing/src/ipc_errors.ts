import assert from "node:assert/strict";
import { assertLike } from "./assert_like.ts";

/** Runs a call that must throw an IpcError with this code and a message that matches. */
export function expectError(code: string, text: RegExp, run: () => unknown): void {
	let caught: unknown;
	try {
		run();
	} catch (error) {
		caught = error;
	}
	expectIpcError(caught, code, text);
}

/** The same for a promise that must be rejected. */
export async function expectRejection(code: string, text: RegExp, promise: Promise<unknown>): Promise<void> {
	expectIpcError(
		await promise.then(
			() => undefined,
			(reason: unknown) => reason,
		),
		code,
		text,
	);
}

function expectIpcError(caught: unknown, code: string, text: RegExp): void {
	assert.ok(caught instanceof Error, `expected ${code}, got ${String(caught)}`);
	assertLike(caught, { name: "IpcError", code, message: text });
}
