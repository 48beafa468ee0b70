import { describe, expect, test } from "bun:test";
import { median, percentile, percentiles } from "./statistics.ts";

test("median is the middle value, or the mean of the two in the middle", () => {
	expect(median([30, 1, 200])).toBe(30);
	expect(median([30, 1, 200, 40])).toBe(35);
	expect(median([])).toBeNaN();
});

const upTo = (count: number) => Float64Array.from({ length: count }, (_, i) => i + 1);

describe("percentile", () => {
	test.each([
		[1, 0.999, 1],
		[2, 0.5, 1],
		[3, 0.5, 2],
		[100, 0.99, 99],
		[101, 0.99, 100],
		[1000, 0.999, 999],
		[999, 0.999, 999],
		[10_000, 0.999, 9990],
	])("of %d times: %d of them take at most the %dth", (count, share, expected) => {
		expect(percentile(upTo(count), share)).toBe(expected);
	});

	test("of no times is not a number", () => {
		expect(percentile(new Float64Array(0), 0.5)).toBeNaN();
	});
});

test("percentiles sorts by value and leaves the times alone", () => {
	const times = Float64Array.of(1000, 9, 30, 200, 5);
	expect(percentiles(times)).toEqual({ p50: 30, p99: 1000, p999: 1000 });
	expect([...times]).toEqual([1000, 9, 30, 200, 5]);
});
