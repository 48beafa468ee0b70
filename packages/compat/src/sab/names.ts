import type { OpenFailure } from "@libipc/core/api";
import {
	abi,
	CLAIM_ABANDONED,
	HEADER_BYTES,
	hasRing,
	header,
	headerLong,
	headerWord,
	Kind,
	kindName,
	LAYOUT_HASH,
	LAYOUT_VERSION,
	limits,
	MAGIC,
	OverflowKind,
	Status,
	segmentBytes,
	sendersOf,
} from "@libipc/protocol";
import { FIRST_BUFFERS } from "../locks/latest.ts";
import { diedInside, inheritDiedInside } from "../segment/died_inside.ts";
import { isKept } from "../segment/kept.ts";
import { marksAdd } from "../segment/marks.ts";
import { Segment, type SegmentFields } from "../segment/segment.ts";
import { isAnyAlive, reap, unlink } from "../segment/slots.ts";
import { monotonicNs } from "./clock.ts";
import { hubLong, UNIT_BYTES } from "./hub_layout.ts";
import {
	checkOptions,
	compareOptions,
	failed,
	fieldsFor,
	isAsWanted,
	MODE_CREATE,
	MODE_OPEN,
	type NameOptions,
	permissionsOf,
} from "./name_options.ts";
import { addBlock, findBlock, firstWord, type Key } from "./name_table.ts";
import { findOtherProcess } from "./other_process.ts";
import { reserveBlock } from "./reserve.ts";
import { type Threads, unitOf } from "./threads.ts";

/** The code of an open that failed because the name is open in another process: `found` is one of its processes. */
export const IN_OTHER_PROCESS = -100;

/** Takes over a lock whose owner died inside, as it is. The C library says why it is not created again: `open_inherit` in native/src/open.c. */
function inherit(segment: Segment): void {
	reap(segment);
	inheritDiedInside(segment);
}

/** What distinguishes a segment from earlier ones in the same block: the time, made unique. */
function newCreated({ hub }: Threads): bigint {
	const last = Atomics.load(hub.longs, hubLong.lastCreated);
	const now = BigInt(Math.floor(monotonicNs()));
	const created = now > last ? now : last + 1n;
	Atomics.store(hub.longs, hubLong.lastCreated, created);
	return created;
}

function writeHeader(segment: Segment, key: Key, options: NameOptions, created: bigint): void {
	const { words, longs, bytes, kind, capacity, maxReceivers } = segment;
	const sizes = segmentBytes(kind, capacity, maxReceivers);
	const position = BigInt(options.firstPosition >>> 0);
	words[headerWord.version] = LAYOUT_VERSION;
	words[headerWord.layoutHash] = LAYOUT_HASH;
	words[headerWord.kind] = kind;
	words[headerWord.capacity] = capacity;
	words[headerWord.maxReceivers] = maxReceivers;
	words[headerWord.maxSenders] = segment.maxSenders;
	words[headerWord.permissions] = permissionsOf(options);
	words[headerWord.overflow] = segment.overflow;
	words[headerWord.initial] = segment.initial;
	words[headerWord.robust] = segment.robust ? 1 : 0;
	words[headerWord.stamped] = options.stamp === abi.StampOption.all ? 1 : 0;
	longs[headerLong.created] = created;
	longs[headerLong.segmentBytes] = BigInt(sizes.total);
	longs[headerLong.bodyOffset] = BigInt(sizes.body);
	bytes.set(key.prefix, header.prefix);
	bytes.set(key.name, header.name);
	longs[headerLong.head] = position;
	words[headerWord.writeLimit] = options.firstPosition;
	longs[headerLong.announced] = position;
	marksAdd(segment, options.firstPosition >>> 0, 0);
	words[headerWord.permits] = segment.initial;
	longs[headerLong.memoryBytes] = BigInt(kind === Kind.memory ? options.size : 0);
	words[headerWord.buffers] = kind === Kind.latest ? FIRST_BUFFERS : 0;
	words[headerWord.cursor] = options.firstPosition;
	words[headerWord.tail] = options.firstPosition;
	words[headerWord.nextInstance] = 1;
}

