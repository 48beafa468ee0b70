import { newTable } from "../command/table.ts";
import { median, percentile } from "../statistics/statistics.ts";

const BUDGET = 1.3;

/** Medians over the runs, in nanoseconds. */
export interface WakeResult {
	readonly title: string;
	readonly p50: number;
	readonly p90: number;
	readonly p99: number;
	/** Median over the runs of p50 ÷ p50 of the first source in the same run. */
	readonly ratio: number;
}

/** @param times of each source, run after run, sorted */
export function summarizeWakes(titles: readonly string[], times: readonly (readonly Float64Array[])[]): WakeResult[] {
	return titles.map((title, index) => {
		const own = times[index] ?? [];
		const at = (share: number) => median(own.map((sorted) => percentile(sorted, share)));
		const ratio = median(
			own.map((sorted, run) => percentile(sorted, 0.5) / percentile(times[0]?.[run] ?? sorted, 0.5)),
		);
		return { title, p50: at(0.5), p90: at(0.9), p99: at(0.99), ratio };
	});
}

export function wakeTable(results: readonly WakeResult[]): string {
	const table = newTable(
		["what wakes the event loop", "p50 µs", "p90 µs", "p99 µs", "÷ callback"],
		["left", "right", "right", "right", "right"],
	);
	const microseconds = (ns: number) => (ns / 1000).toFixed(1);
	for (const { title, p50, p90, p99, ratio } of results)
		table.push([title, microseconds(p50), microseconds(p90), microseconds(p99), ratio.toFixed(2)]);
	return `${table.toString()}
From just before the wake-up to the woken function; medians over the runs.
÷ callback: p50 divided by p50 of the callback in the same run; median over the runs (budget ${BUDGET}).`;
}
