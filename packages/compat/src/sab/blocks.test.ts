import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Blocks, UNIT_WORDS } from "./blocks.ts";
import { createHub } from "./hub.ts";
import { FIRST_UNIT, hubWord, UNIT_BYTES } from "./hub_layout.ts";
import { killedAt } from "./testing/kill.ts";

// Others may be using the machine, too.
setDefaultTimeout(300_000);

const MOST = FIRST_UNIT + 1024;

const newBlocks = (most = MOST, growth = 1024): Blocks =>
	new Blocks(createHub(new SharedArrayBuffer(FIRST_UNIT * UNIT_BYTES, { maxByteLength: most * UNIT_BYTES })), growth);

function copyOf({ buffer }: Blocks): Blocks {
	const copy = new SharedArrayBuffer(buffer.byteLength, { maxByteLength: buffer.maxByteLength });
	new Uint8Array(copy).set(new Uint8Array(buffer));
	return new Blocks(copy, 0);
}

/** The chain, checked: [unit, size, used]. */
function chainOf(blocks: Blocks): [number, number, boolean][] {
	const chain: [number, number, boolean][] = [];
	let at = FIRST_UNIT;
	for (let size = blocks.sizeOf(at); size !== 0; size = blocks.sizeOf(at)) {
		chain.push([at, size, blocks.isUsed(at)]);
		at += size;
	}
	expect(at).toBe(blocks.end());
	expect(at * UNIT_BYTES).toBeLessThanOrEqual(blocks.buffer.byteLength);
	// Where it is looked for first there is a block, or the end, and nothing free before it.
	const firstFree = blocks.words[hubWord.firstFree] as number;
	expect([...chain.map(([unit]) => unit), at]).toContain(firstFree);
	expect(chain.filter(([unit, , used]) => !used && unit < firstFree)).toEqual([]);
	return chain;
}

const usedIn = (blocks: Blocks): number[] =>
	chainOf(blocks)
		.filter(([, , used]) => used)
		.map(([unit]) => unit);

/** What its segment would have: everything behind the first unit, once what may be in use was cleared. */
function contentsOf(blocks: Blocks, unit: number): Uint8Array {
	const size = blocks.sizeOf(unit);
	blocks.clear(unit, UNIT_BYTES, size * UNIT_BYTES);
	return new Uint8Array(blocks.buffer, (unit + 1) * UNIT_BYTES, (size - 1) * UNIT_BYTES);
}

/** A sequence that is the same each time. */
function numbers(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor((state / 2 ** 32) * below);
	};
}

const ZEROS = new Uint8Array(MOST * UNIT_BYTES);

const isZeros = (bytes: Uint8Array): boolean => Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;

