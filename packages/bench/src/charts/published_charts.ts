import type { AlternativeRow } from "../alternatives/alternative_row.ts";
import { alternativesChart, RECEIVERS } from "../alternatives/alternatives_table.ts";
import { benchChart } from "../bench_ipc/bench_chart.ts";
import type { Row } from "../bench_ipc/row.ts";
import { describeMachine, type Machine } from "../command/machine.ts";
import { loadChart } from "../load/load_chart.ts";
import type { LoadResult } from "../load/result.ts";

/** A chart of the documentation, and the results that it shows. */
export interface PublishedChart {
	/** Paths in the repository. */
	readonly file: string;
	readonly results: string;
	/** Makes the SVG document from the text of the results, as `--json` writes them. */
	draw(json: string): string;
}

export const publishedCharts: readonly PublishedChart[] = [
	{
		file: "docs/bench.svg",
		results: "bench/results/bench.json",
		draw(json) {
			const { machine, rows } = JSON.parse(json) as { machine: Machine; rows: Row[] };
			return benchChart(describeMachine(machine), rows);
		},
	},
	{
		file: "docs/alternatives.svg",
		results: "bench/results/alternatives.json",
		draw(json) {
			const { machine, rows } = JSON.parse(json) as { machine: Machine; rows: AlternativeRow[] };
			return alternativesChart(describeMachine(machine), rows, RECEIVERS);
		},
	},
	{
		file: "docs/load.svg",
		results: "bench/results/load.json",
		draw(json) {
			const { machine, results } = JSON.parse(json) as { machine: Machine; results: LoadResult[] };
			return loadChart(describeMachine(machine), results);
		},
	},
];