/** Creates a segment and gives it the name. `ownerDied`: it replaces a lock whose owner was killed. */
function create(threads: Threads, key: Key, options: NameOptions, ownerDied: boolean): Segment | OpenFailure {
	const { blocks } = threads;
	const fields = fieldsFor(key.kind, options);
	const memory = key.kind === Kind.memory ? options.size : 0;
	const { total } = segmentBytes(fields.kind, fields.capacity, fields.maxReceivers);
	const unit = reserveBlock(threads, total, memory);
	if (unit < 0) return failed(Status.noSpace, 0, total + memory);
	blocks.clear(unit, UNIT_BYTES, UNIT_BYTES + total + memory);
	const segment = new Segment(threads, blocks.buffer, (unit + 1) * UNIT_BYTES, total + memory, fields);
	writeHeader(segment, key, options, newCreated(threads));
	if (ownerDied && key.kind === Kind.mutex) segment.words[headerWord.claim] = CLAIM_ABANDONED;
	if (ownerDied && key.kind === Kind.rwlock) segment.words[headerWord.writing] = CLAIM_ABANDONED;
	Atomics.store(segment.words, headerWord.magic, MAGIC);
	addBlock(blocks, unit, key);
	return segment;
}

/** `ipc_segment_check`: the fields of a valid header, in a block with so many bytes for its segment. */
function checkHeader(words: Int32Array, longs: BigInt64Array, room: number): SegmentFields | OpenFailure {
	const word = (offset: number): number => (words[offset >> 2] as number) >>> 0;
	const magic = Atomics.load(words, headerWord.magic) >>> 0;
	if (magic !== MAGIC) return failed(Status.foreign, magic, MAGIC);
	if (word(header.version) !== LAYOUT_VERSION) return failed(Status.version, word(header.version), LAYOUT_VERSION);
	if (word(header.layoutHash) !== LAYOUT_HASH) return failed(Status.version, word(header.layoutHash), LAYOUT_HASH);
	const kind = word(header.kind);
	const capacity = word(header.capacity);
	const maxReceivers = word(header.maxReceivers);
	const overflow = word(header.overflow);
	const initial = word(header.initial);
	const robust = word(header.robust);
	const stamped = word(header.stamped);
	let isValid = kindName(kind) !== undefined && maxReceivers > 0 && maxReceivers <= limits.maxReceivers;
	if (hasRing(kind))
		isValid &&=
			capacity >= limits.minCapacity &&
			capacity <= limits.maxCapacity &&
			(capacity & (capacity - 1)) === 0 &&
			overflow >= OverflowKind.block &&
			overflow <= OverflowKind.dropOldest &&
			stamped <= 1;
	else
		isValid &&=
			(kind === Kind.latest ? capacity > 0 && capacity <= limits.maxValue : capacity === 0) &&
			overflow === 0 &&
			initial <= limits.maxPermits &&
			robust <= 1 &&
			stamped === 0;
	if (!isValid || word(header.maxSenders) !== sendersOf(kind, capacity)) return failed(Status.corrupt);
	const { body, total } = segmentBytes(kind, capacity, maxReceivers);
	const sizes = [longs[headerLong.segmentBytes], longs[headerLong.bodyOffset]];
	if (sizes[0] !== BigInt(total) || sizes[1] !== BigInt(body) || room < total)
		return failed(Status.corrupt, room, total);
	return { kind, overflow, capacity, maxReceivers, initial, robust: robust === 1 };
}

