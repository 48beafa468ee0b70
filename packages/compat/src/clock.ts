/**
 * Nanoseconds on a monotonic clock: what to stamp a message with to learn how long it took. In Node all processes of this
 * machine share it (with each other, and with Bun processes that use `@libipc/core`); in Bun the threads of a process.
 *
 * @example
 * sender.send(Float64Array.of(monotonicNs()));
 * // in another thread
 * const took = monotonicNs() - (new Float64Array(receiver.recv()!.buffer)[0] ?? 0);
 */
export function monotonicNs(): number {
	return Number(process.hrtime.bigint());
}
