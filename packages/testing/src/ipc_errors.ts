import assert from "node:assert/strict";
import { assertLike } from "./assert_like.ts";

/** Checks of the errors of a library, whose class of errors is `IpcError`. */
export function errorChecks(IpcError: abstract new (...args: never[]) => Error) {
	function expectIpcError(caught: unknown, code: string, text: RegExp): void {
		assert.ok(caught instanceof IpcError, `expected an IpcError with ${code}, got ${String(caught)}`);
		assertLike(caught, { name: "IpcError", code, message: text });
	}
	return {
		/** Runs a call that must throw an IpcError with this code and a message that matches. */
		expectError(code: string, text: RegExp, run: () => unknown): void {
			let caught: unknown;
			try {
				run();
			} catch (error) {
				caught = error;
			}
			expectIpcError(caught, code, text);
		},
		/** The same for a promise that must be rejected. */
		async expectRejection(code: string, text: RegExp, promise: Promise<unknown>): Promise<void> {
			const caught = await promise.then(
				() => undefined,
				(reason: unknown) => reason,
			);
			expectIpcError(caught, code, text);
		},
	};
}
