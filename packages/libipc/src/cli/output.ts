import { type Column, tableLines } from "./table.ts";

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Style = keyof typeof STYLES;

/** What a command prints. Results go to standard output, everything else to standard error. */
export interface Output {
	/** Whether `--json` was given: then the only output is `value`. */
	readonly isJson: boolean;
	/** Whether standard output is a terminal. */
	readonly isTerminal: boolean;
	/** How many columns a line may have. */
	readonly width: number;
	/** Prints one line. */
	line(text?: string): void;
	/** Prints a table; the heading is bold on a terminal. */
	table(columns: readonly Column[], rows: readonly (readonly string[])[]): void;
	/** Prints a result as JSON, on several lines. */
	value(value: unknown): void;
	/** Prints one result of many as JSON on a line of its own. */
	valueLine(value: unknown): void;
	/** Prints a remark to standard error; with `--json` as an object on a line: `{ "note": … }`. */
	note(text: string): void;
	/** The text in a style, if standard output shows colours. */
	styled(style: Style, text: string): string;
}

type Stream = Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns">;

/** Colours are for people: not in pipes and files, not with `NO_COLOR`, not on a terminal that has none. */
const hasColours = (stream: Stream, env: NodeJS.ProcessEnv): boolean =>
	stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";

/** JSON has no bigint: those that fit are numbers, others are texts. */
const plain = (_: string, value: unknown): unknown => {
	if (typeof value !== "bigint") return value;
	return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
};

export function createOutput(stdout: Stream, stderr: Stream, isJson: boolean, env = process.env): Output {
	const coloured = hasColours(stdout, env);
	const line = (text = ""): void => {
		stdout.write(`${text}\n`);
	};
	const styled = (style: Style, text: string): string => (coloured ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text);
	return {
		isJson,
		isTerminal: stdout.isTTY === true,
		width: stdout.isTTY === true ? stdout.columns || 80 : 100,
		line,
		table(columns, rows) {
			const [head = "", ...lines] = tableLines(columns, rows);
			line(styled("bold", head));
			for (const each of lines) line(each);
		},
		value: (value) => line(JSON.stringify(value, plain, 2)),
		valueLine: (value) => line(JSON.stringify(value, plain)),
		note(text) {
			stderr.write(`${isJson ? JSON.stringify({ note: text }) : text}\n`);
		},
		styled,
	};
}
