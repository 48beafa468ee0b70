import type { Row } from "./sample.ts";

export const sortKeys = ["messages", "bytes", "lag", "drops", "wakeups", "name"] as const;
export type SortKey = (typeof sortKeys)[number];

/** What the user has chosen. */
export interface View {
	readonly sort: SortKey;
	readonly isReversed: boolean;
	/** Part of a name or prefix, in lower case. */
	readonly filter: string;
	/** The filter is being typed. */
	readonly isTyping: boolean;
	readonly isPaused: boolean;
	/** Rows above the first one that is shown. */
	readonly scroll: number;
	/** Seconds between two looks. */
	readonly interval: number;
}

export const firstView: View = {
	sort: "messages",
	isReversed: false,
	filter: "",
	isTyping: false,
	isPaused: false,
	scroll: 0,
	interval: 1,
};

const SHORTEST = 0.25;
const LONGEST = 60;

const figure = (row: Row, key: Exclude<SortKey, "name">): number => row[key === "lag" ? "lagShare" : key] ?? -1;

/** The rows that match the filter, in the chosen order. Those with the same figure stay in the order of `list`. */
export function chosenRows(rows: readonly Row[], { sort, isReversed, filter }: View): Row[] {
	const chosen = rows.filter(
		({ name: { name, prefix, path } }) =>
			filter === "" || `${prefix} ${name === "" ? path : name}`.toLowerCase().includes(filter),
	);
	if (sort !== "name") chosen.sort((a, b) => figure(b, sort) - figure(a, sort));
	return isReversed ? chosen.reverse() : chosen;
}

const letters: Readonly<Record<string, SortKey>> = {
	m: "messages",
	b: "bytes",
	l: "lag",
	d: "drops",
	w: "wakeups",
	n: "name",
};

const typed = (view: View, key: string): View => {
	if (key === "\r" || key === "\n") return { ...view, isTyping: false };
	if (key === "\x1b") return { ...view, isTyping: false, filter: "" };
	if (key === "\x7f" || key === "\b") return { ...view, filter: view.filter.slice(0, -1) };
	// biome-ignore lint/suspicious/noControlCharactersInRegex: keys that are no text
	return /^[\x00-\x1f]/.test(key) ? view : { ...view, filter: view.filter + key.toLowerCase(), scroll: 0 };
};

/**
 * The view after a key; `undefined`: the user wants to leave.
 *
 * @param page - How many rows the screen shows.
 */
export function afterKey(view: View, key: string, page: number): View | undefined {
	if (key === "\x03") return undefined;
	if (view.isTyping) return typed(view, key);
	const sort = letters[key];
	if (sort) return { ...view, sort, isReversed: view.sort === sort && !view.isReversed, scroll: 0 };
	const scrolled = (by: number): View => ({ ...view, scroll: Math.max(0, view.scroll + by) });
	switch (key) {
		case "q":
		case "\x04":
			return undefined;
		case " ":
		case "p":
			return { ...view, isPaused: !view.isPaused };
		case "/":
			return { ...view, isTyping: true, filter: "" };
		case "\x1b":
			return { ...view, filter: "" };
		case "+":
			return { ...view, interval: Math.min(view.interval * 2, LONGEST) };
		case "-":
			return { ...view, interval: Math.max(view.interval / 2, SHORTEST) };
		case "\x1b[A":
		case "k":
			return scrolled(-1);
		case "\x1b[B":
		case "j":
			return scrolled(1);
		case "\x1b[5~":
			return scrolled(-page);
		case "\x1b[6~":
			return scrolled(page);
		default:
			return view;
	}
}

/** The keys in what a terminal sends at once: a letter, a sequence that begins with ESC, or several. */
export const keysIn = (data: string): string[] =>
	// biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals send
	data.match(/\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|[\s\S]/gu) ?? [];
