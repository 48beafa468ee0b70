import { Buffer } from "node:buffer";
import { RECORD_BYTES, RecordKind, UNIT } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { copyShort, type Target } from "./target.ts";

/**
 * Records in the ring: the only file that turns positions into bytes. The invariants are in `native/src/ring.h`. Positions are
 * signed words here; differences are computed with `>>> 0`.
 *
 * All views end with the ring. An invalid offset, which only damage can cause, reads `undefined` or throws, and never reaches other
 * memory.
 */

/** Up to so many bytes are copied in a loop. For longer copies a call of the runtime is faster. */
const LOOP_IN = 16;
const LOOP_OUT = 32;

const copyBuffer = Buffer.prototype.copy;

/** The units that a message of `length` bytes takes, header included. */
export const ringUnits = (length: number): number => (length + (RECORD_BYTES + UNIT - 1)) >>> 3;

/** The longest message in one record: it fits an empty ring even with padding before it, which is shorter than the record. */
export const ringMaxRecord = (capacity: number): number => capacity / 2 - RECORD_BYTES;

/** Node's `Buffer.from` reads the property `byteLength` of the buffer, which a program may have overridden: it has views of it. */
function bufferOver(buffer: ArrayBufferLike, byteOffset: number, byteLength: number): Buffer {
	try {
		return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
	} catch {
		return Reflect.construct(Uint8Array, [buffer, byteOffset, byteLength], Buffer) as Buffer;
	}
}

/** Bytes in which records lie: a ring, or the stage of a batch. */
export class RecordBytes {
	readonly words: Int32Array;
	readonly longs: BigInt64Array;
	readonly bytes: Uint8Array;
	/** The same bytes. Its `copy` takes ranges, so that a copy allocates no view. */
	readonly #buffer: Buffer;

	constructor(buffer: ArrayBufferLike, byteOffset: number, byteLength: number) {
		this.words = new Int32Array(buffer, byteOffset, byteLength >> 2);
		this.longs = new BigInt64Array(buffer, byteOffset, byteLength >> 3);
		this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
		this.#buffer = bufferOver(buffer, byteOffset, byteLength);
	}

	/**
	 * Copies `length` bytes of `bytes`, from `from` on, to `at`, a multiple of four. They must fit. `bytes` that end with the copy may be an
	 * object of the caller, whose properties say anything: only elements and `set` do not ask them. Node's `copy` does.
	 */
	copyIn(at: number, bytes: Uint8Array, from: number, length: number): void {
		if (length <= LOOP_IN) this.#copyFewIn(at, bytes, from, length);
		else if (bytes[length] === undefined) this.bytes.set(bytes, at);
		else copyBuffer.call(bytes, this.#buffer, at, from, from + length);
	}

	#copyFewIn(at: number, bytes: Uint8Array, from: number, length: number): void {
		const { words } = this;
		const end = from + (length & ~3);
		let word = at >> 2;
		let i = from;
		for (; i < end; i += 4)
			words[word++] =
				(bytes[i] as number) |
				((bytes[i + 1] as number) << 8) |
				((bytes[i + 2] as number) << 16) |
				((bytes[i + 3] as number) << 24);
		if ((length & 3) === 0) return;
		let last = 0;
		for (let shift = 0; i < from + length; i++, shift += 8) last |= (bytes[i] as number) << shift;
		words[word] = last;
	}

	/** Copies `length` bytes at `at`, a multiple of eight, to the beginning of the target. They must fit. */
	copyTo(target: Target, at: number, length: number): void {
		if (length <= target.most) copyShort(this, at, target, length);
		else this.copyOut(at, target.bytes, 0, length);
	}

