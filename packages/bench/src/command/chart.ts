import { init } from "echarts";

/** A group of bars: one value for each category. `undefined`: there is none. */
export interface Series {
	readonly name: string;
	readonly color: string;
	readonly values: readonly (number | undefined)[];
}

export interface ChartOptions {
	readonly title: string;
	readonly subtitle: string;
	readonly categories: readonly string[];
	readonly series: readonly Series[];
	/** What the logarithmic axis shows, with its unit. */
	readonly axis: string;
	readonly height: number;
}

/** Horizontal bars over a logarithmic axis, as an SVG document. */
export function barChart({ title, subtitle, categories, series, axis, height }: ChartOptions): string {
	const chart = init(null, null, { renderer: "svg", ssr: true, width: 900, height });
	chart.setOption({
		animation: false,
		backgroundColor: "#ffffff",
		title: { text: title, subtext: subtitle, left: 16, top: 8, textStyle: { fontSize: 18 } },
		legend: { top: 64, left: 16, itemGap: 40 },
		grid: { top: 100, left: 16, right: 64, bottom: 40, containLabel: true },
		xAxis: { type: "log", name: axis, nameLocation: "middle", nameGap: 28, min: 1 },
		yAxis: { type: "category", data: [...categories], inverse: true },
		series: series.map(({ name, color, values }) => ({
			name,
			type: "bar",
			itemStyle: { color },
			label: {
				show: true,
				position: "right",
				fontSize: 10,
				formatter: (bar: { value?: unknown }) => (typeof bar.value === "number" ? shorten(bar.value) : ""),
			},
			data: values.map((value) => value ?? "-"),
		})),
	});
	const svg = chart.renderToSVGString();
	chart.dispose();
	return `${svg}\n`;
}

function shorten(value: number): string {
	return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(2);
}
