import { expect, test } from "bun:test";
import { summarize } from "./result.ts";
import type { Variant } from "./variant.ts";

const unmeasured = () => Promise.reject(new Error("not measured here"));
const c: Variant = { id: "c", title: "C", pace: "spinning", against: [], measure: unmeasured };
const ours: Variant = { ...c, id: "ours", pace: "paused", against: [{ id: "c", budget: 3 }, { id: "c" }] };

const run = (p50: number) => ({ p50, p99: p50 * 10, p999: p50 * 100 });

test("summarize takes the median of each percentile, and of the ratios in the same run", () => {
	const runs = new Map([
		["c", [run(100), run(200), run(1000)]],
		["ours", [run(150), run(600), run(2000)]],
	]);
	const [first, second] = summarize([c, ours], runs, ({ pace }) => (pace === "paused" ? 5 : 50));
	expect(first).toEqual({
		id: "c",
		title: "C",
		pace: "spinning",
		rounds: 50,
		runs: [run(100), run(200), run(1000)],
		median: { p50: 200, p99: 2000, p999: 20_000 },
		comparisons: [],
	});
	expect(second).toMatchObject({
		rounds: 5,
		median: { p50: 600, p99: 6000, p999: 60_000 },
		comparisons: [
			{ against: "c", ratio: 2, budget: 3 },
			{ against: "c", ratio: 2 },
		],
	});
});
