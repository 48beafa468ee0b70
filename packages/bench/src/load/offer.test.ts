import { expect, test } from "bun:test";
import { countOf, gapsNs, warmUpOf } from "./offer.ts";

test("a run with gaps takes as long at every load, and one without has as many messages as allowed", () => {
	expect(gapsNs.map((gap) => countOf(gap, 200_000))).toEqual([
		2_000, 4_000, 10_000, 20_000, 40_000, 100_000, 200_000, 200_000,
	]);
	expect(gapsNs.map((gap) => countOf(gap, 100))).toEqual(gapsNs.map(() => 100));
});

test("three times the measured messages warm up", () => {
	expect([1, 2_000].map(warmUpOf)).toEqual([3, 6_000]);
});
