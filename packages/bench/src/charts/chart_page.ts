/** A color of both schemes. */
export type Color = "blue" | "orange" | "violet" | "grey";

export const WIDTH = 900;

const STYLE = `
	.page { fill: #ffffff; }
	text { fill: #1f2328; font-size: 13px; }
	.title { font-size: 18px; font-weight: 600; }
	.note { fill: #57606a; font-size: 12px; }
	.grid { stroke: #d0d7de; }
	path.line { fill: none; stroke: currentColor; stroke-width: 2; }
	.dashed { stroke-dasharray: 6 4; }
	.blue { color: #2f6fdb; fill: #2f6fdb; }
	.orange { color: #d4861f; fill: #d4861f; }
	.violet { color: #8a6fb5; fill: #8a6fb5; }
	.grey { color: #9aa5b1; fill: #9aa5b1; }
	@media (prefers-color-scheme: dark) {
		.page { fill: #0d1117; }
		text { fill: #e6edf3; }
		.note { fill: #9da7b3; }
		.grid { stroke: #30363d; }
		.blue { color: #58a6ff; fill: #58a6ff; }
		.orange { color: #e3a04b; fill: #e3a04b; }
		.violet { color: #b392f0; fill: #b392f0; }
		.grey { color: #6e7781; fill: #6e7781; }
	}`;

export const escapeXml = (text: string): string =>
	text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** Plain digits: three or more before the point, or two in all. */
export function shorten(value: number): string {
	return value >= 99.5 ? Math.round(value).toLocaleString("en") : value.toPrecision(2);
}

/** The powers of ten between which the values lie. @throws RangeError if there is no value, or one that is not above zero. */
export function decades(
	values: readonly number[],
	least = Math.min(...values),
): readonly [first: number, last: number] {
	if (values.length === 0 || values.some((value) => !(value > 0)))
		throw new RangeError("a logarithmic chart needs values above zero");
	return [Math.floor(Math.log10(least)), Math.ceil(Math.log10(Math.max(...values)))];
}

/** The powers of ten from the first to the last. */
export function ticks([first, last]: readonly [first: number, last: number]): number[] {
	return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}

export interface ChartPage {
	readonly title: string;
	readonly subtitle: string;
	/** All values, for readers that do not see the chart. */
	readonly description: string;
	readonly height: number;
	/** SVG elements. */
	readonly elements: readonly string[];
}

/** An SVG document with the colors of the reader's scheme, light or dark. */
export function chartPage({ title, subtitle, description, height, elements }: ChartPage): string {
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">`,
		`<title id="title">${escapeXml(title)}</title>`,
		`<desc id="description">${escapeXml(description)}</desc>`,
		`<style>${STYLE}\n</style>`,
		`<rect class="page" width="${WIDTH}" height="${height}"/>`,
		`<text class="title" x="16" y="28">${escapeXml(title)}</text>`,
		`<text class="note" x="16" y="48">${escapeXml(subtitle)}</text>`,
		...elements,
		"</svg>",
		"",
	].join("\n");
}
