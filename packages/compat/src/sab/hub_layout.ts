import { Kind, LINE, segmentBytes } from "@libipc/protocol";
import type { SegmentFields } from "../segment/segment.ts";

/**
 * The bytes of the hub. It is a segment of shared memory, whose header and slots have their usual meaning: the claim is the lock of
 * all names, and the slots are those of the threads. Its memory, from `body` on, is laid out here:
 *
 *     hubWord      the hub's own words
 *     THREADS      one entry for each thread, in the order of the slots
 *     BUCKETS      one word each: name_table.ts
 *     FIRST_UNIT   blocks, up to the end of the buffer: blocks.ts
 *
 * Only the threads of one process share a hub, so C knows nothing of this. All numbers count from the start of the buffer.
 */

/** To change with every change of this file: another layout is another hub. */
export const HUB_LAYOUT_VERSION = 3;

/** Blocks are measured in units, and begin at a unit. */
export const UNIT_BYTES = 4096;

/** A block has room for the hold of each thread in its first unit. */
export const MAX_THREADS = 1000;

export const HUB_FIELDS: SegmentFields = {
	kind: Kind.memory,
	overflow: 0,
	capacity: 0,
	maxReceivers: MAX_THREADS,
	initial: 0,
	robust: false,
};

const LINE_WORDS = LINE >> 2;

const first = segmentBytes(HUB_FIELDS.kind, HUB_FIELDS.capacity, HUB_FIELDS.maxReceivers).body >> 2;

/** Indices in an `Int32Array`. All but `systemKnowsThreads` and `warned` change under the lock of names. */
export const hubWord: {
	readonly firstFree: number;
	readonly touched: number;
	readonly leftoversFreedAt: number;
	readonly systemKnowsThreads: number;
	readonly warned: number;
} = {
	/** No block before this unit is free. The search for a free block begins here. */
	firstFree: first,
	/** Nothing at or past this unit has been written yet: it is all zeros. */
	touched: first + 1,
	/** The value of `touched` when leftovers were last freed. */
	leftoversFreedAt: first + 2,
	/** 1: the system says which threads live. The same for all threads, so the main thread decides when it creates the hub. */
	systemKnowsThreads: first + 3,
	/** 1: a thread has warned that names do not reach other processes. Swapped, without the lock. */
	warned: first + 6,
};

/** Indices in a `BigInt64Array`. Under the lock of names. */
export const hubLong: { readonly lastCreated: number } = {
	/** When the last segment was created. */
	lastCreated: (first + 4) >> 1,
};

const THREADS = first + LINE_WORDS;

/** The first word of the entry of thread number `index`. Each entry has its own cache lines. */
export const threadEntry = (index: number): number => THREADS + index * LINE_WORDS;

/** Words of a thread's entry. */
export const threadWord = {
	/** Counts the signals to the thread's wakers. */
	signals: 0,
	/** The `low` of the nearest thread above it that uses libipc: thread_exits.ts. */
	parent: 1,
} as const;

/** The word of the first bucket, and the number of buckets: a power of two. */
export const BUCKETS: number = threadEntry(MAX_THREADS);
export const BUCKET_COUNT = 4096;

export const FIRST_UNIT: number = Math.ceil(((BUCKETS + BUCKET_COUNT) * 4) / UNIT_BYTES);
