import type { AlternativeRow } from "../alternatives/alternative_row.ts";
import { RECEIVERS } from "../alternatives/alternatives_table.ts";
import type { CallRow } from "../alternatives/calls/call_row.ts";
import { callsMarkdown } from "../alternatives/calls/calls_table.ts";
import { typedMarkdown } from "../alternatives/typed/typed_table.ts";

/** A table in a page of the documentation, and the results that it shows. */
export interface PublishedTable {
	/** Paths in the repository. */
	readonly file: string;
	readonly results: string;
	/** What the comments around the table call it. */
	readonly name: string;
	/** Makes the table in Markdown from the text of the results, as `--json` writes them. */
	write(json: string): string;
}

export const publishedTables: readonly PublishedTable[] = [
	{
		file: "README.md",
		name: "typed messages",
		results: "bench/results/typed.json",
		write(json) {
			const { rows } = JSON.parse(json) as { rows: AlternativeRow[] };
			return typedMarkdown(rows, RECEIVERS);
		},
	},
	{
		file: "README.md",
		name: "calls",
		results: "bench/results/calls.json",
		write(json) {
			const { rows } = JSON.parse(json) as { rows: CallRow[] };
			return callsMarkdown(rows);
		},
	},
];

/** The page with another table between the two comments of that name. @throws Error if the page does not have both */
export function withTable(page: string, name: string, table: string): string {
	const begin = `<!-- ${name}: bun run bench:charts writes this table -->\n`;
	const end = `\n<!-- ${name}: end -->\n`;
	const start = page.indexOf(begin);
	const stop = page.indexOf(end, start + begin.length - 1);
	if (start < 0 || stop < 0) throw new Error(`the page has no place for the table "${name}": ${begin}…${end}`);
	return `${page.slice(0, start + begin.length)}${table}${page.slice(stop)}`;
}
