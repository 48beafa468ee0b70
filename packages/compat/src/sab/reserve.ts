import { sharedBuffer } from "@libipc/core/api";
import type { Segment } from "../segment/segment.ts";
import { emptySlots } from "./hub.ts";
import { FIRST_UNIT, hubWord, UNIT_BYTES } from "./hub_layout.ts";
import { type Threads, unitOf } from "./threads.ts";

/** Finds room for segments in the hub. Everything happens under the lock of names. */

/** Addresses that stay free behind shared memory, so that it can grow: three times its size, within these bounds, while the hub has many. */
const LEAST_SPARE = 2 ** 20;
const MOST_SPARE = 2 ** 28;
const SPARE_PART = 64;

/** Leftovers of ended threads that others have noticed are not looked for before so many units have been used. */
const FIRST_SEARCH = 4096;

const unitsOf = (bytes: number): number => 1 + Math.ceil(bytes / UNIT_BYTES);

/** Frees blocks that no live thread holds, with a name or without. */
export function freeLeftovers(threads: Threads): void {
	const { blocks, hub } = threads;
	for (const unit of blocks.used()) if (!threads.isHeld(unit) && !threads.keepsName(unit)) threads.forgetBlock(unit);
	Atomics.store(hub.words, hubWord.leftoversFreedAt, hub.words[hubWord.touched] as number);
}

/** Whether twice as much memory has been used as at the last search. */
function isTimeToFreeLeftovers({ hub }: Threads): boolean {
	return (
		(hub.words[hubWord.touched] as number) >= 2 * Math.max(hub.words[hubWord.leftoversFreedAt] as number, FIRST_SEARCH)
	);
}

/**
 * A block of so many bytes: from free blocks, then from leftovers if a thread has ended or a search is due, then from more memory.
 * The buffer grows by megabytes, so the threads are rarely asked about.
 */
function take(threads: Threads, bytes: number): number {
	const { blocks, hub } = threads;
	const units = unitsOf(bytes);
	let unit = blocks.allocate(units, false);
	if (unit < 0 && (emptySlots(hub) > 0 || isTimeToFreeLeftovers(threads))) {
		freeLeftovers(threads);
		unit = blocks.allocate(units, false);
	}
	return unit < 0 ? blocks.allocate(units, true) : unit;
}

/** A block for a segment of `total` bytes and `memory` bytes of shared memory, with room to grow if possible; -1: there is no room. */
export function reserveBlock(threads: Threads, total: number, memory: number): number {
	const { hub, blocks } = threads;
	const left = sharedBuffer.maxByteLength(blocks.buffer) - (hub.words[hubWord.touched] as number) * UNIT_BYTES;
	const spare =
		memory === 0 ? 0 : Math.min(Math.max(3 * memory, LEAST_SPARE), MOST_SPARE, Math.floor(left / SPARE_PART));
	let unit = take(threads, total + memory + spare);
	if (unit < 0 && spare > 0) unit = take(threads, total + memory);
	if (unit < 0) {
		freeLeftovers(threads);
		unit = blocks.allocate(unitsOf(total + memory), true);
	}
	return unit;
}

/**
 * Makes room for so many bytes of shared memory, in place. The new bytes are zeros. False: other blocks lie behind it, or the hub is
 * full. A kill during this leaves room that no thread uses yet.
 */
export function extendMemory(threads: Threads, segment: Segment, before: number, byteLength: number): boolean {
	const { blocks } = threads;
	const unit = unitOf(segment);
	const { body } = segment;
	if (!blocks.extend(unit, unitsOf(body + byteLength))) {
		freeLeftovers(threads);
		if (!blocks.extend(unit, unitsOf(body + byteLength))) return false;
	}
	blocks.clear(unit, UNIT_BYTES + body + before, UNIT_BYTES + body + byteLength);
	return true;
}

/** The bytes of the hub that are in use, and how many there can be. */
export const usage = ({ blocks }: Threads): { used: number; most: number } => {
	let units = FIRST_UNIT;
	for (const unit of blocks.used()) units += blocks.sizeOf(unit);
	return { used: units * UNIT_BYTES, most: sharedBuffer.maxByteLength(blocks.buffer) };
};
