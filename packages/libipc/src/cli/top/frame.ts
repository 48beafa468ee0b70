import { bytes, counted, printable } from "../format.ts";
import type { Style } from "../output.ts";
import { stateText } from "../summary.ts";
import { columnsOf } from "../table.ts";
import type { Row, Sample } from "./sample.ts";
import { chosenRows, type SortKey, type View } from "./view.ts";

/** The lines of a screen of `top`. */

type Paint = (style: Style, text: string) => string;

interface FrameColumn {
	readonly head: string;
	readonly width: number;
	readonly sort?: SortKey;
	readonly isLeft?: boolean;
	readonly cell: (row: Row) => string;
	readonly style?: (row: Row) => Style | undefined;
}

const UNITS = ["", "k", "M", "G", "T"] as const;

/** A rate in at most five letters: `0`, `7.5`, `123`, `4.56k`, `12.3M`. */
export function short(value: number | undefined): string {
	if (value === undefined) return "-";
	if (value === 0) return "0";
	let unit = 0;
	let left = value;
	// 999.5 would be written as 1000.
	while (left >= 999.5 && unit < UNITS.length - 1) {
		left /= 1000;
		unit++;
	}
	// A figure is as wide as its largest neighbour: 0.04, 4.56, 45.6, 456.
	const digits = left >= 99.95 ? 0 : left >= 9.995 ? 1 : 2;
	return `${unit === 0 && Number.isInteger(left) ? left : left.toFixed(digits)}${UNITS[unit]}`;
}

const megabytes = (rate: number | undefined): string => short(rate === undefined ? undefined : rate / 1e6);

/** A text in so many columns: cut, or with spaces. */
export function fitted(text: string, width: number, isLeft: boolean): string {
	const isPlain = /^[\x20-\x7e]*$/.test(text);
	let shown = text;
	let columns = isPlain ? text.length : columnsOf(text);
	if (columns > width) {
		const letters = [...text];
		do {
			letters.pop();
			shown = `${letters.join("")}…`;
			columns = isPlain ? shown.length : columnsOf(shown);
		} while (columns > width);
	}
	const space = " ".repeat(Math.max(0, width - columns));
	return isLeft ? shown + space : space + shown;
}

const isKnown = ({ name: { state } }: Row): boolean => state === "live" || state === "leftover";
const hasLag = ({ name: { kind } }: Row): boolean => kind === "route" || kind === "channel" || kind === "queue";

const lagStyle = ({ lagShare }: Row): Style | undefined =>
	lagShare >= 0.9 ? "red" : lagShare >= 0.5 ? "yellow" : undefined;

/** Always there. */
const figures: readonly FrameColumn[] = [
	{ head: "MSG/S", width: 6, sort: "messages", cell: (row) => short(row.messages) },
	{ head: "MB/S", width: 5, sort: "bytes", cell: (row) => megabytes(row.bytes) },
	{
		head: "LAG",
		width: 4,
		sort: "lag",
		cell: (row) => (isKnown(row) && hasLag(row) ? `${Math.round(row.lagShare * 100)}%` : "-"),
		style: lagStyle,
	},
	{
		head: "DROP/S",
		width: 6,
		sort: "drops",
		cell: (row) => short(row.drops),
		style: ({ drops }) => (drops !== undefined && drops > 0 ? "red" : undefined),
	},
	{ head: "WAKE/S", width: 6, sort: "wakeups", cell: (row) => short(row.wakeups) },
];

/** Added from left to right while there is room. */
const extras: readonly FrameColumn[] = [
	{
		head: "KIND",
		width: 13,
		isLeft: true,
		cell: ({ name }) => (name.state === "live" ? name.kind : stateText(name)),
		style: ({ name }) => (name.state === "live" ? undefined : "yellow"),
	},
	{
		head: "S/R",
		width: 7,
		cell: (row) => (isKnown(row) ? `${hasLag(row) ? `${row.senders}/` : ""}${row.receivers}` : "-"),
	},
	{ head: "BEHIND", width: 9, cell: (row) => (isKnown(row) && hasLag(row) ? bytes(row.lag) : "-") },
	{ head: "TOTAL", width: 6, cell: (row) => (isKnown(row) && hasLag(row) ? short(row.name.messages) : "-") },
	{ head: "SIZE", width: 9, cell: ({ name }) => (name.state === "denied" ? "-" : bytes(name.byteLength)) },
];

