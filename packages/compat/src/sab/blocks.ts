import { sharedBuffer } from "@libipc/core/api";
import { FIRST_UNIT, hubWord, UNIT_BYTES } from "./hub_layout.ts";

/**
 * The hub's memory for segments: a chain of blocks, one after another, from {@link FIRST_UNIT} on. The first word of a block has
 * its size in units and whether it is used. A word of 0, or the buffer's end, ends the chain. Everything happens under the lock of names.
 *
 * *What a kill leaves:* every change of the chain is one store of one such word, and the chain is valid before and after it. What is
 * written before that store lies where no thread looks yet: inside a free block, or past the end. Words that must not be wrong are
 * stored with a safe value first: `firstFree` too low, `touched` too high.
 *
 * A block's first unit holds its size, the words of name_table.ts, and the holds of threads. The segment follows it.
 */
const FREE = 1;
const USED = 2;
const STATES = 3;
const SIZE_SHIFT = 2;

export const UNIT_WORDS: number = UNIT_BYTES >> 2;

/** Words of a block's first unit. */
export const blockWords = {
	sizeAndState: 0,
	/** The next block in the bucket, as a unit; 0: none. */
	next: 1,
	/** Of the name. */
	hash: 2,
	/** From this unit on the block was all zeros when it was allocated. */
	zerosFrom: 3,
	/** One word for each slot of a thread: the instance of the thread, as long as it may use the segment. */
	holds: 16,
} as const;

/** A page takes memory only when it is used. */
const GROWTH_UNITS = 1024;

export class Blocks {
	readonly buffer: SharedArrayBuffer;
	readonly #growth: number;
	#words: Int32Array;

	/** `growth`: the buffer grows by so many units more than needed. */
	constructor(buffer: SharedArrayBuffer, growth: number = GROWTH_UNITS) {
		this.buffer = buffer;
		this.#growth = growth;
		this.#words = new Int32Array(buffer, 0, sharedBuffer.byteLength(buffer) / 4);
	}

	/** The whole buffer as it is now. The view has a fixed length: such a view is faster than one that follows the buffer's growth. */
	get words(): Int32Array {
		const byteLength = sharedBuffer.byteLength(this.buffer);
		if (this.#words.byteLength !== byteLength) this.#words = new Int32Array(this.buffer, 0, byteLength / 4);
		return this.#words;
	}

	#word(unit: number): number {
		const index = unit * UNIT_WORDS;
		const { words } = this;
		return index < words.length ? Atomics.load(words, index) : 0;
	}

