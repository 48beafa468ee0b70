import { barChart } from "../charts/bar_chart.ts";
import { predecessors } from "./predecessors.ts";
import type { Row } from "./row.ts";

/** Nanoseconds per message of every row: libipc, the baseline, and the programs that libipc comes from. */
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
				name: "Rust port, lossless",
				color: "violet",
				values: rows.map((row) => {
					const rust = predecessors(row.pattern, row.n)?.rust;
					return rust === "corrupt" ? undefined : rust;
				}),
			},
			{
				name: "cpp-ipc, lossless",
				color: "orange",
				values: rows.map((row) => predecessors(row.pattern, row.n)?.cpp),
			},
		],
	});
}
