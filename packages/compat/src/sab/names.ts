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
import { codecOf, codecPid } from "../segment/codec.ts";
import { deadLetterOf, maxAttemptsOf } from "../segment/dead_letter.ts";
import { diedInside, inheritDiedInside } from "../segment/died_inside.ts";
import { isKept } from "../segment/kept.ts";
import { marksAdd } from "../segment/marks.ts";
import { isStamped, Segment, type SegmentFields } from "../segment/segment.ts";
import { isAnyAlive, reap, unlink } from "../segment/slots.ts";
import { monotonicNs } from "./clock.ts";
import { hubLong, UNIT_BYTES } from "./hub_layout.ts";
import { addBlock, findBlock, firstWord, type Key } from "./name_table.ts";
import { findOtherProcess } from "./other_process.ts";
import { reserveBlock } from "./reserve.ts";
import { type Threads, unitOf } from "./threads.ts";

/** `ipc_options`; 0: not given. */
export interface NameOptions {
	readonly capacity: number;
	readonly maxReceivers: number;
	readonly permissions: number;
	readonly overflow: number;
	readonly firstPosition: number;
	readonly mode: number;
	/** 1 + the initial permits. */
	readonly initial: number;
	/** 1: yes, 2: no. */
	readonly robust: number;
	readonly size: number;
	/** Of a latest value: 1: yes. */
	readonly keep: number;
	/** The id of the endpoint's codec; `""`: it has none. */
	readonly codec: string;
	/** `StampOption`: whether the messages have stamps. */
	readonly stamp: number;
	/** Of a receiver of a queue. */
	readonly maxAttempts: number;
	readonly deadLetter: string;
	/** Of a Signal. */
	readonly notifyOnly?: boolean;
}

/** `ipc_mode`. */
const MODE_CREATE = 1;
const MODE_OPEN = 2;

/** `ipc_option`. */
const Option = {
	capacity: 1,
	maxReceivers: 2,
	permissions: 3,
	overflow: 4,
	initial: 5,
	robust: 6,
	size: 7,
	codec: 9,
	maxAttempts: 10,
	deadLetter: 11,
	stamp: 13,
} as const;

const DEFAULT_CAPACITY = 2 ** 20;
const DEFAULT_VALUE = 2 ** 16;
const DEFAULT_RECEIVERS = 64;
const DEFAULT_PERMISSIONS = 0o600;
const OTHERS = 0o077;

export const failed = (code: number, found = 0, wanted = 0, option = 0): OpenFailure => ({
	code,
	systemError: 0,
	option,
	pid: 0,
	found,
	wanted,
});

/** The code of an open that failed because the name is open in another process: `found` is one of its processes. */
export const IN_OTHER_PROCESS = -100;

const permissionsOf = (options: NameOptions): number => options.permissions || DEFAULT_PERMISSIONS;

/** Takes over a lock whose owner died inside, as it is. The C library says why it is not created again: `open_inherit` in native/src. */
function inherit(segment: Segment): void {
	reap(segment);
	inheritDiedInside(segment);
}

function capacityFor(kind: number, options: NameOptions): number {
	if (kind === Kind.latest) return options.size || DEFAULT_VALUE;
	return hasRing(kind) ? options.capacity || DEFAULT_CAPACITY : 0;
}

