import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import {
	HEADER_BYTES,
	header,
	IpcError,
	Kind,
	LAYOUT_HASH,
	LAYOUT_VERSION,
	MAGIC,
	SLOT_WORDS,
	segmentBytes,
	slot,
} from "@libipc/protocol";
import type { Platform } from "../segment/platform.ts";
import { Segment, type SegmentFields } from "../segment/segment.ts";
import { systemIdentity } from "./identity.ts";

/**
 * The memory that the threads of a process share: one growable SharedArrayBuffer. It begins like a segment of shared memory,
 * whose claim is the lock of all names and whose places are the threads; what would be that memory is buckets of
 * names (name_table.ts) and then blocks (blocks.ts), each with the segment of one name.
 *
 *     0          header, places of threads, a table of waits that nobody uses
 *     BUCKETS    one word each
 *     FIRST_UNIT blocks, up to the end of the buffer
 */

/** Blocks are measured in units, and begin at one. */
export const UNIT_BYTES = 4096;

/** Of threads. A block has room for a hold of each in its first unit. */
export const MAX_THREADS = 1000;

const FIELDS: SegmentFields = {
	kind: Kind.memory,
	overflow: 0,
	capacity: 0,
	maxReceivers: MAX_THREADS,
	initial: 0,
	robust: false,
};

const { body, total } = segmentBytes(FIELDS.kind, FIELDS.capacity, FIELDS.maxReceivers);

/** The word of the first bucket, and how many there are: a power of two. */
export const BUCKETS: number = body >> 2;
export const BUCKET_COUNT = 4096;

export const FIRST_UNIT: number = Math.ceil((body + BUCKET_COUNT * 4) / UNIT_BYTES);

/** Words of the header that mean something else here, or nothing in shared memory. */
export const hubWords = {
	/** The lock of all names. */
	claim: header.claim >> 2,
	/** No block before this unit is free: where to look for one. */
	firstFree: header.cursor >> 2,
	/** Nothing at or past this unit has been written yet: it is all zeros. */
	touched: header.tail >> 2,
	/** 1: the system tells which threads live. The same for all of them, so the main thread decides. */
	systemKnowsThreads: header.writing >> 2,
	/** How many units there were when leftovers were last looked for. */
	looked: header.permits >> 2,
} as const;

/** …and a long: when the last segment was made. */
export const LAST_CREATED: number = header.head >> 3;

/** Of a thread's place: counts how often its wakers were signalled. */
export const SIGNALS: number = slot.position >> 2;

const OWNER = slot.owner >> 3;
const INSTANCE = slot.instance >> 2;
const PID = slot.pid >> 2;
const NEXT_INSTANCE = header.nextInstance >> 2;

/** Addresses are taken, but no memory before it is used. Bun makes at most 4 GiB of one buffer, and 32-bit systems less. */
const SIZES = [2 ** 33, 2 ** 32, 2 ** 31, 2 ** 30, 2 ** 28];

function newBuffer(): SharedArrayBuffer {
	for (const maxByteLength of SIZES)
		try {
			return new SharedArrayBuffer(FIRST_UNIT * UNIT_BYTES, { maxByteLength });
		} catch (error) {
			if (!(error instanceof RangeError)) throw error;
		}
	throw new IpcError(
		"ERR_IPC_NO_SPACE",
		"",
		"There is no room in this process for the memory that its threads are to share (256 MiB of addresses). Allow it more (ulimit -v).",
	);
}

/** Makes the hub, in a buffer of zeros. */
export function createHub(buffer: SharedArrayBuffer = newBuffer()): SharedArrayBuffer {
	const words = new Int32Array(buffer, 0, HEADER_BYTES >> 2);
	const longs = new BigInt64Array(buffer, 0, HEADER_BYTES >> 3);
	words[header.version >> 2] = LAYOUT_VERSION;
	words[header.layoutHash >> 2] = LAYOUT_HASH;
	words[header.kind >> 2] = FIELDS.kind;
	words[header.maxReceivers >> 2] = FIELDS.maxReceivers;
	longs[header.segmentBytes >> 3] = BigInt(total);
	longs[header.bodyOffset >> 3] = BigInt(body);
	words[NEXT_INSTANCE] = 1;
	words[hubWords.firstFree] = FIRST_UNIT;
	words[hubWords.touched] = FIRST_UNIT;
	words[hubWords.systemKnowsThreads] = systemIdentity() ? 1 : 0;
	Atomics.store(words, header.magic >> 2, MAGIC);
	return buffer;
}

