import { expect, test } from "bun:test";
import { Series } from "./series.ts";

function seriesOf(runs: Record<string, readonly number[]>): Series {
	const series = new Series();
	for (const [id, values] of Object.entries(runs)) for (const value of values) series.note(id, value);
	return series;
}

test("a ratio is the median of the ratios of each run, not the ratio of the medians", () => {
	const series = seriesOf({ ours: [20, 300, 10], theirs: [10, 100, 10] });
	expect(series.median("ours")).toBe(20);
	expect(series.dividedBy("ours", "theirs")).toBe(2);
});

test("a divisor may combine several values of the same run", () => {
	const series = seriesOf({ ours: [40, 80], lock: [15, 30], call: [5, 10] });
	expect(series.ratio("ours", (of) => of("lock") + of("call"))).toBe(2);
});

test("a measurement without values is not a number", () => {
	const series = seriesOf({ ours: [1] });
	expect(series.dividedBy("ours", "theirs")).toBeNaN();
	expect(series.median("theirs")).toBeNaN();
});
