import type { Percentiles } from "../statistics/statistics.ts";
import { median } from "../statistics/statistics.ts";

/** A run at a load. Times are nanoseconds. */
export interface LoadRun extends Percentiles {
	/** From one message to the next, as offered; 0: as fast as possible. */
	readonly gapNs: number;
	/** The same, as the sender reached it. */
	readonly reachedNs: number;
	/** Measured messages, each one checked. */
	readonly count: number;
}

/** The medians over the runs at a load. */
export interface LoadPoint extends LoadRun {
	readonly runs: readonly LoadRun[];
}

/** The result of a variant, as `--json` writes it. */
export interface LoadResult {
	readonly id: string;
	readonly title: string;
	/** The least load first. */
	readonly points: readonly LoadPoint[];
}

export function summarize(id: string, title: string, runs: readonly LoadRun[]): LoadResult {
	const points = [...Map.groupBy(runs, ({ gapNs }) => gapNs)].map(([gapNs, own]): LoadPoint => {
		const middle = (of: (run: LoadRun) => number): number => median(own.map(of));
		return {
			gapNs,
			reachedNs: middle(({ reachedNs }) => reachedNs),
			count: own[0]?.count ?? 0,
			p50: middle(({ p50 }) => p50),
			p99: middle(({ p99 }) => p99),
			p999: middle(({ p999 }) => p999),
			runs: own,
		};
	});
	return { id, title, points: points.toSorted((a, b) => b.gapNs - a.gapNs) };
}
