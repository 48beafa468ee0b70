import { Mutex, RwLock, Semaphore } from "@libipc/core";
import { Station } from "../launcher/station.ts";
import { Series } from "../statistics/series.ts";
import type { PairKind } from "./pairs.ts";
import { runSyncProgram } from "./sync_program.ts";

interface PairVariant {
	readonly id: string;
	readonly title: string;
	/** What it is divided by. */
	readonly against?: string;
	readonly ours?: PairKind;
	readonly program?: string;
}

/** Neighbours run right after each other: what the machine does meanwhile meets both. */
export const pairVariants: readonly PairVariant[] = [
	{ id: "c-mutex", title: "C, pthread mutex", program: "mutex" },
	{ id: "calls", title: "two bare calls by bun:ffi", ours: "calls" },
	{ id: "mutex", title: "Mutex lock, unlock", ours: "mutex", against: "c-robust" },
	{ id: "c-robust", title: "C, pthread mutex, robust", program: "robust" },
	{ id: "c-libipc", title: "C, ipc_mutex_lock, ipc_mutex_unlock", program: "libipc-mutex", against: "c-robust" },
	{ id: "guard", title: "using guard = mutex.acquire()", ours: "guard", against: "c-robust" },
	{ id: "atomics", title: "Atomics lock, threads of one process only", ours: "atomics" },
	{ id: "c-rwlock-shared", title: "C, pthread rwlock, reading", program: "rwlock-shared" },
	{ id: "rwlock-shared", title: "RwLock lockShared, unlockShared", ours: "rwlock-shared", against: "c-rwlock-shared" },
	{ id: "c-rwlock", title: "C, pthread rwlock, writing", program: "rwlock" },
	{ id: "rwlock", title: "RwLock lock, unlock", ours: "rwlock", against: "c-rwlock" },
	{ id: "c-semaphore", title: "C, sem_t", program: "semaphore" },
	{ id: "semaphore", title: "Semaphore acquire, release", ours: "semaphore", against: "c-semaphore" },
	{
		id: "semaphore-robust",
		title: "Semaphore acquire, release, robust",
		ours: "semaphore-robust",
		against: "c-semaphore",
	},
];

export interface PairOptions {
	/** In each run. */
	readonly count: number;
	readonly runs: number;
	/** Called before each measurement. */
	readonly onStart?: (title: string, run: number) => void;
}

const WARM_UP_RUNS = 2;

/** Nanoseconds per pair with nobody else there: run 1 of all, run 2 of all, … */
export async function measurePairs({ count, runs, onStart }: PairOptions, signal: AbortSignal): Promise<Series> {
	await using stack = new AsyncDisposableStack();
	const prefixOf = (id: string) => `sync${process.pid}.${id}`;
	stack.defer(() => {
		// What was killed leaves its name to whoever comes next: nobody will.
		for (const { id } of pairVariants)
			for (const kind of [Mutex, RwLock, Semaphore]) kind.clear("pairs", { prefix: prefixOf(id) });
	});
	const stations = new Map<string, Station>();
	for (const { id, ours } of pairVariants)
		if (ours)
			stations.set(
				id,
				stack.use(new Station(new URL("pairs.process.ts", import.meta.url), [ours, prefixOf(id)], signal)),
			);
	const series = new Series();
	for (let run = -WARM_UP_RUNS; run < runs; run++) {
		for (const { id, title, program } of pairVariants) {
			onStart?.(title, Math.max(run, 0));
			const took = program
				? (await runSyncProgram("pairs", program, { count }, signal))[0]
				: await stations.get(id)?.ask(`${count}`);
			if (run >= 0) series.note(id, (took ?? Number.NaN) / count);
		}
	}
	return series;
}