	/** Copies `length` bytes at `at` to `to` in the target, which is not an object of the caller. They must fit. */
	copyOut(at: number, target: Uint8Array, to: number, length: number): void {
		if (length > LOOP_OUT) {
			this.#buffer.copy(target, to, at, at + length);
			return;
		}
		const { words, bytes } = this;
		const whole = length & ~3;
		for (let i = 0; i < whole; i += 4) {
			const word = words[(at + i) >> 2] as number;
			target[to + i] = word;
			target[to + i + 1] = word >> 8;
			target[to + i + 2] = word >> 16;
			target[to + i + 3] = word >> 24;
		}
		for (let i = whole; i < length; i++) target[to + i] = bytes[at + i] as number;
	}

	/** Copies the bytes `start` to `end` of other records to `at`. */
	copyRecords(at: number, from: RecordBytes, start: number, end: number): void {
		from.#buffer.copy(this.bytes, at, start, end);
	}

	/** Writes a record's header. No receiver may look there yet: the store of head publishes it. */
	putHeader(at: number, length: number, kind: number): void {
		this.words[at >> 2] = length;
		this.words[(at >> 2) + 1] = kind;
	}

	/** A message's record, header first. No receiver may look there yet. */
	putMessage(at: number, bytes: Uint8Array, length: number): void {
		this.putHeader(at, length, RecordKind.message);
		this.copyIn(at + RECORD_BYTES, bytes, 0, length);
	}
}

/** The ring of a segment as one endpoint sees it. */
export class Ring extends RecordBytes {
	readonly units: number;
	readonly #mask: number;
	/** What {@link read} found. These are copies, which no other thread can change between check and use. */
	length = 0;
	kind = 0;

	constructor(segment: Segment) {
		super(segment.bytes.buffer, segment.bytes.byteOffset + segment.body, segment.capacity);
		this.units = segment.capacity / UNIT;
		this.#mask = this.units - 1;
	}

	/** The units of the record at a position, as its header says: a hint, unchecked. */
	unitsAt(position: number): number {
		return ringUnits(this.words[this.offset(position) >> 2] as number);
	}

	/** The byte offset of a position. */
	offset(position: number): number {
		return (position & this.#mask) << 3;
	}

	/** The units to skip so that `units` do not straddle the end: 0, or all units up to the end. */
	padding(position: number, units: number): number {
		const toEnd = this.units - (position & this.#mask);
		return units > toEnd ? toEnd : 0;
	}

	putPadding(position: number, units: number): void {
		this.putHeader(this.offset(position), units * UNIT - RECORD_BYTES, RecordKind.padding);
	}

	/**
	 * The length of the message at a position that lies before `head`, or -1: it is another record, or damage, which {@link read}
	 * tells apart. It writes no fields, because it is on the path of each message.
	 */
	lengthAt(position: number, head: number): number {
		const { words, units } = this;
		const unit = position & this.#mask;
		const length = words[unit << 1] as number;
		const needed = ringUnits(length);
		const known = (head - position) >>> 0;
		if (words[(unit << 1) + 1] !== RecordKind.message || length < 0 || known > units) return -1;
		return needed <= known && needed <= units - unit ? length : -1;
	}

	/**
	 * Reads the header of the record at a position that lies before `head`: its units, or 0 if this cannot be a record, which is
	 * damage. `afterOwner`: it may be a loan that has just become a message. A thread that sees the new kind then sees the payload
	 * and the length too. Records that head has published need no such order.
	 */
	read(position: number, head: number, afterOwner: boolean): number {
		const at = (position & this.#mask) << 1;
		const { words } = this;
		const kind = afterOwner ? Atomics.load(words, at + 1) : (words[at + 1] as number);
		const length = words[at] as number;
		this.kind = kind;
		this.length = length;
		const known = (head - position) >>> 0;
		if (kind < RecordKind.message || kind > RecordKind.fragment || known > this.units) return 0;
		const units = kind === RecordKind.owner ? 1 : ringUnits(length);
		return (length >= 0 || kind === RecordKind.owner) && units <= known && units <= this.units - (position & this.#mask)
			? units
			: 0;
	}
}
