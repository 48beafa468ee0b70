import { Mutex } from "libipc";
import { NativeProgram } from "../launcher/native_program.ts";

let runs = 0;

/** Runs `native/bench/sync.c`: the nanoseconds that it prints. It checks its counts itself. */
export async function runSyncProgram(
	mode: "pairs" | "contended" | "turn" | "asleep",
	kind: string,
	numbers: { readonly count: number; readonly processes?: number },
	signal: AbortSignal,
): Promise<Float64Array> {
	const name = `sync${process.pid}.c${runs++}`;
	const processes = numbers.processes === undefined ? [] : [numbers.processes];
	try {
		await using program = new NativeProgram({
			program: "sync",
			args: [mode, kind, numbers.count, name, ...processes],
			signal,
		});
		return await program.output();
	} finally {
		// A killed program leaves its segment.
		if (signal.aborted) Mutex.clear(name);
	}
}
