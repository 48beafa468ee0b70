import { type Percentiles, percentiles } from "../statistics/statistics.ts";
import { countOf } from "./offer.ts";
import { type LoadResult, type LoadRun, summarize } from "./result.ts";
import { variants } from "./variant.ts";

export interface LoadOptions {
	/** The loads to offer, in nanoseconds from one message to the next; 0: as fast as possible. */
	readonly gapsNs: readonly number[];
	/** The most messages of a run. */
	readonly most: number;
	readonly runs: number;
	/** Called before each measurement. */
	readonly onStart?: (title: string, gapNs: number, run: number) => void;
}

/** Measures every variant at every load: run 1 of all, run 2 of all, … Rejects if a message was wrong. */
export async function measureLoad(options: LoadOptions, signal: AbortSignal): Promise<LoadResult[]> {
	const { gapsNs, most, runs, onStart } = options;
	const measured = new Map<string, LoadRun[]>();
	for (let run = 0; run < runs; run++) {
		for (const gapNs of gapsNs) {
			for (const { id, title, measure } of variants) {
				onStart?.(title, gapNs, run);
				const count = countOf(gapNs, most);
				const { reachedNs, times } = await measure(gapNs, count, signal);
				if (times.length !== count) throw new Error(`${title}: ${times.length} of ${count} messages were reported`);
				const own = measured.get(id) ?? [];
				measured.set(id, own);
				own.push({ gapNs, count, reachedNs, ...(percentiles(times) satisfies Percentiles) });
			}
		}
	}
	return variants.map(({ id, title }) => summarize(id, title, measured.get(id) ?? []));
}
