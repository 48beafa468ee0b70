/**
 * Whether this is the main thread of the process. `node:worker_threads` is loaded only where there is no other way: in Bun that takes
 * longer than the whole library.
 */
export const isMainThread = (): boolean =>
	globalThis.Bun?.isMainThread ?? process.getBuiltinModule("node:worker_threads").isMainThread;
