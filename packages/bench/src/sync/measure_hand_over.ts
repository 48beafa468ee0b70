import { fileURLToPath } from "node:url";
import { Player } from "../launcher/player.ts";
import { percentiles } from "../statistics/percentile.ts";
import { Series } from "../statistics/series.ts";
import { clearHandOver, type HandOver, type HandOverKind } from "./hand_over.ts";
import { runSyncProgram } from "./sync_program.ts";

interface HandOverVariant {
	readonly id: string;
	readonly title: string;
	/** What it is divided by. */
	readonly against?: string;
	readonly pace: "turn" | "asleep";
	readonly ours?: HandOverKind;
	readonly program?: string;
}

/** Neighbours run right after each other: what the machine does meanwhile meets both. */
export const handOverVariants: readonly HandOverVariant[] = [
	{ id: "c-turn", title: "C, pthread mutex and condition", pace: "turn", program: "mutex" },
	{ id: "turn", title: "Mutex and Condition", pace: "turn", ours: "turn", against: "c-turn" },
	{ id: "c-robust", title: "C, pthread mutex, robust", pace: "asleep", program: "robust" },
	{ id: "c-libipc", title: "C, ipc_mutex_lock", pace: "asleep", program: "libipc-mutex", against: "c-robust" },
	{ id: "lock", title: "Mutex, lock", pace: "asleep", ours: "lock", against: "c-robust" },
	{ id: "lockAsync", title: "Mutex, lockAsync", pace: "asleep", ours: "lockAsync", against: "c-robust" },
	{ id: "c-futex", title: "C, futex", pace: "asleep", program: "futex" },
	{ id: "waitOn", title: "SharedMemory, waitOn and wake", pace: "asleep", ours: "waitOn", against: "c-futex" },
];

export interface HandOverOptions {
	/** Of each side in each run, where they pass a turn; where one holds for 1 ms it is a 20th. */
	readonly rounds: number;
	readonly runs: number;
	/** Called before each measurement. */
	readonly onStart?: (title: string, run: number) => void;
}

const ASLEEP_DIVIDED_BY = 20;

/** What the series has percentiles by. */
export const p50 = (id: string): string => `${id}, p50`;
export const p99 = (id: string): string => `${id}, p99`;

/** Nanoseconds until the other has it, percentiles of each run. */
export async function measureHandOver(options: HandOverOptions, signal: AbortSignal): Promise<Series> {
	const series = new Series();
	for (let run = 0; run < options.runs; run++) {
		for (const { id, title, pace, ours, program } of handOverVariants) {
			options.onStart?.(title, run);
			const rounds = pace === "turn" ? options.rounds : Math.ceil(options.rounds / ASLEEP_DIVIDED_BY);
			const times = ours
				? await between(ours, rounds, signal)
				: await runSyncProgram(pace, program ?? "", { count: rounds }, signal);
			const expected = pace === "turn" ? 2 * rounds : rounds;
			if (times.length !== expected) throw new Error(`${title}: ${times.length} of ${expected} times were reported`);
			const of = percentiles(times);
			series.note(p50(id), of.p50);
			series.note(p99(id), of.p99);
		}
	}
	return series;
}

let played = 0;

/** Two Bun processes hand over: what both of them measured. */
async function between(kind: HandOverKind, rounds: number, signal: AbortSignal): Promise<Float64Array> {
	const options: HandOver = { kind, rounds, prefix: `sync${process.pid}.h${played++}` };
	const script = fileURLToPath(new URL("hand_over.process.ts", import.meta.url));
	const start = (side: number) =>
		new Player(
			`side ${side} of ${kind}`,
			[process.execPath, script, JSON.stringify(side), JSON.stringify(options)],
			signal,
		);
	try {
		await using first = start(0);
		await using second = start(1);
		const outputs = await Promise.all([first.output(), second.output()]);
		return Float64Array.from(outputs.flatMap((output) => [...new Float64Array(output)]));
	} finally {
		clearHandOver(options.prefix);
	}
}
