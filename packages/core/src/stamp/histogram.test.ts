import { describe, expect, test } from "bun:test";
import { Histogram } from "./histogram.ts";

/** The value at a percentile, from all of them. */
function exactly(sorted: readonly number[], percent: number): number {
	return sorted[Math.max(1, Math.ceil((sorted.length * percent) / 100)) - 1] as number;
}

describe("a histogram", () => {
	test("is empty at first, and after a reset", () => {
		const histogram = new Histogram("name");
		const nothing = { count: 0, min: 0, mean: 0, max: 0, p: 0 };
		const read = () => {
			const { count, min, mean, max } = histogram;
			return { count, min, mean, max, p: histogram.percentile(50) };
		};
		expect(read()).toEqual(nothing);
		histogram.record(7);
		expect(read()).toEqual({ count: 1, min: 7, mean: 7, max: 7, p: 7 });
		histogram.reset();
		expect(read()).toEqual(nothing);
		histogram.record(3);
		expect(read()).toEqual({ count: 1, min: 3, mean: 3, max: 3, p: 3 });
	});

	test("has no percentile outside of what it was given", () => {
		const histogram = new Histogram("name");
		histogram.record(1_000_001);
		for (const percent of [0, 50, 100]) expect(histogram.percentile(percent)).toBe(1_000_001);
		histogram.record(1_000_003); // in the same bucket
		for (const percent of [0, 50, 100]) expect(histogram.percentile(percent)).toBe(1_000_003);
	});

	test("has percentiles that are at most 1/64 too high, at each power of two and in between", () => {
		const values: number[] = [];
		for (let bits = 0; bits <= 53; bits++)
			for (const factor of [1, 1.01, 1.37, 1.99]) values.push(Math.min(Math.floor(2 ** bits * factor), 2 ** 53 - 1));
		for (let i = 1; i < 54; i++) values.push(2 ** i - 1);
		values.sort((a, b) => a - b);
		const histogram = new Histogram("name");
		for (const value of values) histogram.record(value);
		for (let percent = 0; percent <= 100; percent += 0.25) {
			const exact = exactly(values, percent);
			const found = histogram.percentile(percent);
			expect(found).toBeGreaterThanOrEqual(exact);
			expect(found).toBeLessThanOrEqual(exact + exact / 64);
		}
		expect(histogram.percentile(0)).toBe(1);
		expect(histogram.percentile(100)).toBe(histogram.max);
		expect([histogram.count, histogram.min, histogram.max]).toEqual([values.length, 1, 2 ** 53 - 1]);
		const sum = values.reduce((all, value) => all + value, 0);
		expect(Math.abs(histogram.mean / (sum / values.length) - 1)).toBeLessThan(1e-12);
	});

	test("counts times that cannot be as 0, or as the longest", () => {
		const histogram = new Histogram("name");
		for (const each of [-1, -Infinity, Number.NaN, 0]) histogram.record(each);
		expect([histogram.count, histogram.max, histogram.percentile(100)]).toEqual([4, 0, 0]);
		for (const each of [2 ** 53, 2 ** 64, Infinity]) histogram.record(each);
		expect([histogram.count, histogram.max, histogram.percentile(100)]).toEqual([7, 2 ** 53 - 1, 2 ** 53 - 1]);
	});

	test("takes percentiles from 0 to 100", () => {
		const histogram = new Histogram("name");
		for (const each of [-1, 100.5, Number.NaN, "50", undefined])
			expect(() => histogram.percentile(each as number)).toThrow(/percent must be a number from 0 to 100, not /);
	});
});
