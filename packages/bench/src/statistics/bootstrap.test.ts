import { expect, test } from "bun:test";
import { xorshift32 } from "../workload/xorshift32.ts";
import { isTooNoisy, medianInterval } from "./bootstrap.ts";

const random = xorshift32(7);
/** Values around `middle`, at most `spread` away. */
const around = (middle: number, spread: number, count: number) =>
	Array.from({ length: count }, () => middle + spread * ((random() / 2 ** 32) * 2 - 1));

test("the interval holds the median, and is narrower with more values", () => {
	const few = medianInterval([around(1, 0.2, 4), around(1, 0.2, 4)]);
	const many = medianInterval(Array.from({ length: 20 }, () => around(1, 0.2, 20)));
	expect(few.low).toBeLessThanOrEqual(1.1);
	expect(few.high).toBeGreaterThanOrEqual(0.9);
	expect(many.low).toBeLessThan(1);
	expect(many.high).toBeGreaterThan(1);
	expect(many.high - many.low).toBeLessThan((few.high - few.low) / 2);
});

test("starts that differ make the interval wide, however many rounds each has", () => {
	const { low, high } = medianInterval([around(0.5, 0.01, 100), around(1, 0.01, 100), around(2, 0.01, 100)]);
	expect(low).toBeLessThan(0.6);
	expect(high).toBeGreaterThan(1.5);
	expect(isTooNoisy({ low, high })).toBe(true);
});

test("equal values give a point, and no values give no interval", () => {
	expect(medianInterval([[3, 3], [3]])).toEqual({ low: 3, high: 3 });
	expect(isTooNoisy({ low: 3, high: 3 })).toBe(false);
	expect(isTooNoisy(medianInterval([[]]))).toBe(true);
});
