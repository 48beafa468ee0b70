import { dlopen } from "bun:ffi";
import { libraryPath } from "@libipc/core/bun";

const F_SETPIPE_SZ = 1031;
/** The most that Linux gives a user without privileges. */
const MOST_BYTES = 1 << 20;

/** On Linux a pipe has 64 KiB, and may have more. A refusal leaves it as it is. */
export function enlargePipe(descriptor: number): void {
	if (process.platform !== "linux") return;
	// fcntl of the C library, found through the library of libipc, which links it.
	const library = dlopen(libraryPath(), { fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });
	library.symbols.fcntl(descriptor, F_SETPIPE_SZ, MOST_BYTES);
	library.close();
}