const GAP = 1;
const LEAST_NAME = 16;
const MOST_NAME = 60;

const widthOf = (columns: readonly FrameColumn[]): number => columns.reduce((sum, { width }) => sum + GAP + width, 0);

const nameColumn = (width: number, withPrefix: boolean): FrameColumn => ({
	head: "NAME",
	width,
	isLeft: true,
	sort: "name",
	cell({ name: { name, prefix, path } }) {
		const shown = printable(name === "" ? path : name);
		return withPrefix && prefix !== "" ? `${printable(prefix)}:${shown}` : shown;
	},
});

/** The columns for a terminal. The name gets what is left, but is not torn from its figures on a wide one. */
function columnsFor(width: number, rows: readonly Row[]): FrameColumn[] {
	const chosen: FrameColumn[] = [];
	for (const extra of extras)
		if (LEAST_NAME + 8 + widthOf([...chosen, extra, ...figures]) <= width) chosen.push(extra);
		else break;
	const withPrefix = rows.some(({ name: { prefix } }) => prefix !== rows[0]?.name.prefix);
	const rest = Math.max(8, width - widthOf([...chosen, ...figures]));
	const [kind, ...others] = chosen;
	return [nameColumn(Math.min(rest, MOST_NAME), withPrefix), ...(kind ? [kind] : []), ...figures, ...others];
}

function lineOf(columns: readonly FrameColumn[], row: Row, paint: Paint): string {
	return columns
		.map((column) => {
			const cell = fitted(column.cell(row), column.width, column.isLeft === true);
			const style = column.style?.(row);
			return style ? paint(style, cell) : cell;
		})
		.join(" ".repeat(GAP));
}

function headOf(columns: readonly FrameColumn[], { sort }: View, paint: Paint): string {
	return columns
		.map(({ head, width, isLeft, sort: key }) => {
			const cell = fitted(head, width, isLeft === true);
			return paint(key === sort ? "cyan" : "bold", cell);
		})
		.join(" ".repeat(GAP));
}

function summaryOf({ rows }: Sample, shown: number, view: View, time: string): string {
	const sum = (figure: (row: Row) => number | undefined) => rows.reduce((all, row) => all + (figure(row) ?? 0), 0);
	const names = shown === rows.length ? counted(shown, "name") : `${shown} of ${counted(rows.length, "name")}`;
	return [
		`libipc top ${time}`,
		view.isPaused ? "PAUSED" : `every ${view.interval} s`,
		names,
		`${short(sum(({ messages }) => messages))} msg/s`,
		`${megabytes(sum((row) => row.bytes))} MB/s`,
	].join("  ");
}

const KEYS = "q quit  p pause  / filter  m b l d w n sort  + - interval  ↑↓ scroll";

function footOf(view: View): string {
	if (view.isTyping) return `filter: ${printable(view.filter)}_  (Enter keeps it, Esc ends it)`;
	return view.filter === "" ? KEYS : `filter: ${printable(view.filter)}  (Esc ends it)  ${KEYS}`;
}

/** How many rows fit on a screen. */
export const rowsOn = (height: number): number => Math.max(1, height - 3);

export interface FrameSize {
	readonly width: number;
	readonly height: number;
}

/**
 * The lines of one screen: a summary, the heading, the rows, and the keys. No line is wider than the screen.
 *
 * @param time - The time of day, as text.
 */
export function frameLines(
	sample: Sample,
	view: View,
	{ width, height }: FrameSize,
	time: string,
	paint: Paint,
): string[] {
	const chosen = chosenRows(sample.rows, view);
	const room = rowsOn(height);
	const first = Math.min(view.scroll, Math.max(0, chosen.length - room));
	const columns = columnsFor(width, sample.rows);
	const rows = chosen.slice(first, first + room).map((row) => lineOf(columns, row, paint));
	return [
		fitted(summaryOf(sample, chosen.length, view, time), width, true).trimEnd(),
		headOf(columns, view, paint),
		...rows,
		...Array<string>(room - rows.length).fill(""),
		paint("dim", fitted(footOf(view), width, true).trimEnd()),
	];
}

/** The same without a screen: all rows, for `--once`. */
export function sampleLines(sample: Sample, view: View, width: number, paint: Paint): string[] {
	const columns = columnsFor(width, sample.rows);
	return [
		headOf(columns, view, paint).trimEnd(),
		...chosenRows(sample.rows, view).map((row) => lineOf(columns, row, paint).trimEnd()),
	];
}
