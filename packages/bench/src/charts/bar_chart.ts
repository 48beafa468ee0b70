import { type Color, chartPage, decades, escapeXml, shorten, ticks, WIDTH } from "./chart_page.ts";

/** A group of bars: one value for each category. `undefined`: there is none. */
export interface Series {
	readonly name: string;
	readonly color: Color;
	readonly values: readonly (number | undefined)[];
}

export interface ChartOptions {
	readonly title: string;
	readonly subtitle: string;
	readonly categories: readonly string[];
	readonly series: readonly Series[];
	/** What the logarithmic axis shows, with its unit. */
	readonly axis: string;
}

/** Of the plot: where the axis begins and ends, and where the first bar is. */
const [LEFT, RIGHT, TOP] = [170, 820, 92];
const [BAR, GAP, BOTTOM] = [16, 14, 62];

/**
 * Horizontal bars over a logarithmic axis.
 * @throws RangeError if there is no value, or one that is not above zero.
 */
export function barChart({ title, subtitle, categories, series, axis }: ChartOptions): string {
	const values = series.flatMap((each) => each.values.filter((value) => value !== undefined));
	// The shortest bar must be visible.
	const [first, last] = decades(values, Math.min(...values) / 2);
	const x = (value: number): number =>
		Math.round(LEFT + ((Math.log10(value) - first) / Math.max(1, last - first)) * (RIGHT - LEFT));
	const rowHeight = series.length * BAR + GAP;
	const end = TOP + categories.length * rowHeight;

	const lines = ticks([first, last]).map(
		(value) =>
			`<line class="grid" x1="${x(value)}" y1="${TOP}" x2="${x(value)}" y2="${end}"/><text class="note" x="${x(value)}" y="${end + 18}" text-anchor="middle">${value.toLocaleString("en")}</text>`,
	);
	const legend = series.map(({ name, color }, i) => {
		const at = 16 + i * Math.min(280, (WIDTH - 16) / series.length);
		return `<rect class="${color}" x="${at}" y="64" width="12" height="12" rx="2"/><text x="${at + 20}" y="75">${escapeXml(name)}</text>`;
	});
	const rows = categories.map((category, row) => {
		const top = TOP + row * rowHeight + GAP / 2;
		const bars = series.map(({ color, values }, i) => {
			const value = values[row];
			if (value === undefined) return "";
			const y = top + i * BAR;
			return `<rect class="${color}" x="${LEFT}" y="${y}" width="${x(value) - LEFT}" height="${BAR - 2}" rx="2"/><text class="note" x="${x(value) + 6}" y="${y + 12}">${shorten(value)}</text>`;
		});
		const middle = top + (series.length * BAR) / 2 + 4;
		return `<text x="${LEFT - 10}" y="${middle}" text-anchor="end">${escapeXml(category)}</text>${bars.join("")}`;
	});
	const described = categories.map(
		(category, row) =>
			`${category}: ${series.flatMap(({ name, values }) => (values[row] === undefined ? [] : [`${name} ${shorten(values[row])}`])).join(", ")}`,
	);
	return chartPage({
		title,
		subtitle,
		description: `${axis}. ${described.join("; ")}.`,
		height: end + BOTTOM,
		elements: [
			...legend,
			...lines,
			...rows,
			`<text class="note" x="${(LEFT + RIGHT) / 2}" y="${end + 44}" text-anchor="middle">${escapeXml(axis)}</text>`,
		],
	});
}
