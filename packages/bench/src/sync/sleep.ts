const never = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps outside the event loop, also for parts of a millisecond. Bun.sleepSync takes whole milliseconds only. */
export function sleep(ms: number): void {
	Atomics.wait(never, 0, 0, ms);
}
