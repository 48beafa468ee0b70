import { errorChecks } from "@libipc/testing/ipc_errors";
import { IpcError, type IpcErrorCode } from "./under_test.ts";

const checks = errorChecks(IpcError);

/** Runs a call that must throw an IpcError with this code and a message that matches. */
export const expectError: (code: IpcErrorCode, text: RegExp, run: () => unknown) => void = checks.expectError;

/** The same for a promise that must be rejected. */
export const expectRejection: (code: IpcErrorCode, text: RegExp, promise: Promise<unknown>) => Promise<void> =
	checks.expectRejection;
