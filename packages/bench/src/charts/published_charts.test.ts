import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { root } from "../../../../scripts/lib/repository.ts";
import { barChart } from "./bar_chart.ts";
import { lineChart } from "./line_chart.ts";
import { publishedCharts } from "./published_charts.ts";

const textOf = (file: string): string => readFileSync(`${root}${file}`, "utf8");

test.each(publishedCharts.map((chart) => [chart.file, chart] as const))("%s shows the kept results", (file, chart) => {
	expect(textOf(file)).toBe(chart.draw(textOf(chart.results)));
});

test("a chart has each value at its place, also as text", () => {
	const svg = barChart({
		title: "a < b",
		subtitle: "",
		categories: ["one", "two"],
		axis: "ns",
		series: [{ name: "x", color: "blue", values: [10, 1000] }],
	});
	expect(svg).toContain("a &lt; b");
	expect(svg).toContain("ns. one: x 10; two: x 1,000.");
	// The axis goes from 1 to 1,000: 10 is at a third of it, 1,000 at its end.
	const widths = [...svg.matchAll(/class="blue" x="170" y="\d+" width="(\d+)"/g)].map(([, width]) => Number(width));
	expect(widths).toEqual([217, 650]);
});

test("a value that a logarithmic axis cannot show is refused", () => {
	const options = { title: "", subtitle: "", categories: ["one"], axis: "" };
	for (const values of [[0], [-1], [Number.NaN], [undefined]])
		expect(() => barChart({ ...options, series: [{ name: "x", color: "blue", values }] })).toThrow(RangeError);
});

test("a bar is labelled with plain digits", () => {
	const values = [1.234, 9.96, 99.4, 99.7, 1234.5];
	const svg = barChart({
		title: "",
		subtitle: "",
		axis: "",
		categories: values.map(String),
		series: [{ name: "x", color: "violet", values }],
	});
	for (const label of ["1.2", "10", "99", "100", "1,235"]) expect(svg).toContain(`>${label}</text>`);
	expect(svg).not.toContain("e+");
});

test("a line has each point at its place, also as text", () => {
	const points = [
		{ x: 10, y: 0.1 },
		{ x: 100, y: 1 },
		{ x: 1000, y: 10 },
	];
	const line = { color: "blue", points } as const;
	const svg = lineChart({
		title: "",
		subtitle: "",
		x: "messages per second",
		y: "µs",
		series: [
			{ ...line, name: "p50 < p99", isDashed: false },
			{ ...line, name: "p99", isDashed: true },
		],
	});
	expect(svg).toContain("messages per second, µs. p50 &lt; p99: 10 0.10, 100 1.0, 1,000 10; p99: 10 0.10");
	// The middle of both logarithmic axes is the middle of the plot; larger values are higher.
	expect(svg).toContain('<path class="blue line" d="M80 472L460 282L840 92"/>');
	expect(svg).toContain('<path class="blue line dashed" d="M80 472L460 282L840 92"/>');
});

test("a line with a value that a logarithmic axis cannot show is refused", () => {
	const line = { name: "", color: "grey", isDashed: false } as const;
	for (const points of [[], [{ x: 0, y: 1 }], [{ x: 1, y: Number.NaN }]])
		expect(() => lineChart({ title: "", subtitle: "", x: "", y: "", series: [{ ...line, points }] })).toThrow(
			RangeError,
		);
});
