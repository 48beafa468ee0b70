/** Replaces a process by its own program at a random instruction, when another process sends it the signal. */
import { dlopen } from "bun:ffi";
import { fileURLToPath } from "node:url";
import { link, object, releaseFlags, Toolchain } from "../scripts/lib/toolchain.ts";

export const EXEC_SIGNAL = "SIGUSR2";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const LIBRARY = path("../native/build/chaos/exec_on_signal.so");
const sharedFlags = ["-fPIC", "-fvisibility=hidden"];

/** Builds the library with the signal handler. */
export async function buildExecOnSignal(): Promise<void> {
	const toolchain = new Toolchain();
	const step = object(path("exec_on_signal.c"), path("../native/build/chaos/exec_on_signal.o"), [
		...releaseFlags,
		"-D_GNU_SOURCE",
		...sharedFlags,
	]);
	await toolchain.make(step);
	await toolchain.make(link([step], LIBRARY, [...releaseFlags, "-shared", ...sharedFlags]));
}

/** From now on, the signal replaces this process by the program that it was started as. */
export function execOnSignal(): void {
	const { symbols } = dlopen(LIBRARY, { exec_on_signal: { args: ["ptr", "u32"], returns: "i32" } });
	const argv = [process.execPath, ...process.argv.slice(1)].map((each) => `${each}\0`).join("");
	const bytes = new TextEncoder().encode(argv);
	if (symbols.exec_on_signal(bytes, bytes.byteLength) !== 1) throw new Error("The signal handler could not be set.");
}
