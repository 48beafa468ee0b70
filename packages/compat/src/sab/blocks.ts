import { FIRST_UNIT, hubWord, UNIT_BYTES } from "./hub_layout.ts";

/**
 * The hub's memory for segments: a chain of blocks, one after another, from {@link FIRST_UNIT} on. A block's first word has
 * its size in units and whether it is used; a word of 0, or the buffer's end, ends the chain. All under the lock of names.
 *
 * *Killed anywhere:* every change of the chain is one store of one such word, and a chain is whole before and after it.
 * What is written before that store lies where nobody looks yet: inside a free block, or past the end. What must not be
 * wrong is stored on the safe side first: `firstFree` too low, `touched` too high.
 *
 * A block's first unit is its own: size, what name_table.ts keeps there, and the holds of threads. The segment follows.
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
	/** From this unit on it was all zeros when it was taken. */
	zerosFrom: 3,
	/** One word for each place of a thread: its instance, as long as it may touch the segment. */
	holds: 16,
} as const;

/** Pages are only taken when they are touched. */
const GROWTH_UNITS = 1024;

export class Blocks {
	readonly buffer: SharedArrayBuffer;
	readonly #growth: number;
	#words: Int32Array;

	/** `growth`: so many units more than needed are added at a time. */
	constructor(buffer: SharedArrayBuffer, growth: number = GROWTH_UNITS) {
		this.buffer = buffer;
		this.#growth = growth;
		this.#words = new Int32Array(buffer, 0, buffer.byteLength / 4);
	}

	/** All there is by now. Of fixed length: what is made of it is faster than what follows the buffer's growth. */
	get words(): Int32Array {
		if (this.#words.byteLength !== this.buffer.byteLength)
			this.#words = new Int32Array(this.buffer, 0, this.buffer.byteLength / 4);
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

	/** Whether a block begins at the unit, as far as its word tells, and is used. */
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

	/** Makes one of a free block and those free ones that follow; answers its size. `firstFree` is none of those: it is not past this one. */
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
	 * Takes a block of so many units, the first one its own, which is zeros but for what is told of the block. Answers where it is;
	 * -1: there is none (`grow` false: without making the buffer larger).
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

	/** At `unit` is the end of the chain, or its last block, which is free. */
	#append(unit: number, units: number, grow: boolean): number {
		const size = this.#lengthen(unit, units, grow);
		return size < units ? -1 : this.#take(unit, size, units);
	}

	/** Makes that one free block of at least `units`, up to the end of the buffer, if it can; answers its size, 0 if there is none. */
	#lengthen(unit: number, units: number, grow: boolean): number {
		const { buffer } = this;
		const most = Math.floor(buffer.maxByteLength / UNIT_BYTES) - unit;
		let available = Math.floor(buffer.byteLength / UNIT_BYTES) - unit;
		if (available < units) {
			if (!grow || most < units) return this.sizeOf(unit);
			available = Math.min(most, units + this.#growth);
			try {
				buffer.grow((unit + available) * UNIT_BYTES);
			} catch {
				return this.sizeOf(unit); // the system has no more
			}
		}
		// Its word, which is not zero any more, lies inside once it is merged with what is before it.
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
	 * Writes the word of what is to be a block of its own behind the first `units` of one, if there is something. Answers from
	 * where there were zeros before.
	 */
	#split(unit: number, size: number, units: number): number {
		const rest = size - units;
		const zerosFrom = this.#touch(unit + units + (rest > 0 ? 1 : 0));
		if (rest > 0) this.#store(unit + units, rest, FREE);
		return zerosFrom;
	}

	/** All before `end` may be written to from now on. Answers from where there were zeros before that. */
	#touch(end: number): number {
		const { words } = this;
		const before = Atomics.load(words, hubWord.touched);
		if (end > before) Atomics.store(words, hubWord.touched, end);
		return before;
	}

	/** Nobody looks at it any more. */
	free(unit: number): void {
		const { words } = this;
		// A used block, for a moment: it is one at which a block begins.
		if (Atomics.load(words, hubWord.firstFree) > unit) Atomics.store(words, hubWord.firstFree, unit);
		this.#store(unit, this.sizeOf(unit), FREE);
		this.#merge(unit);
	}

	/** Makes a used block larger by what is free behind it: whether there was enough. What is new is not zeros. */
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
		// The free block is one no more.
		if (Atomics.load(words, hubWord.firstFree) === next) Atomics.store(words, hubWord.firstFree, unit);
		this.#store(unit, units, USED);
		return true;
	}

	/** Makes bytes of a used block zeros, as far as they may be anything else. Offsets from its start. */
	clear(unit: number, from: number, to: number): void {
		const start = unit * UNIT_BYTES;
		const zerosFrom = (this.words[unit * UNIT_WORDS + blockWords.zerosFrom] as number) * UNIT_BYTES;
		const end = Math.min(start + to, zerosFrom);
		if (end > start + from) fillZeros(this.buffer, start + from, end);
	}
}

/** In V8 a fill of shared memory takes a step for each element: large ones are faster. */
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
