import type { Percentiles } from "../statistics/statistics.ts";
import { median } from "../statistics/statistics.ts";
import type { Pace, Variant } from "./variant.ts";

/** The result of a variant, as `--json` writes it. Times are nanoseconds. */
export interface LatencyResult {
	readonly id: string;
	readonly title: string;
	readonly pace: Pace;
	/** Measured rounds of each run, every echo checked. */
	readonly rounds: number;
	readonly runs: readonly Percentiles[];
	/** Of each percentile, over the runs. */
	readonly median: Percentiles;
	readonly comparisons: readonly Comparison[];
}

export interface Comparison {
	/** The id of the variant that it is divided by. */
	readonly against: string;
	/** Median of (p50 ÷ p50 of the other in the same run): a disturbance that meets both cancels out. */
	readonly ratio: number;
	readonly budget?: number;
}

/** Sums up what was measured: the runs of each variant, by its id. */
export function summarize(
	variants: readonly Variant[],
	runs: ReadonlyMap<string, readonly Percentiles[]>,
	roundsOf: (variant: Variant) => number,
): LatencyResult[] {
	return variants.map((variant) => {
		const { id, title, pace, against } = variant;
		const own = runs.get(id) ?? [];
		const comparisons = against.map(({ id: against, budget }) => {
			const others = runs.get(against) ?? [];
			const ratio = median(own.map(({ p50 }, run) => p50 / (others[run]?.p50 ?? Number.NaN)));
			return { against, ratio, ...(budget === undefined ? {} : { budget }) };
		});
		return { id, title, pace, rounds: roundsOf(variant), runs: own, median: medians(own), comparisons };
	});
}

function medians(runs: readonly Percentiles[]): Percentiles {
	return {
		p50: median(runs.map(({ p50 }) => p50)),
		p99: median(runs.map(({ p99 }) => p99)),
		p999: median(runs.map(({ p999 }) => p999)),
	};
}
