import Table from "cli-table3";

/** A table without colours and without lines between its rows: it reads the same in a terminal, a file and the README. */
export function newTable(head: readonly string[], alignments: readonly ("left" | "right")[]): Table.Table {
	return new Table({
		head: [...head],
		colAligns: [...alignments],
		style: { head: [], border: [] },
		chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
	});
}
