import type { Segment } from "../segment/segment.ts";
import { FIRST_UNIT, hubWord, UNIT_BYTES } from "./hub_layout.ts";
import { type Threads, unitOf } from "./threads.ts";

/** Room in the hub for segments; under the lock of names. */

/** Addresses kept free behind shared memory, so that it can grow: three times its size, between these, while there are many. */
const LEAST_SPARE = 2 ** 20;
const MOST_SPARE = 2 ** 28;
const SPARE_PART = 64;

/** So many units at least must have been added before leftovers are looked for again: a look asks the system about threads. */
const FIRST_LOOK = 4096;

const unitsOf = (bytes: number): number => 1 + Math.ceil(bytes / UNIT_BYTES);

/** Frees blocks that nobody alive may touch, named or not. */
export function freeLeftovers(threads: Threads): void {
	const { blocks, hub } = threads;
	for (const unit of blocks.used()) if (!threads.isHeld(unit) && !threads.hasDeadOwner(unit)) threads.forgetBlock(unit);
	Atomics.store(hub.words, hubWord.leftoversFreedAt, hub.words[hubWord.touched] as number);
}

/** When twice as much memory has been used as at the last look. */
function isTimeToFreeLeftovers({ hub }: Threads): boolean {
	return (
		(hub.words[hubWord.touched] as number) >= 2 * Math.max(hub.words[hubWord.leftoversFreedAt] as number, FIRST_LOOK)
	);
}

/** A block of so many bytes, from what is free, then from leftovers, then from more memory: each when it is due. */
function take(threads: Threads, bytes: number): number {
	const { blocks } = threads;
	const units = unitsOf(bytes);
	let unit = blocks.allocate(units, false);
	if (unit < 0 && isTimeToFreeLeftovers(threads)) {
		freeLeftovers(threads);
		unit = blocks.allocate(units, false);
	}
	return unit < 0 ? blocks.allocate(units, true) : unit;
}

/** A block for a segment of `total` bytes and `memory` bytes of shared memory, with room to grow if possible; -1: there is none. */
export function reserveBlock(threads: Threads, total: number, memory: number): number {
	const { hub, blocks } = threads;
	const left = blocks.buffer.maxByteLength - (hub.words[hubWord.touched] as number) * UNIT_BYTES;
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
 * Makes room for so many bytes of shared memory where it is, zeros as far as there was none. False: others are behind it, or
 * the hub is full. Killed in here, we leave room that nobody uses yet.
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

/** Bytes of the hub that are taken, and how many there can be. */
export const usage = ({ blocks }: Threads): { used: number; most: number } => {
	let units = FIRST_UNIT;
	for (const unit of blocks.used()) units += blocks.sizeOf(unit);
	return { used: units * UNIT_BYTES, most: blocks.buffer.maxByteLength };
};
