import { BunProgram } from "../launcher/bun_program.ts";
import { Series } from "../statistics/series.ts";
import { percentiles } from "../statistics/statistics.ts";
import { clearHandOver, type HandOver, type HandOverKind, type HandOverOrder } from "./hand_over.ts";
import { runSyncProgram } from "./sync_program.ts";

interface HandOverVariant {
	readonly id: string;
	readonly title: string;
	/** The id of the variant that it is divided by. */
	readonly against?: string;
	readonly pace: "turn" | "asleep";
	readonly libipc?: HandOverKind;
	readonly program?: string;
}

/** Neighbours in this list run right after each other: a disturbance of the machine meets both. */
export const handOverVariants: readonly HandOverVariant[] = [
	{ id: "c-turn", title: "C, pthread mutex and condition", pace: "turn", program: "mutex" },
	{ id: "turn", title: "Mutex and Condition", pace: "turn", libipc: "turn", against: "c-turn" },
	{ id: "c-robust", title: "C, pthread mutex, robust", pace: "asleep", program: "robust" },
	{ id: "c-libipc", title: "C, ipc_mutex_lock", pace: "asleep", program: "libipc-mutex", against: "c-robust" },
	{ id: "lock", title: "Mutex, lock", pace: "asleep", libipc: "lock", against: "c-robust" },
	{ id: "lockAsync", title: "Mutex, lockAsync", pace: "asleep", libipc: "lockAsync", against: "c-robust" },
	{ id: "c-futex", title: "C, futex", pace: "asleep", program: "futex" },
	{ id: "waitOn", title: "SharedMemory, waitOn and wake", pace: "asleep", libipc: "waitOn", against: "c-futex" },
	{ id: "wait", title: "Signal, notify and wait", pace: "asleep", libipc: "wait", against: "c-futex" },
	{ id: "waitAsync", title: "Signal, notify and waitAsync", pace: "asleep", libipc: "waitAsync", against: "c-futex" },
];

export interface HandOverOptions {
	/** Of each side in each run of what is back to back; a 20th of them where one side holds for 1 ms. */
	readonly rounds: number;
	readonly runs: number;
	/** Called before each measurement. */
	readonly onStart?: (title: string, run: number) => void;
}

const ASLEEP_DIVIDED_BY = 20;

/** The ids of percentiles in the series. */
export const p50 = (id: string): string => `${id}, p50`;
export const p99 = (id: string): string => `${id}, p99`;

/** Nanoseconds from release to the other side holding it: percentiles of each run. */
export async function measureHandOver(options: HandOverOptions, signal: AbortSignal): Promise<Series> {
	const series = new Series();
	for (let run = 0; run < options.runs; run++) {
		for (const { id, title, pace, libipc, program } of handOverVariants) {
			options.onStart?.(title, run);
			const rounds = pace === "turn" ? options.rounds : Math.ceil(options.rounds / ASLEEP_DIVIDED_BY);
			const times = libipc
				? await between(libipc, rounds, signal)
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

let measured = 0;

/** Two Bun processes hand over: the times of both. */
async function between(kind: HandOverKind, rounds: number, signal: AbortSignal): Promise<Float64Array> {
	const handOver: HandOver = { kind, rounds, prefix: `sync${process.pid}.h${measured++}` };
	const start = (side: 0 | 1): BunProgram<HandOverOrder, Float64Array> => {
		const program = new BunProgram<HandOverOrder, Float64Array>({
			name: `side ${side} of ${kind}`,
			program: new URL("hand_over.program.ts", import.meta.url),
			signal,
		});
		program.send({ side, handOver });
		return program;
	};
	try {
		await using first = start(0);
		await using second = start(1);
		const times = await Promise.all([first.report(), second.report()]);
		return Float64Array.from(times.flatMap((each) => [...each]));
	} finally {
		clearHandOver(handOver.prefix);
	}
}
