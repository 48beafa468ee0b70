import { expect, test } from "bun:test";
import { rowsOf } from "./alternative_row.ts";
import { alternativesChart } from "./alternatives_table.ts";
import { publishedFigures, publishedTable } from "./published.ts";

test("each published figure is shown with its machine and its source, and as not measured here", () => {
	const table = publishedTable();
	expect(table).toStartWith("Published by others, on other machines, with other messages. Not measured here:");
	for (const { figure, machine, source } of publishedFigures) {
		expect(source).toMatch(/https:\/\/github\.com\/.*\(\d{4}-\d{2}\)$/);
		for (const part of [figure, machine, source]) expect(table).toContain(part);
	}
});

test("no published figure is in the chart of the measured ones", () => {
	const start = { transport: "libipc route", receivers: 1, nsPerMessage: 50, delivered: 1, expected: 1, corrupt: 0 };
	const chart = alternativesChart("", rowsOf([start]), [1]);
	for (const { library } of publishedFigures) expect(chart).not.toContain(library.split(" ")[0] ?? "");
});
