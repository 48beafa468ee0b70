import { fileURLToPath } from "node:url";
import { Mutex } from "@libipc/core";
import { Player } from "../launcher/player.ts";

let runs = 0;

/** Runs `native/bench/sync.c`: the nanoseconds it prints. It checks its counts itself. */
export async function runSyncProgram(
	mode: "pairs" | "contended" | "turn" | "asleep",
	kind: string,
	numbers: { readonly count: number; readonly processes?: number },
	signal: AbortSignal,
): Promise<Float64Array> {
	const program = fileURLToPath(new URL("../../../../native/build/sync", import.meta.url));
	const name = `sync${process.pid}.c${runs++}`;
	const rest = numbers.processes === undefined ? [] : [String(numbers.processes)];
	const command = [program, mode, kind, String(numbers.count), name, ...rest];
	try {
		await using player = new Player(`sync ${mode} ${kind}`, command, signal);
		const lines = new TextDecoder()
			.decode(await player.output())
			.trimEnd()
			.split("\n");
		return Float64Array.from(lines, Number);
	} finally {
		// A killed program leaves the name to whoever comes next: nobody will.
		if (signal.aborted) Mutex.clear(name);
	}
}
