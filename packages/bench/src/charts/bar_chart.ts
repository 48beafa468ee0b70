/** A group of bars: one value for each category. `undefined`: there is none. */
export interface Series {
	readonly name: string;
	readonly color: Color;
	readonly values: readonly (number | undefined)[];
}

/** A color of both schemes. */
export type Color = "blue" | "orange" | "violet" | "grey";

export interface ChartOptions {
	readonly title: string;
	readonly subtitle: string;
	readonly categories: readonly string[];
	readonly series: readonly Series[];
	/** What the logarithmic axis shows, with its unit. */
	readonly axis: string;
}

const WIDTH = 900;
/** Of the plot: where the axis begins and ends, and where the first bar is. */
const [LEFT, RIGHT, TOP] = [170, 820, 92];
const [BAR, GAP, BOTTOM] = [16, 14, 62];

const STYLE = `
	.page { fill: #ffffff; }
	text { fill: #1f2328; font-size: 13px; }
	.title { font-size: 18px; font-weight: 600; }
	.note { fill: #57606a; font-size: 12px; }
	.grid { stroke: #d0d7de; }
	.blue { fill: #2f6fdb; }
	.orange { fill: #d4861f; }
	.violet { fill: #8a6fb5; }
	.grey { fill: #9aa5b1; }
	@media (prefers-color-scheme: dark) {
		.page { fill: #0d1117; }
		text { fill: #e6edf3; }
		.note { fill: #9da7b3; }
		.grid { stroke: #30363d; }
		.blue { fill: #58a6ff; }
		.orange { fill: #e3a04b; }
		.violet { fill: #b392f0; }
		.grey { fill: #6e7781; }
	}`;

const escapeXml = (text: string): string =>
	text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

function shorten(value: number): string {
	return value >= 99.5 ? Math.round(value).toLocaleString("en") : value.toPrecision(2);
}

/**
 * Horizontal bars over a logarithmic axis, as an SVG document with the colors of the reader's scheme, light or dark.
 * @throws RangeError if there is no value, or one that is not above zero.
 */
export function barChart({ title, subtitle, categories, series, axis }: ChartOptions): string {
	const values = series.flatMap((each) => each.values.filter((value) => value !== undefined));
	if (values.length === 0 || values.some((value) => !(value > 0)))
		throw new RangeError("a logarithmic chart needs values above zero");
	const [first, last] = [Math.floor(Math.log10(Math.min(...values) / 2)), Math.ceil(Math.log10(Math.max(...values)))];
	const x = (value: number): number =>
		Math.round(LEFT + ((Math.log10(value) - first) / Math.max(1, last - first)) * (RIGHT - LEFT));
	const rowHeight = series.length * BAR + GAP;
	const end = TOP + categories.length * rowHeight;
	const height = end + BOTTOM;

	const lines = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i)).map(
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
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">`,
		`<title id="title">${escapeXml(title)}</title>`,
		`<desc id="description">${escapeXml(`${axis}. ${described.join("; ")}.`)}</desc>`,
		`<style>${STYLE}\n</style>`,
		`<rect class="page" width="${WIDTH}" height="${height}"/>`,
		`<text class="title" x="16" y="28">${escapeXml(title)}</text>`,
		`<text class="note" x="16" y="48">${escapeXml(subtitle)}</text>`,
		...legend,
		...lines,
		...rows,
		`<text class="note" x="${(LEFT + RIGHT) / 2}" y="${end + 44}" text-anchor="middle">${escapeXml(axis)}</text>`,
		"</svg>",
		"",
	].join("\n");
}
