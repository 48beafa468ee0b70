/** The middle value, or the mean of the two in the middle. Not a number if there are no values. */
export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? Number.NaN;
	return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The smallest of the values that at least `share` of all values do not exceed (nearest rank). */
export function percentile(sorted: Float64Array, share: number): number {
	// 0.999 × 1000 is a little above 999 in binary: without the correction this would answer the 1000th value.
	const rank = Math.ceil(sorted.length * share - 1e-9);
	return sorted[Math.max(0, rank - 1)] ?? Number.NaN;
}

/** Half of the values, 99 % and 99.9 % of them are at most so large. */
export interface Percentiles {
	readonly p50: number;
	readonly p99: number;
	readonly p999: number;
}

export function percentiles(values: Float64Array): Percentiles {
	const sorted = values.toSorted();
	return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), p999: percentile(sorted, 0.999) };
}
