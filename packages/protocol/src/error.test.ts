import { expect, test } from "bun:test";
import { IpcError } from "./error.ts";

/** Another copy of the package, as a dependency of a dependency brings it. */
const { IpcError: Other } = (await import(`./error.ts?${"copy"}`)) as typeof import("./error.ts");

const error = new IpcError("ERR_IPC_CLOSED", "name", "text");
const other = new Other("ERR_IPC_CLOSED", "name", "text");

test("an error of another copy of the package is an IpcError, and nothing else is", () => {
	expect(Other).not.toBe(IpcError);
	expect(Object.getPrototypeOf(other)).not.toBe(IpcError.prototype);
	for (const each of [error, other]) expect([each instanceof IpcError, each instanceof Other]).toEqual([true, true]);
	for (const each of [new Error("x"), { code: "ERR_IPC_CLOSED" }, null, undefined, 5, "text", () => {}])
		expect((each as unknown) instanceof IpcError).toBe(false);
});

test("a class that extends IpcError has only its own instances", () => {
	class OwnError extends IpcError {}
	const own = new OwnError("ERR_IPC_CLOSED", "name", "text");
	expect([own instanceof OwnError, own instanceof IpcError, own instanceof Other]).toEqual([true, true, true]);
	expect([error instanceof OwnError, other instanceof OwnError]).toEqual([false, false]);
});
