/**
 * V8 compiles the copy of a bigint element to two moves, without a bigint. JavaScriptCore allocates the bigint, and takes longer for
 * each element of a view of a growable buffer.
 */
const isJavaScriptCore = process.versions.bun !== undefined;

/** Up to so many bytes a loop is faster than a call of the runtime, which takes 15 to 45 ns however few the bytes are. */
const MOST = isJavaScriptCore ? 40 : 320;

/** The same bytes in three ways. */
interface Views {
	readonly words: Int32Array;
	readonly longs: BigInt64Array;
	readonly bytes: Uint8Array;
}

/** Where a receiver copies messages to. */
export class Target implements Views {
	readonly bytes: Uint8Array;
	readonly words: Int32Array;
	readonly longs: BigInt64Array;
	/** Messages of at most so many bytes are copied by {@link copyShort}. 0: the target does not begin at a multiple of eight. */
	readonly most: number;

	/** `bytes` is not an object of the caller. */
	constructor(bytes: Uint8Array) {
		const { buffer, byteOffset, byteLength } = bytes;
		const isAligned = byteOffset % 8 === 0;
		this.bytes = bytes;
		this.words = new Int32Array(buffer, isAligned ? byteOffset : 0, isAligned ? byteLength >> 2 : 0);
		this.longs = new BigInt64Array(buffer, isAligned ? byteOffset : 0, isAligned ? byteLength >> 3 : 0);
		this.most = isAligned ? MOST : 0;
	}
}

function copyByWords(from: Views, at: number, to: Target, length: number): void {
	const source = from.words;
	const target = to.words;
	const end = length >> 2;
	let i = 0;
	let j = at >> 2;
	for (; i < end - 3; i += 4, j += 4) {
		target[i] = source[j] as number;
		target[i + 1] = source[j + 1] as number;
		target[i + 2] = source[j + 2] as number;
		target[i + 3] = source[j + 3] as number;
	}
	for (; i < end; i++, j++) target[i] = source[j] as number;
	const rest = length & 3;
	if (rest === 0) return;
	const { bytes } = to;
	const last = source[j] as number;
	i <<= 2;
	bytes[i] = last;
	if (rest > 1) bytes[i + 1] = last >> 8;
	if (rest > 2) bytes[i + 2] = last >> 16;
}

function copyByLongs(from: Views, at: number, to: Target, length: number): void {
	const source = from.longs;
	const target = to.longs;
	const end = length >> 3;
	let i = 0;
	let j = at >> 3;
	for (; i < end - 3; i += 4, j += 4) {
		target[i] = source[j] as bigint;
		target[i + 1] = source[j + 1] as bigint;
		target[i + 2] = source[j + 2] as bigint;
		target[i + 3] = source[j + 3] as bigint;
	}
	for (; i < end; i++, j++) target[i] = source[j] as bigint;
	const { bytes } = to;
	for (i <<= 3; i < length; i++) bytes[i] = from.bytes[at + i] as number;
}

/** Copies `length` bytes at `at`, a multiple of eight, to the beginning of the target. At most `to.most`, and they must fit. */
export const copyShort: (from: Views, at: number, to: Target, length: number) => void = isJavaScriptCore
	? copyByWords
	: copyByLongs;