/** Handed to every Worker when it is made. Another layout is another hub. */
const KEY = `libipc.hub.${LAYOUT_VERSION}.${LAYOUT_HASH}`;

/**
 * In the main thread: makes the hub, unless it is there, so that Workers made from now on find it. Where there is no room for
 * one, whoever needs it is told, not whoever imports the package.
 */
export function offerHub(): void {
	if (!isMainThread || getEnvironmentData(KEY) !== undefined) return;
	try {
		setEnvironmentData(KEY, createHub());
	} catch (error) {
		if (!(error instanceof IpcError)) throw error;
	}
}

/** The hub of this process. */
export function findHub(): SharedArrayBuffer {
	if (isMainThread && getEnvironmentData(KEY) === undefined) setEnvironmentData(KEY, createHub());
	const buffer: unknown = getEnvironmentData(KEY);
	if (buffer instanceof SharedArrayBuffer) return buffer;
	throw new IpcError(
		"ERR_IPC_ENGINE",
		"",
		'This Worker was made before the main thread had imported libipc, so it does not share its names. Write import "@libipc/compat" (or import "libipc") in the main thread, before it makes Workers. It need not use it.',
	);
}

/** The hub's header and places, as a segment. */
export const hubSegment = (platform: Platform, buffer: SharedArrayBuffer): Segment =>
	new Segment(platform, buffer, 0, total, FIELDS);

export const ownerAt = ({ longs }: Segment, at: number): bigint => Atomics.load(longs, (at >> 1) + OWNER);

/**
 * Empties the places of threads that have ended; no lock. Each step is a swap from what was read, and no owner and no
 * instance is ever used again: so whoever else does the same, or has taken the place since, is not harmed.
 */
function emptySlots(hub: Segment): void {
	for (let index = 0; index < hub.maxReceivers; index++) {
		const at = hub.receivers + index * SLOT_WORDS;
		// Before the owner is read: it is that owner's, or one's before it.
		const instance = Atomics.load(hub.words, at + INSTANCE);
		const owner = ownerAt(hub, at);
		if (owner === 0n || hub.platform.isAlive(Number(BigInt.asIntN(32, owner)), Number(owner >> 32n))) continue;
		emptySlot(hub, at, instance, owner);
	}
}

/** The instance first: killed in between, the owner is still the dead one. */
export function emptySlot(hub: Segment, at: number, instance: number, owner: bigint): void {
	if (instance !== 0) Atomics.compareExchange(hub.words, at + INSTANCE, instance, 0);
	Atomics.compareExchange(hub.longs, (at >> 1) + OWNER, owner, 0n);
}

function tryTakeSlot(hub: Segment, owner: bigint): number {
	for (let index = 0; index < hub.maxReceivers; index++) {
		const at = hub.receivers + index * SLOT_WORDS;
		if (ownerAt(hub, at) === 0n && Atomics.compareExchange(hub.longs, (at >> 1) + OWNER, 0n, owner) === 0n) return at;
	}
	return -1;
}

/**
 * Takes a place for this thread: its first word. Without a lock, for the claim is taken by whoever has one. The swap that
 * takes it tells whose it is, so a thread that ends at any moment leaves a place that can be emptied.
 */
export function joinHub(hub: Segment): number {
	const { words, platform } = hub;
	const owner = (BigInt(platform.self.high) << 32n) | BigInt.asUintN(32, BigInt(platform.self.low));
	let at = tryTakeSlot(hub, owner);
	if (at < 0) {
		emptySlots(hub);
		at = tryTakeSlot(hub, owner);
	}
	if (at < 0)
		throw new IpcError(
			"ERR_IPC_NO_SPACE",
			"",
			`${MAX_THREADS} threads of this process use libipc, which is the limit. End one, or use fewer.`,
		);
	words[at + PID] = platform.pid;
	const instance = Atomics.add(words, NEXT_INSTANCE, 1) || Atomics.add(words, NEXT_INSTANCE, 1);
	Atomics.store(words, at + INSTANCE, instance);
	return at;
}
