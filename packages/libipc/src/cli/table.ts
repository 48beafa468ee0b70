import { stripVTControlCharacters } from "node:util";

/** How many columns of a terminal a text takes. Close enough for names: East Asian letters and emoji take two, marks take none. */
export function columnsOf(text: string): number {
	let columns = 0;
	for (const letter of stripVTControlCharacters(text))
		if (/[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}]/u.test(letter))
			columns += 2;
		else if (!/\p{M}/u.test(letter)) columns++;
	return columns;
}

/** A column: its heading, and where its cells stand. */
export interface Column {
	readonly head: string;
	readonly align?: "left" | "right";
}

/** A table as lines, without lines between the columns. Cells may have colours. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
	const widths = columns.map(({ head }, index) =>
		Math.max(...[head, ...rows.map((row) => row[index] ?? "")].map(columnsOf)),
	);
	const line = (cells: readonly string[]): string =>
		columns
			.map(({ align }, index) => {
				const cell = cells[index] ?? "";
				const space = " ".repeat((widths[index] ?? 0) - columnsOf(cell));
				return align === "right" ? space + cell : cell + space;
			})
			.join("  ")
			.trimEnd();
	return [line(columns.map(({ head }) => head)), ...rows.map(line)];
}

/** Words wrapped to lines of at most `width` columns, each after `indent` spaces. */
export function wrapped(text: string, width: number, indent = 0): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(/ +/)) {
		if (line !== "" && columnsOf(`${line} ${word}`) > width - indent) {
			lines.push(line);
			line = word;
		} else line = line === "" ? word : `${line} ${word}`;
	}
	return [...lines, line].map((each) => " ".repeat(indent) + each);
}