function fieldsFor(kind: number, options: NameOptions): SegmentFields {
	return {
		kind,
		overflow: hasRing(kind) ? options.overflow || OverflowKind.block : 0,
		capacity: capacityFor(kind, options),
		maxReceivers: options.maxReceivers || DEFAULT_RECEIVERS,
		initial: options.initial ? options.initial - 1 : 1,
		robust: options.robust === 1,
	};
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

/** What differs, if anything. Called only if the name is in use: the options of a leftover do not matter. */
function compareOptions(segment: Segment, options: NameOptions): OpenFailure | undefined {
	const mismatch = (option: number, found: number, wanted: number): OpenFailure =>
		failed(Status.optionsMismatch, found, wanted, option);
	const permissions = segment.words[headerWord.permissions] as number;
	if (options.capacity && options.capacity !== segment.capacity)
		return mismatch(Option.capacity, segment.capacity, options.capacity);
	if (options.maxReceivers && options.maxReceivers !== segment.maxReceivers)
		return mismatch(Option.maxReceivers, segment.maxReceivers, options.maxReceivers);
	if (options.overflow && options.overflow !== segment.overflow)
		return mismatch(Option.overflow, segment.overflow, options.overflow);
	if (options.permissions && options.permissions !== permissions)
		return mismatch(Option.permissions, permissions, options.permissions);
	if ((permissions & OTHERS & ~permissionsOf(options)) !== 0)
		return failed(Status.permission, process.geteuid?.() ?? 0, permissions, Option.permissions);
	if (options.initial && options.initial - 1 !== segment.initial)
		return mismatch(Option.initial, segment.initial, options.initial - 1);
	if (options.robust && (options.robust === 1) !== segment.robust)
		return mismatch(Option.robust, segment.robust ? 1 : 0, options.robust === 1 ? 1 : 0);
	const { all, any } = abi.StampOption;
	const stamped = isStamped(segment);
	if (options.stamp !== any && (options.stamp === all) !== stamped)
		return mismatch(Option.stamp, stamped ? 1 : 0, options.stamp === all ? 1 : 0);
	const codec = options.codec === "" ? "" : codecOf(segment);
	if (codec === undefined) return failed(Status.corrupt);
	if (codec !== "" && codec !== options.codec)
		return { ...mismatch(Option.codec, 0, 0), pid: codecPid(segment), codec };
	const found = options.deadLetter === "" ? undefined : deadLetterOf(segment);
	if (found !== undefined && found !== options.deadLetter)
		return { ...mismatch(Option.deadLetter, 0, 0), deadLetter: found };
	const limit = maxAttemptsOf(segment);
	if (found !== undefined && options.maxAttempts && options.maxAttempts !== limit)
		return mismatch(Option.maxAttempts, limit, options.maxAttempts);
	if (segment.kind === Kind.latest && options.size && options.size !== segment.capacity)
		return mismatch(Option.size, segment.capacity, options.size);
	if (segment.kind !== Kind.memory) return undefined;
	const bytes = Number(Atomics.load(segment.longs, headerLong.memoryBytes));
	return bytes < options.size ? mismatch(Option.size, bytes, options.size) : undefined;
}

/** Checks the options, as far as the endpoints have not checked them. */
function checkOptions(kind: number, options: NameOptions): OpenFailure | undefined {
	if (options.overflow === OverflowKind.dropOldest && kind === Kind.queue)
		return failed(Status.invalidArgument, options.overflow, 0, Option.overflow);
	const createsMemory = kind === Kind.memory && options.mode !== MODE_OPEN;
	const largest = kind === Kind.latest ? limits.maxValue : limits.maxMemory;
	if (options.size > largest || (options.size === 0 && createsMemory))
		return failed(Status.invalidArgument, options.size, largest, Option.size);
	if (options.permissions && (options.permissions > 0o777 || (options.permissions & 0o600) !== 0o600))
		return failed(Status.invalidArgument, options.permissions, 0o600);
	return undefined;
}

function createNew(threads: Threads, key: Key, options: NameOptions): Segment | OpenFailure {
	const pid = findOtherProcess(key);
	if (pid !== 0) return failed(IN_OTHER_PROCESS, pid);
	return options.mode === MODE_OPEN ? failed(Status.notFound) : create(threads, key, options, false);
}

/** Whether a leftover is what these options would create. A semaphore that is opened without options is not robust, and has one permit. */
function isAsWanted(leftover: Segment, options: NameOptions): boolean {
	const isSemaphore = leftover.kind === Kind.semaphore;
	if (isSemaphore && (options.robust !== 1 || leftover.initial !== (options.initial ? options.initial - 1 : 1)))
		return false;
	return compareOptions(leftover, options) === undefined;
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