/** The segment in a block, if it is valid. */
export function segmentIn(threads: Threads, unit: number): Segment | OpenFailure {
	const { buffer, words } = threads.blocks;
	const first = firstWord(unit);
	const offset = first * 4;
	const room = (threads.blocks.sizeOf(unit) - 1) * UNIT_BYTES;
	const longs = new BigInt64Array(buffer, offset, HEADER_BYTES >> 3);
	const fields = checkHeader(words.subarray(first, first + (HEADER_BYTES >> 2)), longs, room);
	if ("code" in fields) return fields;
	const { body, total } = segmentBytes(fields.kind, fields.capacity, fields.maxReceivers);
	if (fields.kind !== Kind.memory) return new Segment(threads, buffer, offset, total, fields);
	const memory = Number(Atomics.load(longs, headerLong.memoryBytes));
	if (!(memory > 0 && memory <= limits.maxMemory && body + memory <= room))
		return failed(Status.corrupt, room, body + memory);
	return new Segment(threads, buffer, offset, body + memory, fields);
}

function createNew(threads: Threads, key: Key, options: NameOptions): Segment | OpenFailure {
	const pid = findOtherProcess(key);
	if (pid !== 0) return failed(IN_OTHER_PROCESS, pid);
	return options.mode === MODE_OPEN ? failed(Status.notFound) : create(threads, key, options, false);
}

/** Replaces a segment that no live thread has open. */
function replace(threads: Threads, leftover: Segment, key: Key, options: NameOptions): Segment | OpenFailure {
	const ownerDied = diedInside(leftover);
	if (options.mode === MODE_OPEN) {
		if (!ownerDied) remove(threads, leftover);
		return failed(Status.notFound);
	}
	if (ownerDied && isAsWanted(leftover, options)) {
		inherit(leftover);
		return leftover;
	}
	// The new segment has the name before the old one is removed. So a kill between the two does not lose the fact that an owner died.
	const segment = create(threads, key, options, ownerDied);
	if (segment instanceof Segment) remove(threads, leftover);
	return segment;
}

/** Removes the name of a segment, and frees its memory if no thread holds it. Under the lock. */
function remove(threads: Threads, segment: Segment): void {
	const unit = unitOf(segment);
	unlink(segment);
	if (!threads.isHeld(unit)) threads.blocks.free(unit);
}

/** Removes older segments with the same name: a thread was killed while it replaced one. */
function removeReplaced(threads: Threads, key: Key, unit: number): void {
	for (;;) {
		const older = findBlock(threads.blocks, key, unit);
		if (older === 0) return;
		if (threads.isHeld(older)) threads.orphanBlock(older);
		else threads.forgetBlock(older);
	}
}

/** Opens or creates a name. Under the lock; the caller joins the segment before it unlocks. */
export function openName(threads: Threads, key: Key, options: NameOptions): Segment | OpenFailure {
	const refused = checkOptions(key.kind, options);
	if (refused) return refused;
	const unit = findBlock(threads.blocks, key);
	if (unit === 0) return createNew(threads, key, options);
	removeReplaced(threads, key, unit);
	const segment = segmentIn(threads, unit);
	if (!(segment instanceof Segment)) return segment;
	if (!isAnyAlive(segment) && !isKept(segment)) return replace(threads, segment, key, options);
	if (options.mode === MODE_CREATE) return failed(Status.exists);
	return compareOptions(segment, options) ?? segment;
}

/** Removes a name, if it exists; its endpoints are orphaned. Under the lock. */
export function clearName(threads: Threads, key: Key): void {
	const unit = findBlock(threads.blocks, key);
	if (unit === 0) return;
	removeReplaced(threads, key, unit);
	const segment = segmentIn(threads, unit);
	if (segment instanceof Segment) remove(threads, segment);
	else threads.forgetBlock(unit);
}

/** Removes a name if no live thread has it open: whether it did. `keepsLocked`: `ipc_list_remove_unneeded`. Under the lock. */
export function removeLeftover(threads: Threads, key: Key, keepsLocked: boolean): boolean {
	const unit = findBlock(threads.blocks, key);
	const segment = unit === 0 ? undefined : segmentIn(threads, unit);
	if (!(segment instanceof Segment) || isAnyAlive(segment) || isKept(segment)) return false;
	if (keepsLocked && diedInside(segment)) return false;
	removeReplaced(threads, key, unit);
	remove(threads, segment);
	return true;
}
