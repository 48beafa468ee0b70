/**
 * In Bun, `process.hrtime` begins anew in each thread. When it began, `timeOrigin` tells by the system's clock, to a quarter
 * of a microsecond; counted from a later year than 1970, a double holds the sum to the nanosecond or two.
 */
const origin = process.versions.bun ? (performance.timeOrigin - Date.UTC(2025, 0)) * 1e6 : 0;

/** `monotonicNs` between threads. */
export function monotonicNs(): number {
	return origin + Number(process.hrtime.bigint());
}
