/**
 * 64-bit words of a header as numbers, read and written by halves: a BigInt costs ten times as much, and is allocated. The numbers
 * are exact below 2^53, which no valid position or count reaches. Damaged words may be larger: their numbers are inexact but finite.
 */
const HALF = 2 ** 32;

export const lowOf = (value: number): number => value | 0;
export const highOf = (value: number): number => Math.floor(value / HALF) | 0;
export const longOf = (low: number, high: number): number => (high >>> 0) * HALF + (low >>> 0);

/** How often the halves of a word may change while they are read. More often is damage. */
const TRIES = 16;

/** Of a word that no thread changes meanwhile: the caller holds the lock under which it changes. */
export const plainLong = (words: Int32Array, index: number): number =>
	longOf(words[index] as number, words[index + 1] as number);

/**
 * Of a word that grows, and sometimes falls by at most `fall`: two halves that belong together. If the low half is farther than that
 * from both ends, the high half was the same when the low one was read.
 */
export function loadFallingLong(words: Int32Array, longs: BigInt64Array, index: number, fall: number): number {
	const value = loadLong(words, index);
	const low = value % HALF;
	if (low >= fall && low < HALF - fall) return value;
	return Number(BigInt.asUintN(64, Atomics.load(longs, index >> 1)));
}

/** Of a word that only grows: two halves that belong together. */
export function loadLong(words: Int32Array, index: number): number {
	let high = Atomics.load(words, index + 1);
	for (let tries = 0; tries < TRIES; tries++) {
		const low = Atomics.load(words, index);
		const again = Atomics.load(words, index + 1);
		if (again === high) return longOf(low, high);
		high = again;
	}
	return longOf(Atomics.load(words, index), high);
}

/** By the only thread that may change the word. Both halves change in one store, so a kill leaves the old value or the new one. */
export function storeLong(words: Int32Array, longs: BigInt64Array, index: number, value: number): void {
	if (words[index + 1] === highOf(value)) Atomics.store(words, index, lowOf(value));
	else Atomics.store(longs, index >> 1, BigInt.asIntN(64, BigInt(value)));
}
