import { header, headerWord } from "@libipc/protocol";
import { type Blocks, blockWords, UNIT_WORDS } from "./blocks.ts";
import { BUCKET_COUNT, BUCKETS } from "./hub_layout.ts";

/**
 * Finds the block of a name: a hash table whose buckets are lists of blocks. Everything happens under the lock of names.
 *
 * A name is added by one store, to its bucket, and removed by one store, to the word that leads to it. So a kill leaves the name in
 * the table or not. A segment that is marked orphaned has no name any more, even if the table still leads to it: the mark removes the
 * name. If two blocks have one name, the first counts, which is the newer one: a leftover that is replaced keeps its name until the
 * new segment has it.
 */
export interface Key {
	readonly kind: number;
	readonly prefix: Uint8Array;
	readonly name: Uint8Array;
	readonly hash: number;
}

const encoder = new TextEncoder();

const PREFIX_BYTES = header.name - header.prefix;
const NAME_BYTES = 136;

/** FNV-1a. */
function hashOf(kind: number, parts: readonly Uint8Array[]): number {
	let hash = 0x811c9dc5 ^ kind;
	for (const part of parts) {
		for (const byte of part) hash = Math.imul(hash ^ byte, 0x01000193);
		hash = Math.imul(hash ^ 0xff, 0x01000193); // a byte that UTF-8 does not have
	}
	return hash;
}

export function keyOf(kind: number, prefix: string, name: string): Key {
	const key = { kind, prefix: encoder.encode(prefix), name: encoder.encode(name) };
	return { ...key, hash: hashOf(kind, [key.prefix, key.name]) };
}

/** The first word of a block's segment. */
export const firstWord = (unit: number): number => (unit + 1) * UNIT_WORDS;

const bucketOf = (hash: number): number => BUCKETS + ((hash ^ (hash >>> 16)) & (BUCKET_COUNT - 1));

function isText(bytes: Uint8Array, room: number, text: Uint8Array): boolean {
	if (text.length >= room || bytes[text.length] !== 0) return false;
	for (let i = 0; i < text.length; i++) if (bytes[i] !== text[i]) return false;
	return true;
}

function isBlockOf(blocks: Blocks, unit: number, key: Key): boolean {
	const { words } = blocks;
	if (words[unit * UNIT_WORDS + blockWords.hash] !== key.hash) return false;
	const first = firstWord(unit);
	if (words[first + headerWord.kind] !== key.kind) return false;
	if (Atomics.load(words, first + headerWord.orphaned) !== 0) return false;
	const bytes = new Uint8Array(blocks.buffer, first * 4, header.head);
	return (
		isText(bytes.subarray(header.prefix), PREFIX_BYTES, key.prefix) &&
		isText(bytes.subarray(header.name), NAME_BYTES, key.name)
	);
}

const textIn = (bytes: Uint8Array): Uint8Array => bytes.slice(0, Math.max(bytes.indexOf(0), 0));

/** The name that the segment of a block has, or had. */
export function keyIn(blocks: Blocks, unit: number): Key {
	const bytes = new Uint8Array(blocks.buffer, firstWord(unit) * 4, header.head);
	return {
		kind: blocks.words[firstWord(unit) + headerWord.kind] as number,
		prefix: textIn(bytes.subarray(header.prefix, header.name)),
		name: textIn(bytes.subarray(header.name)),
		hash: blocks.words[unit * UNIT_WORDS + blockWords.hash] as number,
	};
}

/** The block that has the name; 0: none. With `after`: the next such block behind it. */
export function findBlock(blocks: Blocks, key: Key, after = 0): number {
	const { words } = blocks;
	const nextOf = (unit: number): number => Atomics.load(words, unit * UNIT_WORDS + blockWords.next);
	let unit = after === 0 ? Atomics.load(words, bucketOf(key.hash)) : nextOf(after);
	while (unit !== 0 && !isBlockOf(blocks, unit, key)) unit = nextOf(unit);
	return unit;
}

/** Gives a block the name that is in its segment's header. */
export function addBlock(blocks: Blocks, unit: number, key: Key): void {
	const { words } = blocks;
	const bucket = bucketOf(key.hash);
	words[unit * UNIT_WORDS + blockWords.hash] = key.hash;
	Atomics.store(words, unit * UNIT_WORDS + blockWords.next, Atomics.load(words, bucket));
	Atomics.store(words, bucket, unit);
}

/** Removes a block from the table, if it is there. */
export function removeBlock(blocks: Blocks, unit: number): void {
	const { words } = blocks;
	let at = bucketOf(words[unit * UNIT_WORDS + blockWords.hash] as number);
	for (let next = Atomics.load(words, at); next !== 0; next = Atomics.load(words, at)) {
		const after = next * UNIT_WORDS + blockWords.next;
		if (next === unit) {
			Atomics.store(words, at, Atomics.load(words, after));
			return;
		}
		at = after;
	}
}
