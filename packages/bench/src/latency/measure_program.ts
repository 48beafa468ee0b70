import { NativeProgram } from "../launcher/native_program.ts";

export type ProgramMode = "spin" | "yield" | "futex" | "backoff" | "pipe" | "socket";

export interface ProgramOptions {
	readonly mode: ProgramMode;
	readonly rounds: number;
	/** As in {@link PingPong}. */
	readonly pauseMs: number;
}

/** Runs `native/bench/ping_pong.c`: nanoseconds of each round trip, every echo checked. */
export async function measureProgram(
	{ mode, rounds, pauseMs }: ProgramOptions,
	signal: AbortSignal,
): Promise<Float64Array> {
	const pause = pauseMs > 0 ? [pauseMs * 1000] : [];
	await using program = new NativeProgram({ program: "ping_pong", args: [mode, rounds, ...pause], signal });
	return await program.output();
}
