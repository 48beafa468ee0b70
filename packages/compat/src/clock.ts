/**
 * In Bun, `process.hrtime` begins anew in each thread. When it began, `timeOrigin` tells by the system's clock, to a quarter
 * of a microsecond; counted from a later year than 1970, a double holds the sum to the nanosecond or two.
 */
const origin = process.versions.bun ? (performance.timeOrigin - Date.UTC(2025, 0)) * 1e6 : 0;

/**
 * Nanoseconds on a clock that only goes on: what to stamp a message with to learn how long it took. In Node all processes of
 * this machine share it (with each other, and with Bun processes that use `@libipc/core`); in Bun the threads of a process,
 * unless the system's clock is set between the starts of two of them: then theirs differ by as much.
 *
 * @example
 * sender.send(Float64Array.of(monotonicNs()));
 * // in another thread
 * const took = monotonicNs() - (new Float64Array(receiver.recv()!.buffer)[0] ?? 0);
 */
export function monotonicNs(): number {
	return origin + Number(process.hrtime.bigint());
}
