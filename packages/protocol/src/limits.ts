/** Bounds of the public arguments: the same as in `native/include/libipc/options.h`. */
export const limits = {
	minCapacity: 4096,
	maxCapacity: 2 ** 30,
	maxReceivers: 1024,
	maxSenders: 1024,
	nameBytes: 128,
	prefixBytes: 64,
	codecBytes: 63,
	maxAttempts: 0x0ffffffe,
	maxDelay: 604_800_000,
	reasonBytes: 255,
	prefetch: 65_536,
	drainMax: 65_536,
	maxHandles: 1024,
	maxPermits: 0x7fffffff,
	maxMemory: 2 ** 32,
	maxValue: 2 ** 26,
} as const;
