import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import { isSharedArrayBuffer } from "@libipc/core/api";
import { headerWord, IpcError, LAYOUT_HASH, SLOT_WORDS, slotLong, slotWord } from "@libipc/protocol";
import type { Platform } from "../segment/platform.ts";
import { Segment } from "../segment/segment.ts";
import { addressesLeft } from "./address_space.ts";
import {
	FIRST_UNIT,
	HUB_FIELDS,
	HUB_LAYOUT_VERSION,
	hubWord,
	MAX_THREADS,
	threadEntry,
	UNIT_BYTES,
} from "./hub_layout.ts";
import { systemIdentity } from "./identity.ts";

/** The memory that the threads of a process share: one growable SharedArrayBuffer, laid out as hub_layout.ts says. */

const HUB_BYTES = FIRST_UNIT * UNIT_BYTES;

/** Sizes that are only reserved: a page takes memory when it is used. Bun reserves at most 4 GiB for one buffer, 32-bit systems less. */
const SIZES = [2 ** 33, 2 ** 32, 2 ** 31, 2 ** 30, 2 ** 28, 2 ** 26];

/** Of the addresses that a limit leaves, so much: V8 ends the process if a new Worker or its compiler finds none. */
const PART = 4;

function newBuffer(): SharedArrayBuffer {
	const most = addressesLeft() / PART;
	for (const maxByteLength of SIZES.filter((size) => size <= most))
		try {
			return new SharedArrayBuffer(HUB_BYTES, { maxByteLength });
		} catch (error) {
			if (!(error instanceof RangeError)) throw error;
		}
	throw new IpcError(
		"ERR_IPC_NO_SPACE",
		"",
		"This process has no addresses left for the memory that its threads share: that takes 64 MiB, and a quarter of what is left at most. Allow it more (ulimit -v).",
	);
}

/** Creates the hub in a buffer of zeros. */
export function createHub(buffer: SharedArrayBuffer = newBuffer()): SharedArrayBuffer {
	const words = new Int32Array(buffer, 0, HUB_BYTES >> 2);
	words[headerWord.nextInstance] = 1;
	words[hubWord.firstFree] = FIRST_UNIT;
	words[hubWord.touched] = FIRST_UNIT;
	words[hubWord.systemKnowsThreads] = systemIdentity() ? 1 : 0;
	return buffer;
}

/** Each Worker gets the hub when it is created. Another layout is another hub. */
const KEY = `libipc.hub.${HUB_LAYOUT_VERSION}.${LAYOUT_HASH}`;

/**
 * In the main thread: creates the hub, unless it exists, so that Workers created from now on find it. If there is no room for it,
 * the first call that needs it throws, not the import of the package.
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
	// Not `instanceof`: a test runner evaluates the package in a realm for each file, and the first of them has made the buffer.
	if (isSharedArrayBuffer(buffer)) return buffer;
	throw new IpcError(
		"ERR_IPC_ENGINE",
		"",
		'This Worker was created before the main thread had imported libipc, so it does not share its names. Write import "@libipc/compat" (or import "libipc") in the main thread, before it creates Workers. The main thread need not use it.',
	);
}

/** Whether no other thread of this process has warned yet that names do not reach other processes. A Worker without the hub never warns. */
export function isFirstToWarn(): boolean {
	try {
		return Atomics.exchange(new Int32Array(findHub()), hubWord.warned, 1) === 0;
	} catch {
		return false; // its first call fails, and says why
	}
}

/** Whether a thread of this process has used the hub. */
export function isHubUsed(): boolean {
	const buffer: unknown = getEnvironmentData(KEY);
	return isSharedArrayBuffer(buffer) && new Int32Array(buffer, 0, HUB_BYTES >> 2)[headerWord.nextInstance] !== 1;
}

/** The hub's header, slots and own words, as a segment. */
export const hubSegment = (platform: Platform, buffer: SharedArrayBuffer): Segment =>
	new Segment(platform, buffer, 0, HUB_BYTES, HUB_FIELDS);

/** Whether the system says which threads of this hub's process live. */
export const systemKnowsThreads = (buffer: SharedArrayBuffer): boolean =>
	new Int32Array(buffer, hubWord.systemKnowsThreads * 4, 1)[0] === 1;

/** The first word of the entry of the thread that has a slot. */
export const entryOf = ({ receivers }: Segment, slot: number): number => threadEntry((slot - receivers) / SLOT_WORDS);

export const ownerAt = ({ longs }: Segment, at: number): bigint => Atomics.load(longs, (at >> 1) + slotLong.owner);

/**
 * Empties the slots of threads that have ended; without a lock. Each step is a swap from the value that was read, and no owner and
 * no instance is ever used again. So nothing happens to a thread that empties the same slot, or has taken it since.
 * Returns how many there were.
 */
export function emptySlots(hub: Segment): number {
	let emptied = 0;
	for (let index = 0; index < hub.maxReceivers; index++) {
		const at = hub.receivers + index * SLOT_WORDS;
		// Before the owner is read: this is the instance of that owner, or of an earlier one.
		const instance = Atomics.load(hub.words, at + slotWord.instance);
		const owner = ownerAt(hub, at);
		if (owner === 0n || hub.platform.isAlive(Number(BigInt.asIntN(32, owner)), Number(owner >> 32n), 0, 0)) continue;
		emptySlot(hub, at, instance, owner);
		emptied++;
	}
	return emptied;
}

/** The instance first: if the thread is killed between the two swaps, the owner is still the dead thread. */
export function emptySlot(hub: Segment, at: number, instance: number, owner: bigint): void {
	if (instance !== 0) Atomics.compareExchange(hub.words, at + slotWord.instance, instance, 0);
	Atomics.compareExchange(hub.longs, (at >> 1) + slotLong.owner, owner, 0n);
}

function tryTakeSlot(hub: Segment, owner: bigint): number {
	for (let index = 0; index < hub.maxReceivers; index++) {
		const at = hub.receivers + index * SLOT_WORDS;
		const long = (at >> 1) + slotLong.owner;
		if (ownerAt(hub, at) === 0n && Atomics.compareExchange(hub.longs, long, 0n, owner) === 0n) return at;
	}
	return -1;
}

/**
 * Takes a slot for this thread: its first word. This needs no lock, because only a thread with a slot can take the claim. The swap
 * that takes the slot also says whose it is, so a thread that ends at any moment leaves a slot that can be emptied.
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
			`${MAX_THREADS} threads of this process use libipc, and no more can. End one, or use fewer.`,
		);
	words[at + slotWord.pid] = platform.pid;
	const { nextInstance } = headerWord;
	const instance = Atomics.add(words, nextInstance, 1) || Atomics.add(words, nextInstance, 1);
	Atomics.store(words, at + slotWord.instance, instance);
	return at;
}
