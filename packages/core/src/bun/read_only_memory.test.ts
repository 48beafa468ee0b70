import { dlopen, toArrayBuffer } from "bun:ffi";
import { expect, test } from "bun:test";
import { plainLength } from "../check/bytes.ts";
import { libraryPath } from "./library.ts";

/** So often that the check is compiled to the end. */
const CALLS = 300_000;

test("bytes in memory that cannot be written are measured without a write", () => {
	const { symbols, close } = dlopen(libraryPath(), { ipc_status_text: { args: ["i32"], returns: "ptr" } });
	const text = symbols.ipc_status_text(0);
	if (text === null) throw new TypeError("the library returned NULL");
	const bytes = new Uint8Array(toArrayBuffer(text, 0, 2));
	let total = 0;
	for (let i = 0; i < CALLS; i++) total += plainLength(bytes);
	expect(total).toBe(2 * CALLS);
	close();
});
