/** Messages of every length are copied whole into targets of every alignment, and nothing beside them is written. */
import { describe, expect, test } from "bun:test";
import { RecordBytes } from "./ring.ts";
import { Target } from "./target.ts";

const LONGEST = 400;
const UNTOUCHED = 0xee;
const bytes = new Uint8Array(LONGEST + 64).map((_, i) => (i * 7 + 1) & 0xff);
const lengths = Array.from({ length: LONGEST + 1 }, (_, length) => length);

describe.each([0, 1, 4, 7, 8])("a target that begins at byte %d", (start) => {
	test.each([
		["fixed", () => new ArrayBuffer(LONGEST + 32)],
		["shared", () => new SharedArrayBuffer(LONGEST + 32)],
		["resizable", () => new ArrayBuffer(LONGEST + 32, { maxByteLength: 4096 })],
	] as const)("of a %s buffer gets exactly the bytes of the message", (_, create) => {
		const buffer = create();
		const all = new Uint8Array(buffer);
		const records = new RecordBytes(bytes.slice().buffer, 0, bytes.byteLength);
		for (const length of lengths) {
			all.fill(UNTOUCHED);
			records.copyTo(new Target(new Uint8Array(buffer, start, length)), 16, length);
			expect(all.subarray(start, start + length)).toEqual(bytes.subarray(16, 16 + length));
			expect(all.subarray(0, start).every((byte) => byte === UNTOUCHED)).toBe(true);
			expect(all.subarray(start + length).every((byte) => byte === UNTOUCHED)).toBe(true);
		}
	});
});
