import { library } from "./library.ts";

/**
 * Nanoseconds on the monotonic clock that all processes of this machine share: what to stamp a message with to learn how
 * long it took. (In Bun, `process.hrtime` and `performance.now` begin anew in each process.)
 *
 * @example
 * sender.send(Float64Array.of(monotonicNs()));
 * // in another process
 * const took = monotonicNs() - (new Float64Array(receiver.recv()!.buffer)[0] ?? 0);
 */
export function monotonicNs(): number {
	return library().symbols.ipc_now_ns();
}
