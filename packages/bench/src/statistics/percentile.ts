/** Round-trip times in nanoseconds: half, 99 and 99.9 of a hundred round trips took at most so long. */
export interface Percentiles {
	readonly p50: number;
	readonly p99: number;
	readonly p999: number;
}

/** The smallest of the times that at least `share` of all times do not exceed (nearest rank). */
export function percentile(sorted: Float64Array, share: number): number {
	// 0.999 × 1000 is a little above 999 in binary: without the correction it would ask for the 1000th.
	const rank = Math.ceil(sorted.length * share - 1e-9);
	return sorted[Math.max(0, rank - 1)] ?? Number.NaN;
}

export function percentiles(times: Float64Array): Percentiles {
	const sorted = times.toSorted();
	return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), p999: percentile(sorted, 0.999) };
}
