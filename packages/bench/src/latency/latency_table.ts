import { newTable } from "../command/table.ts";
import type { LatencyResult } from "./result.ts";

export function latencyTable(results: readonly LatencyResult[]): string {
	const table = newTable(
		["64 bytes there and back", "rounds", "p50 µs", "p99 µs", "p99.9 µs", "÷ C"],
		["left", "right", "right", "right", "right", "right"],
	);
	for (const { title, rounds, median, comparisons } of results)
		table.push([
			title,
			rounds.toLocaleString("en"),
			microseconds(median.p50),
			microseconds(median.p99),
			microseconds(median.p999),
			comparisons[0]?.ratio.toFixed(2) ?? "",
		]);
	return table.toString();
}

function microseconds(ns: number): string {
	return (ns / 1000).toFixed(ns < 10_000 ? 2 : 1);
}

/** Explains the columns of the table. */
export const legend = `p50, p99, p99.9: round trip, median over the runs. rounds: per run; each echo is checked.
÷ C: p50 divided by p50 of C in the same run (spin, or futex where both sleep).`;

/** The ratios in words, each with its budget if it has one. */
export function verdicts(results: readonly LatencyResult[]): string[] {
	return results.flatMap(({ title, comparisons }) =>
		comparisons.map(({ against, ratio, budget }) => {
			const other = results.find(({ id }) => id === against)?.title ?? against;
			const judged = budget === undefined ? "" : ` (budget ${budget}: ${ratio <= budget ? "kept" : "exceeded"})`;
			return `${title} ÷ ${other}: ${ratio.toFixed(2)}${judged}`;
		}),
	);
}
