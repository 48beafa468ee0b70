import { fileURLToPath } from "node:url";
import { Player } from "../launcher/player.ts";

export type ProgramMode = "spin" | "yield" | "futex" | "backoff" | "pipe" | "socket";

export interface ProgramOptions {
	readonly mode: ProgramMode;
	readonly rounds: number;
	/** As in {@link Rally}. */
	readonly pauseMs: number;
}

/** Runs `native/bench/ping_pong.c`: nanoseconds of each round trip, every echo checked. */
export async function measureProgram(
	{ mode, rounds, pauseMs }: ProgramOptions,
	signal: AbortSignal,
): Promise<Float64Array> {
	const program = fileURLToPath(new URL("../../../../native/build/ping_pong", import.meta.url));
	const pause = pauseMs > 0 ? [String(pauseMs * 1000)] : [];
	await using player = new Player(`ping_pong ${mode}`, [program, mode, String(rounds), ...pause], signal);
	const lines = new TextDecoder()
		.decode(await player.output())
		.trimEnd()
		.split("\n");
	return Float64Array.from(lines, Number);
}
