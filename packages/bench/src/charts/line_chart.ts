import { type Color, chartPage, decades, escapeXml, shorten, ticks } from "./chart_page.ts";

export interface Line {
	readonly name: string;
	readonly color: Color;
	readonly isDashed: boolean;
	readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface LineChartOptions {
	readonly title: string;
	readonly subtitle: string;
	readonly series: readonly Line[];
	/** What the axes show, with their units. Both are logarithmic. */
	readonly x: string;
	readonly y: string;
}

/** The plot, and the lines of the legend above it: two in each row. */
const [LEFT, RIGHT, HEIGHT, LEGEND_ROW, LEGEND_COLUMN] = [80, 840, 380, 20, 440];

/**
 * Lines with a mark at each point, over two logarithmic axes.
 * @throws RangeError if there is no point, or a value that is not above zero.
 */
export function lineChart({ title, subtitle, series, x: xTitle, y: yTitle }: LineChartOptions): string {
	const points = series.flatMap((each) => each.points);
	const [xDecades, yDecades] = [decades(points.map(({ x }) => x)), decades(points.map(({ y }) => y))];
	const top = 72 + Math.ceil(series.length / 2) * LEGEND_ROW;
	const bottom = top + HEIGHT;
	const scale =
		([first, last]: readonly [number, number], from: number, to: number) =>
		(value: number): number =>
			Math.round(from + ((Math.log10(value) - first) / Math.max(1, last - first)) * (to - from));
	const [x, y] = [scale(xDecades, LEFT, RIGHT), scale(yDecades, bottom, top)];

	const grid = [
		...ticks(xDecades).map(
			(value) =>
				`<line class="grid" x1="${x(value)}" y1="${top}" x2="${x(value)}" y2="${bottom}"/><text class="note" x="${x(value)}" y="${bottom + 18}" text-anchor="middle">${value.toLocaleString("en")}</text>`,
		),
		...ticks(yDecades).map(
			(value) =>
				`<line class="grid" x1="${LEFT}" y1="${y(value)}" x2="${RIGHT}" y2="${y(value)}"/><text class="note" x="${LEFT - 8}" y="${y(value) + 4}" text-anchor="end">${value.toLocaleString("en")}</text>`,
		),
	];
	const line = ({ color, isDashed }: Line): string => `class="${color} line${isDashed ? " dashed" : ""}"`;
	const legend = series.map((each, i) => {
		const [left, middle] = [16 + (i % 2) * LEGEND_COLUMN, 70 + Math.floor(i / 2) * LEGEND_ROW];
		return `<path ${line(each)} d="M${left} ${middle}h28"/><text x="${left + 36}" y="${middle + 5}">${escapeXml(each.name)}</text>`;
	});
	const lines = series.map((each) => {
		const places = each.points.map((point) => `${x(point.x)} ${y(point.y)}`);
		const marks = each.points.map(
			(point) => `<circle class="${each.color}" cx="${x(point.x)}" cy="${y(point.y)}" r="3"/>`,
		);
		return `<path ${line(each)} d="M${places.join("L")}"/>${marks.join("")}`;
	});
	const described = series.map(
		({ name, points }) => `${name}: ${points.map((point) => `${shorten(point.x)} ${shorten(point.y)}`).join(", ")}`,
	);
	return chartPage({
		title,
		subtitle,
		description: `${xTitle}, ${yTitle}. ${described.join("; ")}.`,
		height: bottom + 60,
		elements: [
			...legend,
			...grid,
			...lines,
			`<text class="note" x="${(LEFT + RIGHT) / 2}" y="${bottom + 42}" text-anchor="middle">${escapeXml(xTitle)} (logarithmic)</text>`,
			`<text class="note" x="18" y="${(top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 18 ${(top + bottom) / 2})">${escapeXml(yTitle)}</text>`,
		],
	});
}
