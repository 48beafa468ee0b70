/** Bounds of the public arguments: the same as in `native/include/libipc/options.h`. */
export const limits = {
	minCapacity: 4096,
	maxCapacity: 2 ** 30,
	maxReceivers: 1024,
	maxSenders: 1024,
	nameBytes: 128,
	prefixBytes: 64,
	codecBytes: 63,
	drainMax: 65_536,
	maxHandles: 1024,
	maxPermits: 0x7fffffff,
	maxMemory: 2 ** 32,
} as const;
