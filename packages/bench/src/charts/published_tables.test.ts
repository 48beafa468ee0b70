import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { root } from "../../../../scripts/lib/repository.ts";
import { publishedTables, withTable } from "./published_tables.ts";

const textOf = (file: string): string => readFileSync(`${root}${file}`, "utf8");

test.each(publishedTables.map((table) => [table.name, table.file, table] as const))(
	"the table of %s in %s shows the kept results",
	(name, file, table) => {
		const page = textOf(file);
		expect(page).toBe(withTable(page, name, table.write(textOf(table.results))));
	},
);

test("a table replaces what is between its comments, and nothing else", () => {
	const page = (table: string): string =>
		`before\n<!-- x: bun run bench:charts writes this table -->\n${table}\n<!-- x: end -->\nafter\n`;
	expect(withTable(page("| old |\n| --- |"), "x", "| new |")).toBe(page("| new |"));
	expect(withTable(page(""), "x", "| new |")).toBe(page("| new |"));
	expect(() => withTable(page("| old |"), "y", "| new |")).toThrow('no place for the table "y"');
});
