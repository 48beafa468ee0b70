import { expect, test } from "bun:test";
import { summarize } from "./result.ts";
import type { Variant } from "./variant.ts";

const unmeasured = () => Promise.reject(new Error("not measured here"));
const c: Variant = { id: "c", title: "C", pace: "spinning", measure: unmeasured };
const ours: Variant = { id: "ours", title: "ours", pace: "paused", against: "c", budget: 3, measure: unmeasured };

const run = (p50: number) => ({ p50, p99: p50 * 10, p999: p50 * 100 });

test("takes the median of each percentile, and of the ratios of the same run", () => {
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
	});
	expect(second).toMatchObject({
		rounds: 5,
		median: { p50: 600, p99: 6000, p999: 60_000 },
		comparison: { against: "c", ratio: 2, budget: 3 },
	});
});

test("a comparison without a budget has none", () => {
	const { budget: _, ...free } = ours;
	const runs = new Map([
		["c", [run(100)]],
		["ours", [run(150)]],
	]);
	const [, second] = summarize([c, free], runs, () => 1);
	expect(second?.comparison).toEqual({ against: "c", ratio: 1.5 });
});
