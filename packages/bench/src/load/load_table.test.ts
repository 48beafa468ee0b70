import { expect, test } from "bun:test";
import { loadChart } from "./load_chart.ts";
import { loadTable, reached } from "./load_table.ts";
import { type LoadRun, summarize } from "./result.ts";

const run = (gapNs: number, reachedNs: number, p50: number): LoadRun => ({
	gapNs,
	reachedNs,
	count: 10,
	p50,
	p99: 2 * p50,
	p999: 3 * p50,
});
const result = summarize("libipc-block", "libipc, recvInto", [
	run(0, 50, 400_000),
	run(1_000, 1_000, 300),
	run(1_000, 1_000, 500),
	run(1_000, 1_002, 10_000),
]);

test("a load is the median of its runs, and the least load is first", () => {
	expect(result.points.map(({ gapNs, p50, p99, p999, reachedNs }) => [gapNs, p50, p99, p999, reachedNs])).toEqual([
		[1_000, 500, 1_000, 1_500, 1_000],
		[0, 400_000, 800_000, 1_200_000, 50],
	]);
	expect(result.points[0]?.runs).toHaveLength(3);
});

test("the table has a row for each load", () => {
	const rows = loadTable([result]).split("\n").slice(2, -1);
	expect(rows).toHaveLength(2);
	expect(rows[0]).toMatch(/1 µs .* 0\.50 \/ 1\.00 /);
	expect(rows[1]).toMatch(/as fast as possible .* 400\.0 \/ 800\.0 /);
	expect(reached([result])).toContain("libipc, recvInto: a message every 50 ns");
});

test("the chart shows the offered load, and the reached one where there is no gap", () => {
	const svg = loadChart("", [result]);
	expect(svg).toContain("libipc, recvInto, p50: 1,000,000 0.50, 20,000,000 400");
	expect(svg).toContain("libipc, recvInto, p99: 1,000,000 1.0, 20,000,000 800");
});
