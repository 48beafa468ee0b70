/**
 * 64-bit words of a header as numbers, read and written by halves: a BigInt costs ten times as much, and is garbage. Whole
 * below 2^53, which no sound position or count reaches; past that, damage, they are inexact but finite.
 */
const HALF = 2 ** 32;

export const lowOf = (value: number): number => value | 0;
export const highOf = (value: number): number => Math.floor(value / HALF) | 0;
export const longOf = (low: number, high: number): number => (high >>> 0) * HALF + (low >>> 0);

/** How often the halves of a word may change while they are read: more than that is damage. */
const TRIES = 16;

/** Of a word that nobody changes meanwhile, or under the lock that those who change it hold. */
export const plainLong = (words: Int32Array, index: number): number =>
	longOf(words[index] as number, words[index + 1] as number);

/** Of a word that only grows: halves that belong together. */
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

/** By the only one who may change the word. It changes at once, so that who is killed in here leaves the old or the new. */
export function storeLong(words: Int32Array, longs: BigInt64Array, index: number, value: number): void {
	if (words[index + 1] === highOf(value)) Atomics.store(words, index, lowOf(value));
	else Atomics.store(longs, index >> 1, BigInt.asIntN(64, BigInt(value)));
}
