import { Series } from "../statistics/series.ts";
import type { ContenderKind } from "./contender.ts";
import { ContenderGroup } from "./contender_group.ts";
import { runSyncProgram } from "./sync_program.ts";

interface ContendedVariant {
	readonly id: string;
	readonly title: string;
	/** The id of the variant that it is divided by. */
	readonly against?: string;
	readonly processes?: ContenderKind;
	readonly threads?: ContenderKind;
	readonly program?: string;
}

/** Neighbours in this list run right after each other: a disturbance of the machine meets both. */
export const contendedVariants: readonly ContendedVariant[] = [
	{ id: "c-mutex", title: "C, pthread mutex", program: "mutex" },
	{ id: "c-robust", title: "C, pthread mutex, robust", program: "robust" },
	{ id: "mutex", title: "Mutex", processes: "mutex", against: "c-robust" },
	{ id: "c-libipc", title: "C, ipc_mutex_lock, ipc_mutex_unlock", program: "libipc-mutex", against: "c-robust" },
	{ id: "atomics", title: "Atomics lock, threads of one process", threads: "atomics", against: "c-robust" },
	{ id: "c-rwlock", title: "C, pthread rwlock, 90 % reads", program: "rwlock" },
	{ id: "rwlock", title: "RwLock, 90 % reads", processes: "rwlock", against: "c-rwlock" },
	{ id: "c-semaphore", title: "C, sem_t", program: "semaphore" },
	{ id: "semaphore", title: "Semaphore", processes: "semaphore", against: "c-semaphore" },
	{ id: "semaphore-robust", title: "Semaphore, robust", processes: "semaphore-robust", against: "c-semaphore" },
];

export interface ContendedOptions {
	/** How many processes at once, one after another. */
	readonly sizes: readonly number[];
	/** Operations of each process. */
	readonly count: number;
	readonly runs: number;
	/** Called before each measurement. */
	readonly onStart?: (title: string, run: number) => void;
}

const WARM_UP_RUNS = 1;

/** The id of a variant with so many processes in the series. */
export const contendedId = (id: string, size: number): string => `${id}, ${size}`;

/** Nanoseconds per operation while several want the lock all the time. Rejects if an operation was lost. */
export async function measureContended(options: ContendedOptions, signal: AbortSignal): Promise<Series> {
	const { sizes, count, runs, onStart } = options;
	await using processes = new ContenderGroup("process", Math.max(...sizes), signal);
	await using threads = new ContenderGroup("worker", Math.max(...sizes), signal);
	const measure = async ({ program, ...of }: ContendedVariant, size: number): Promise<number | undefined> => {
		if (program) return (await runSyncProgram("contended", program, { count, processes: size }, signal))[0];
		if (of.threads) return await threads.run(of.threads, size, count);
		if (of.processes) return await processes.run(of.processes, size, count);
		return undefined;
	};
	const series = new Series();
	for (let run = -WARM_UP_RUNS; run < runs; run++) {
		for (const size of sizes) {
			for (const variant of contendedVariants) {
				signal.throwIfAborted();
				onStart?.(`${variant.title}, ${size} at once`, Math.max(run, 0));
				const took = await measure(variant, size);
				if (run >= 0) series.note(contendedId(variant.id, size), (took ?? Number.NaN) / (size * count));
			}
		}
	}
	return series;
}
