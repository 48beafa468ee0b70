/**
 * In Bun, `process.hrtime` begins at 0 in each thread. `timeOrigin` says when that was by the system's clock, to a quarter of a
 * microsecond. It is counted from 2025 and not from 1970, so that a double holds the sum to one or two nanoseconds.
 */
const origin = process.versions.bun ? (performance.timeOrigin - Date.UTC(2025, 0)) * 1e6 : 0;

/** `monotonicNs` between threads. */
export function monotonicNs(): number {
	return origin + Number(process.hrtime.bigint());
}
