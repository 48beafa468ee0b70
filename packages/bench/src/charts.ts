/**
 * Draws the charts of the documentation from bench/results, without a measurement.
 *
 *   bun run bench:charts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { commandLine } from "../../../scripts/lib/command_line.ts";
import { root } from "../../../scripts/lib/repository.ts";
import { publishedCharts } from "./charts/published_charts.ts";

commandLine({
	name: "bun run bench:charts",
	help: { description: "Draws the charts in docs from the results in bench/results." },
});

for (const { file, results, draw } of publishedCharts) {
	writeFileSync(`${root}${file}`, draw(readFileSync(`${root}${results}`, "utf8")));
	console.log(`${file} from ${results}`);
}