	#store(unit: number, size: number, state: number): void {
		Atomics.store(this.words, unit * UNIT_WORDS, (size << SIZE_SHIFT) | state);
	}

	sizeOf(unit: number): number {
		return this.#word(unit) >>> SIZE_SHIFT;
	}

	/** Whether the word of the unit says that a used block begins there. */
	isUsed(unit: number): boolean {
		return (this.#word(unit) & STATES) === USED;
	}

	/** The used blocks, in order. A block may be freed while it is the current one. */
	*used(): IterableIterator<number> {
		for (let at = FIRST_UNIT, word = this.#word(at); word !== 0; word = this.#word(at)) {
			const size = word >>> SIZE_SHIFT;
			if ((word & STATES) === USED) yield at;
			at += size;
		}
	}

	/** Where the chain ends. */
	end(): number {
		let at = FIRST_UNIT;
		for (let size = this.sizeOf(at); size !== 0; size = this.sizeOf(at)) at += size;
		return at;
	}

	/** Merges a free block with the free blocks that follow; returns its size. `firstFree` is none of those, because it is not past this block. */
	#merge(unit: number): number {
		let size = this.sizeOf(unit);
		for (;;) {
			const next = unit + size;
			const word = this.#word(next);
			if ((word & STATES) !== FREE) return size;
			size += word >>> SIZE_SHIFT;
			this.#store(unit, size, FREE);
		}
	}

	/**
	 * Allocates a block of so many units. Its first unit is zeros, except for the words that describe the block. Returns its unit; -1:
	 * there is no room. The buffer grows only if `grow` is true.
	 */
	allocate(units: number, grow: boolean): number {
		let at = this.words[hubWord.firstFree] as number;
		let first = -1;
		for (let word = this.#word(at); word !== 0; word = this.#word(at)) {
			if ((word & STATES) === FREE) {
				const size = this.#merge(at);
				if (first < 0) {
					first = at;
					Atomics.store(this.words, hubWord.firstFree, at);
				}
				if (size >= units) return this.#take(at, size, units);
				if (this.#word(at + size) === 0) return this.#append(at, units, grow);
				at += size;
			} else at += word >>> SIZE_SHIFT;
		}
		if (first < 0) Atomics.store(this.words, hubWord.firstFree, at);
		return this.#append(at, units, grow);
	}

	/** `unit` is the end of the chain, or its last block, which is free. */
	#append(unit: number, units: number, grow: boolean): number {
		const size = this.#lengthen(unit, units, grow);
		return size < units ? -1 : this.#take(unit, size, units);
	}

	/** Makes it one free block of at least `units`, up to the end of the buffer, if possible; returns its size, 0 if there is none. */
	#lengthen(unit: number, units: number, grow: boolean): number {
		const { buffer } = this;
		const most = Math.floor(sharedBuffer.maxByteLength(buffer) / UNIT_BYTES) - unit;
		let available = Math.floor(sharedBuffer.byteLength(buffer) / UNIT_BYTES) - unit;
		if (available < units) {
			if (!grow || most < units) return this.sizeOf(unit);
			available = Math.min(most, units + this.#growth);
			try {
				sharedBuffer.grow(buffer, (unit + available) * UNIT_BYTES);
			} catch {
				return this.sizeOf(unit); // the system has no more
			}
		}
		// Its word is not zero any more, and lies inside a block once the block is merged with the one before it.
		this.#touch(unit + 1);
		this.#store(unit, available, FREE);
		return available;
	}

	/** Takes the first `units` of a free block. */
	#take(unit: number, size: number, units: number): number {
		const { words } = this;
		const start = unit * UNIT_WORDS;
		words.fill(0, start + 1, start + UNIT_WORDS);
		words[start + blockWords.zerosFrom] = this.#split(unit, size, units);
		this.#store(unit, units, USED);
		return unit;
	}

	/**
	 * Makes a free block of what lies behind the first `units` of a block, if there is anything. Returns the unit from which on there
	 * were zeros before.
	 */
	#split(unit: number, size: number, units: number): number {
		const rest = size - units;
		const zerosFrom = this.#touch(unit + units + (rest > 0 ? 1 : 0));
		if (rest > 0) this.#store(unit + units, rest, FREE);
		return zerosFrom;
	}

	/** Everything before `end` may be written from now on. Returns the unit from which on there were zeros before. */
	#touch(end: number): number {
		const { words } = this;
		const before = Atomics.load(words, hubWord.touched);
		if (end > before) Atomics.store(words, hubWord.touched, end);
		return before;
	}

	/** Frees a block that no thread uses any more. */
	free(unit: number): void {
		const { words } = this;
		// For a moment this is a used block, but it is one at which a block begins.
		if (Atomics.load(words, hubWord.firstFree) > unit) Atomics.store(words, hubWord.firstFree, unit);
		this.#store(unit, this.sizeOf(unit), FREE);
		this.#merge(unit);
	}

	/** Extends a used block by free space behind it: whether there was enough. The new units need not be zeros. */
	extend(unit: number, units: number): boolean {
		const { words } = this;
		const size = this.sizeOf(unit);
		if (size >= units) return true;
		const next = unit + size;
		let free = 0;
		if ((this.#word(next) & STATES) === FREE) free = this.#merge(next);
		if (size + free < units && this.#word(next + free) === 0) free = this.#lengthen(next, units - size, true);
		if (size + free < units) return false;
		const zerosFrom = this.#split(unit, size + free, units);
		if (next < zerosFrom) words[unit * UNIT_WORDS + blockWords.zerosFrom] = zerosFrom;
		// The free block no longer exists.
		if (Atomics.load(words, hubWord.firstFree) === next) Atomics.store(words, hubWord.firstFree, unit);
		this.#store(unit, units, USED);
		return true;
	}

	/** Fills bytes of a used block with zeros, as far as they may be something else. The offsets count from its start. */
	clear(unit: number, from: number, to: number): void {
		const start = unit * UNIT_BYTES;
		const zerosFrom = (this.words[unit * UNIT_WORDS + blockWords.zerosFrom] as number) * UNIT_BYTES;
		const end = Math.min(start + to, zerosFrom);
		if (end > start + from) fillZeros(this.buffer, start + from, end);
	}
}

/** In V8 a fill of shared memory takes one step for each element, so larger elements are faster. */
function fillZeros(buffer: SharedArrayBuffer, start: number, end: number): void {
	const bytes = (from: number, to: number): unknown => new Uint8Array(buffer, from, to - from).fill(0);
	const first = Math.ceil(start / 8) * 8;
	const last = Math.floor(end / 8) * 8;
	if (first >= last) {
		bytes(start, end);
		return;
	}
	bytes(start, first);
	new Float64Array(buffer, first, (last - first) / 8).fill(0);
	bytes(last, end);
}
