import { barChart } from "../charts/bar_chart.ts";
import { published } from "./published.ts";
import type { Row } from "./row.ts";

/** Nanoseconds per message of every row: libipc, the baseline, and what was published for cpp-ipc. */
export function benchChart(machine: string, rows: readonly Row[]): string {
	return barChart({
		title: "Nanoseconds per message, every message delivered and checked",
		subtitle: machine,
		categories: rows.map(({ pattern, n }) => `${pattern}, N = ${n}`),
		axis: "ns per message (logarithmic; less is better)",
		series: [
			{ name: "libipc, TypeScript", color: "blue", values: rows.map((row) => row.usPerMessage * 1e3) },
			{
				name: "baseline in C, same machine",
				color: "grey",
				values: rows.map((row) => row.baselineNsPerMessage),
			},
			{
				name: "cpp-ipc, published for Apple Silicon",
				color: "orange",
				values: rows.map((row) => {
					const seed = published(row.pattern, row.n);
					return seed && (seed.cppMs * 1e6) / 100_000;
				}),
			},
		],
	});
}
