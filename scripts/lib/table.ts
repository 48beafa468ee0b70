/** Tables for the terminal: columns without lines between them. */
import Table from "cli-table3";

const NO_LINES = {
	...{ top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "", "bottom-left": "" },
	...{ "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
};

/** A table as text, without colours. Columns whose cells are all numbers are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
	const isNumbers = (column: number): boolean => rows.every((row) => typeof row[column] === "number");
	const text = new Table({
		head: [...head],
		chars: NO_LINES,
		style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
		colAligns: head.map((_, column) => (isNumbers(column) ? "right" : "left")),
	});
	text.push(...rows.map((row) => [...row]));
	return text
		.toString()
		.split("\n")
		.map((line) => line.trimEnd())
		.join("\n");
}
