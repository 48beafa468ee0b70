/** Grows shared memory and reports the size, or the error and what it left: `grow.child.ts PREFIX NAME BYTES`. */
import { args, say } from "@libipc/testing/program";
import { IpcError, SharedMemory } from "../index.ts";

const [prefix = "", name = "", bytes] = args;
using memory = SharedMemory.open(name, { prefix, mode: "open" });
try {
	say(JSON.stringify({ size: memory.grow(Number(bytes)), byteLength: memory.byteLength }));
} catch (error) {
	if (!(error instanceof IpcError)) throw error;
	say(JSON.stringify({ code: error.code, byteLength: memory.byteLength, mapped: memory.bytes.byteLength }));
}
