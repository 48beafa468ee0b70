/** Values in parts, of which some are lost, or were posted before the object was made. */
import { expect, test } from "bun:test";
import { PartAssembly } from "./part_assembly.ts";

const part = (thread: bigint, index: number, parts: number, ...bytes: number[]) => ({
	...{ object: 0, thread, part: index, parts },
	payload: Uint8Array.from(bytes),
});
const nothing = { value: undefined, lost: 0 };
const whole = (...bytes: number[]) => ({ value: Uint8Array.from(bytes), lost: 0 });

test("parts of several senders are put together, each apart", () => {
	const it = new PartAssembly();
	expect(it.add(part(1n, 0, 3, 1))).toEqual(nothing);
	expect(it.add(part(2n, 0, 2, 7))).toEqual(nothing);
	expect(it.add(part(3n, 0, 1, 9))).toEqual(whole(9));
	expect(it.add(part(1n, 1, 3, 2))).toEqual(nothing);
	expect(it.add(part(2n, 1, 2, 8))).toEqual(whole(7, 8));
	expect(it.add(part(1n, 2, 3, 3))).toEqual(whole(1, 2, 3));
});

test("a value without one of its parts is lost, and the received parts are counted", () => {
	const it = new PartAssembly();
	it.add(part(1n, 0, 3, 1));
	it.noteLoss();
	expect(it.add(part(1n, 2, 3, 3))).toEqual({ value: undefined, lost: 2 });
	// The end is missing: the first part of the next value shows it.
	it.add(part(1n, 0, 3, 1));
	it.add(part(1n, 1, 3, 2));
	expect(it.add(part(1n, 0, 1, 5))).toEqual({ value: Uint8Array.of(5), lost: 2 });
	// The beginning is missing.
	expect(it.add(part(2n, 1, 3, 2))).toEqual(nothing);
	expect(it.add(part(2n, 2, 3, 3))).toEqual({ value: undefined, lost: 2 });
	expect(it.add(part(2n, 0, 2, 4))).toEqual(nothing);
	expect(it.add(part(2n, 1, 2, 5))).toEqual(whole(4, 5));
});

test("a value that was posted before is not lost", () => {
	const it = new PartAssembly();
	expect(it.add(part(1n, 1, 3, 2))).toEqual(nothing);
	expect(it.add(part(1n, 2, 3, 3))).toEqual(nothing);
	expect(it.add(part(2n, 1, 3, 2))).toEqual(nothing);
	expect(it.add(part(2n, 0, 1, 6))).toEqual(whole(6));
});
