/**
 * Draws the charts of the documentation, and writes its tables, from bench/results, without a measurement.
 *
 *   bun run bench:charts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { commandLine } from "../../../scripts/lib/command_line.ts";
import { root } from "../../../scripts/lib/repository.ts";
import { publishedCharts } from "./charts/published_charts.ts";
import { publishedTables, withTable } from "./charts/published_tables.ts";

commandLine({
	name: "bun run bench:charts",
	help: {
		description: "Draws the charts in docs, and writes the tables of the README, from the results in bench/results.",
	},
});

for (const { file, results, draw } of publishedCharts) {
	writeFileSync(`${root}${file}`, draw(readFileSync(`${root}${results}`, "utf8")));
	console.log(`${file} from ${results}`);
}

for (const { file, name, results, write } of publishedTables) {
	const page = readFileSync(`${root}${file}`, "utf8");
	writeFileSync(`${root}${file}`, withTable(page, name, write(readFileSync(`${root}${results}`, "utf8"))));
	console.log(`the table ${name} of ${file} from ${results}`);
}
