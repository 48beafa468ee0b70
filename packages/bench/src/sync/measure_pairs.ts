import { Mutex, RwLock, Semaphore, Signal } from "libipc";
import { BunProgram } from "../launcher/bun_program.ts";
import { Series } from "../statistics/series.ts";
import type { PairKind } from "./pairs.ts";
import { runSyncProgram } from "./sync_program.ts";

interface PairVariant {
	readonly id: string;
	readonly title: string;
	/** The id of the variant that it is divided by. */
	readonly against?: string;
	readonly libipc?: PairKind;
	readonly program?: string;
}

/** Neighbours in this list run right after each other: a disturbance of the machine meets both. */
export const pairVariants: readonly PairVariant[] = [
	{ id: "c-mutex", title: "C, pthread mutex", program: "mutex" },
	{ id: "calls", title: "two bare calls through bun:ffi", libipc: "calls" },
	{ id: "mutex", title: "Mutex lock, unlock", libipc: "mutex", against: "c-robust" },
	{ id: "c-robust", title: "C, pthread mutex, robust", program: "robust" },
	{ id: "c-libipc", title: "C, ipc_mutex_lock, ipc_mutex_unlock", program: "libipc-mutex", against: "c-robust" },
	{ id: "guard", title: "using guard = mutex.acquire()", libipc: "guard", against: "c-robust" },
	{ id: "atomics", title: "Atomics lock, threads of one process only", libipc: "atomics" },
	{ id: "c-rwlock-shared", title: "C, pthread rwlock, reading", program: "rwlock-shared" },
	{
		id: "rwlock-shared",
		title: "RwLock lockShared, unlockShared",
		libipc: "rwlock-shared",
		against: "c-rwlock-shared",
	},
	{ id: "c-rwlock", title: "C, pthread rwlock, writing", program: "rwlock" },
	{ id: "rwlock", title: "RwLock lock, unlock", libipc: "rwlock", against: "c-rwlock" },
	{ id: "c-semaphore", title: "C, sem_t", program: "semaphore" },
	{ id: "semaphore", title: "Semaphore acquire, release", libipc: "semaphore", against: "c-semaphore" },
	{
		id: "semaphore-robust",
		title: "Semaphore acquire, release, robust",
		libipc: "semaphore-robust",
		against: "c-semaphore",
	},
	{ id: "signal", title: "Signal notify, and tryWait of a listener", libipc: "signal", against: "calls" },
];

export interface PairOptions {
	/** In each run. */
	readonly count: number;
	readonly runs: number;
	/** Called before each measurement. */
	readonly onStart?: (title: string, run: number) => void;
}

const WARM_UP_RUNS = 2;

/** Nanoseconds per pair without competition: run 1 of all, run 2 of all, … */
export async function measurePairs({ count, runs, onStart }: PairOptions, signal: AbortSignal): Promise<Series> {
	await using stack = new AsyncDisposableStack();
	const prefixOf = (id: string) => `sync${process.pid}.${id}`;
	stack.defer(() => {
		// Killed processes leave their segments.
		for (const { id } of pairVariants)
			for (const kind of [Mutex, RwLock, Semaphore, Signal]) kind.clear("pairs", { prefix: prefixOf(id) });
	});
	const programs = new Map<string, BunProgram<number, number>>();
	for (const { id, libipc, title } of pairVariants) {
		if (!libipc) continue;
		const program = new BunProgram<number, number>({
			name: title,
			program: new URL("pairs.program.ts", import.meta.url),
			args: [libipc, prefixOf(id)],
			signal,
		});
		programs.set(id, stack.use(program));
	}
	const series = new Series();
	for (let run = -WARM_UP_RUNS; run < runs; run++) {
		for (const { id, title, program } of pairVariants) {
			onStart?.(title, Math.max(run, 0));
			const took = program
				? (await runSyncProgram("pairs", program, { count }, signal))[0]
				: await ask(programs.get(id), count);
			if (run >= 0) series.note(id, (took ?? Number.NaN) / count);
		}
	}
	return series;
}

async function ask(program: BunProgram<number, number> | undefined, count: number): Promise<number | undefined> {
	program?.send(count);
	return await program?.report();
}