describe("blocks of the hub", () => {
	test("are allocated side by side, and again after they were freed", () => {
		const blocks = newBlocks();
		const units = [4, 5, 6].map((size) => blocks.allocate(size, true));
		expect(units).toEqual([FIRST_UNIT, FIRST_UNIT + 4, FIRST_UNIT + 9]);
		blocks.free(units[1] as number);
		expect(blocks.allocate(5, true)).toBe(FIRST_UNIT + 4);
		blocks.free(FIRST_UNIT);
		blocks.free(FIRST_UNIT + 4);
		expect(blocks.allocate(9, false)).toBe(FIRST_UNIT);
		expect(usedIn(blocks)).toEqual([FIRST_UNIT, FIRST_UNIT + 9]);
	});

	test("fill the buffer up to its maximum length", () => {
		const blocks = newBlocks(FIRST_UNIT + 100);
		expect(blocks.allocate(101, true)).toBe(-1);
		expect(blocks.allocate(60, true)).toBe(FIRST_UNIT);
		expect(blocks.allocate(41, true)).toBe(-1);
		expect(blocks.allocate(40, true)).toBe(FIRST_UNIT + 60);
		expect(blocks.allocate(1, true)).toBe(-1);
		blocks.free(FIRST_UNIT);
		blocks.free(FIRST_UNIT + 60);
		expect(blocks.allocate(100, true)).toBe(FIRST_UNIT);
	});

	test("grow the buffer only if the caller allows it", () => {
		const blocks = newBlocks();
		expect(blocks.allocate(4, false)).toBe(-1);
		expect(blocks.allocate(4, true)).toBe(FIRST_UNIT);
		expect(blocks.allocate(4, false)).toBe(FIRST_UNIT + 4);
	});

	test("grow into free space behind them", () => {
		const blocks = newBlocks(FIRST_UNIT + 100);
		const [first, second] = [blocks.allocate(10, true), blocks.allocate(10, true)];
		expect(blocks.extend(first, 11)).toBe(false);
		expect(blocks.extend(second, 30)).toBe(true);
		expect(blocks.sizeOf(second)).toBe(30);
		expect(blocks.extend(second, 90)).toBe(true);
		expect(blocks.extend(second, 91)).toBe(false);
		blocks.free(second);
		expect(blocks.extend(first, 100)).toBe(true);
		expect(usedIn(blocks)).toEqual([first]);
	});

	test.each([0, 1, 1024])("are zeros when they are cleared, or new, where the buffer grows by %d", (growth) => {
		const blocks = newBlocks(MOST, growth);
		const next = numbers(7);
		const used: number[] = [];
		for (let step = 0; step < 600; step++) {
			const index = next(used.length);
			if (used.length > 0 && next(2) === 0) {
				blocks.free(used[index] as number);
				used.splice(index, 1);
				continue;
			}
			if (used.length > 0 && next(4) === 0) {
				const unit = used[index] as number;
				const before = blocks.sizeOf(unit);
				const wanted = before + next(20);
				if (!blocks.extend(unit, wanted)) continue;
				blocks.clear(unit, before * UNIT_BYTES, wanted * UNIT_BYTES);
				expect(
					isZeros(new Uint8Array(blocks.buffer, (unit + before) * UNIT_BYTES, (wanted - before) * UNIT_BYTES)),
				).toBe(true);
			} else {
				const unit = blocks.allocate(1 + next(30), true);
				used.push(unit);
				const contents = contentsOf(blocks, unit);
				expect(isZeros(contents)).toBe(true);
				contents.fill(0xee);
			}
			expect(usedIn(blocks)).toEqual(used.toSorted((a, b) => a - b));
		}
	});

	test("are cleared exactly to the byte", () => {
		const blocks = newBlocks();
		blocks.free(blocks.allocate(4, true));
		const unit = blocks.allocate(3, true);
		const bytes = new Uint8Array(blocks.buffer, unit * UNIT_BYTES + 5000, 64);
		for (let from = 0; from < 20; from++)
			for (let to = from; to < 40; to++) {
				bytes.fill(1);
				blocks.clear(unit, 5000 + from, 5000 + to);
				expect(bytes.indexOf(0)).toBe(from === to ? -1 : from);
				expect(bytes.filter((byte) => byte === 0).length).toBe(to - from);
				expect(bytes.subarray(to).includes(0)).toBe(false);
			}
	});

	test("new memory is not written to make it zeros", () => {
		const blocks = newBlocks();
		const unit = blocks.allocate(8, true);
		// Were it written to, this would be gone.
		new Uint8Array(blocks.buffer, (unit + 2) * UNIT_BYTES, 1).fill(1);
		blocks.clear(unit, UNIT_BYTES, 8 * UNIT_BYTES);
		expect(blocks.words[(unit + 2) * UNIT_WORDS]).toBe(1);
	});
});

describe("blocks of the hub, after a kill before any store", () => {
	/** Every operation, in every situation that a random past leads to; then all that must still be possible. */
	test("are valid, and other blocks lose nothing", () => {
		const next = numbers(11);
		let kills = 0;
		for (let round = 0; round < 30; round++) {
			const blocks = newBlocks(FIRST_UNIT + 400, [0, 3, 1024][round % 3]);
			const used: number[] = [];
			for (let step = 0; step < 20; step++) {
				const index = next(used.length);
				if (used.length > 0 && next(3) === 0) {
					blocks.free(used[index] as number);
					used.splice(index, 1);
				} else {
					const unit = blocks.allocate(1 + next(40), true);
					if (unit >= 0) used.push(unit);
				}
			}
			const target = used[next(used.length)] as number;
			const size = 1 + next(60);
			const operations = [
				{ run: (on: Blocks) => on.allocate(size, true), keeps: used },
				{ run: (on: Blocks) => on.free(target), keeps: used.filter((unit) => unit !== target) },
				{ run: (on: Blocks) => on.extend(target, on.sizeOf(target) + size), keeps: used },
			];
			for (const { run, keeps } of operations)
				for (let at = 0; ; at++) {
					const copy = copyOf(blocks);
					if (!killedAt(at, () => run(copy))) break;
					kills++;
					const left = usedIn(copy);
					expect(keeps.filter((unit) => !left.includes(unit))).toEqual([]);
					for (const unit of keeps) expect(copy.sizeOf(unit)).toBeGreaterThanOrEqual(blocks.sizeOf(unit));
					for (const unit of usedIn(copy)) copy.free(unit);
					expect(copy.allocate(400, true)).toBe(FIRST_UNIT);
					expect(isZeros(contentsOf(copy, FIRST_UNIT))).toBe(true);
				}
		}
		expect(kills).toBeGreaterThan(100);
	});
});
