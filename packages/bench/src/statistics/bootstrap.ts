import { xorshift32 } from "../workload/xorshift32.ts";
import { median } from "./statistics.ts";

/** Where a median lies with 95 % confidence. */
export interface Interval {
	readonly low: number;
	readonly high: number;
}

const RESAMPLES = 2_000;
/** A fixed seed: the same measurements give the same interval. */
const SEED = 0x9e3779b9;

/**
 * The 95 % interval of the median of all values, by the percentile bootstrap of Efron (1979). The values come in groups: those of
 * one start of the processes resemble each other, so whole groups are drawn first, then values of each.
 */
export function medianInterval(groups: readonly (readonly number[])[]): Interval {
	const random = xorshift32(SEED);
	const draw = <T>(from: readonly T[]): T => from[random() % from.length] as T;
	const filled = groups.filter((group) => group.length > 0);
	if (filled.length === 0) return { low: Number.NaN, high: Number.NaN };
	const medians = new Float64Array(RESAMPLES);
	for (let i = 0; i < RESAMPLES; i++) {
		const values: number[] = [];
		for (let drawn = 0; drawn < filled.length; drawn++) {
			const group = draw(filled);
			for (let value = 0; value < group.length; value++) values.push(draw(group));
		}
		medians[i] = median(values);
	}
	medians.sort();
	const at = (share: number) => medians[Math.round(share * (RESAMPLES - 1))] as number;
	return { low: at(0.025), high: at(0.975) };
}

/** An interval so wide says nothing: the machine was disturbed, or there were too few runs. */
const WIDEST = 1.15;

export function isTooNoisy({ low, high }: Interval): boolean {
	return !(high / low <= WIDEST);
}
