/** The loads that are offered, in nanoseconds from one message to the next; 0: as fast as possible. */
export const gapsNs: readonly number[] = [100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 0];

/** A run is at most so long if there are gaps, and has at least so many messages: p99 needs some. */
const RUN_NS = 200e6;
const LEAST = 1_000;

/** How many messages a run measures. */
export function countOf(gapNs: number, most: number): number {
	const fitting = gapNs > 0 ? Math.max(LEAST, Math.floor(RUN_NS / gapNs)) : most;
	return Math.min(most, fitting);
}

/**
 * Messages before the measured ones, at the same load: three times as many, 0.6 s. The same in native/bench/load.c. A new load makes
 * the runtime compile both sides again, on a thread that takes one of two processors for up to 4 ms at a time.
 */
export function warmUpOf(count: number): number {
	return 3 * count;
}
