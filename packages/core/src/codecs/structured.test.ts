import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { seededRandom } from "@libipc/testing/random";
import { structured } from "./structured.ts";
import { damaged } from "./testing/damaged.ts";
import { randomTree, randomValue } from "./testing/random_value.ts";

const codec = structured<unknown>();
const encode = codec.encode as (value: unknown) => Uint8Array;
const bytesOf = (value: unknown): Uint8Array => encode(value).slice();
const clone = (value: unknown): unknown => codec.decode(bytesOf(value));

/** Executions with damaged messages: LIBIPC_CODEC_FUZZ=1000000 for a long run. */
const EXECUTIONS = Number(process.env.LIBIPC_CODEC_FUZZ ?? 20_000);

const shown = (value: unknown): string =>
	inspect(value, { depth: Infinity, maxArrayLength: null, maxStringLength: null });

describe("the codec structured", () => {
	test("copies what structuredClone copies", () => {
		const random = seededRandom(1);
		for (let i = 0; i < 3000; i++) {
			const value = randomTree(random, 4);
			expect(shown(clone(value))).toBe(shown(value));
		}
	});

	test("copies what refers to itself as structuredClone does", () => {
		const random = seededRandom(2);
		for (let i = 0; i < 3000; i++) {
			const value = randomValue(random, 4);
			expect(bytesOf(clone(value))).toEqual(bytesOf(structuredClone(value)));
		}
	});

	test("keeps circles, and objects that occur twice", () => {
		const twice = { x: 1 };
		const circle: Record<string, unknown> = { a: twice, b: [twice, twice], set: new Set([twice]) };
		circle.self = circle;
		circle.map = new Map<unknown, unknown>([[circle, circle]]);
		const copy = clone(circle) as typeof circle & { b: unknown[]; map: Map<unknown, unknown>; set: Set<unknown> };
		expect(copy.self).toBe(copy);
		expect(copy.b[0]).toBe(copy.a);
		expect(copy.b[1]).toBe(copy.a);
		expect(copy.set.has(copy.a)).toBe(true);
		expect(copy.map.get(copy)).toBe(copy);
		const error = new Error("its cause is itself");
		error.cause = error;
		const copied = clone(error) as Error;
		expect(copied.cause).toBe(copied);
	});

	test("keeps the class, the text, the stack and the cause of an error", () => {
		const error = new RangeError("too large", { cause: new TypeError("inner", { cause: 5 }) });
		const copy = clone(error) as RangeError & { cause: TypeError };
		expect(copy).toBeInstanceOf(RangeError);
		expect([copy.message, copy.stack, copy.cause.message, copy.cause.cause]).toEqual([
			error.message,
			error.stack,
			"inner",
			5,
		]);
		expect(Object.keys(copy)).toEqual([]);
		class OwnError extends Error {
			override readonly name = "OwnError";
		}
		expect((clone(new OwnError("own")) as Error).name).toBe("Error");
	});

	test("keeps holes, in short and in very long arrays", () => {
		const short: unknown[] = [1];
		short[2] = undefined;
		short.length = 5;
		const copy = clone(short) as unknown[];
		expect(Object.keys(copy)).toEqual(["0", "2"]);
		expect(copy).toHaveLength(short.length);
		const long: unknown[] = [];
		long[4_000_000_000] = "last";
		long[17] = long;
		expect(bytesOf(long).byteLength).toBeLessThan(100);
		const again = clone(long) as unknown[];
		expect(again).toHaveLength(4_000_000_001);
		expect(Object.keys(again)).toEqual(["17", "4000000000"]);
		expect(again[17]).toBe(again);
	});

	test("sends only the bytes of a view, and of a class its own properties", () => {
		const part = new Uint8Array(new ArrayBuffer(1 << 20), 100, 3).fill(7);
		expect(bytesOf(part).byteLength).toBeLessThan(10);
		expect(clone(part)).toStrictEqual(Uint8Array.of(7, 7, 7));
		expect(clone(Buffer.from("abc"))).toStrictEqual(Uint8Array.of(97, 98, 99));
		class Point {
			readonly x = 1;
			get sum(): number {
				return this.x;
			}
		}
		expect(clone(new Point())).toStrictEqual({ x: 1 });
	});

	test("a key that is called __proto__ is a property", () => {
		const value = JSON.parse('{"__proto__":{"isAdmin":true}}');
		const copy = clone(value) as { isAdmin?: boolean };
		expect(Object.keys(copy)).toEqual(["__proto__"]);
		expect(copy.isAdmin).toBeUndefined();
	});

	test.each([
		["a function", () => {}, /function/],
		["a symbol in an object", { a: Symbol("s") }, /symbol/],
		["a WeakMap", new WeakMap(), /WeakMap/],
		["a promise", Promise.resolve(), /Promise/],
		["a SharedArrayBuffer", new SharedArrayBuffer(8), /SharedArrayBuffer/],
		["a URL", new URL("http://x"), /URL/],
	])("%s is refused", (_, value, message) => {
		expect(() => codec.encode?.(value)).toThrow(message);
		expect(clone("after it")).toBe("after it");
	});

	test("a getter may send other values meanwhile", () => {
		let inner: unknown;
		const value = {
			before: "x".repeat(100),
			get nested(): number {
				inner = clone({ deep: ["y".repeat(300)] });
				return 1;
			},
			after: [1, 2, 3],
		};
		expect(clone(value)).toStrictEqual({ before: "x".repeat(100), nested: 1, after: [1, 2, 3] });
		expect(inner).toStrictEqual({ deep: ["y".repeat(300)] });
	});

	test("the format stays what it is", () => {
		const value = {
			n: [1, -1, 2.5, "é", 10n, null],
			m: new Map([["k", new Set([true])]]),
			d: new Date(1000),
			b: Uint8Array.of(1, 2),
		};
		expect(Buffer.from(bytesOf(value)).toString("hex")).toBe(
			"010a0406016e0b060402040105000000000000044006" +
				"02c3a90800010a01" +
				"06016d0e0106016b0f0102" +
				"060164100000000000408f40" +
				"060162140102" +
				"0102",
		);
	});

	test("damaged messages are refused, and nothing is read past the end", () => {
		const random = seededRandom(7);
		const valid = Array.from({ length: 50 }, () => bytesOf(randomValue(random, 3)));
		let read = 0;
		for (let i = 0; i < EXECUTIONS; i++) {
			try {
				codec.decode(damaged(valid[random(valid.length)] as Uint8Array, random));
				read++;
			} catch (error) {
				// A RangeError, or what a RegExp, a BigInt or a string that is not UTF-8 throws.
				expect(error).toBeInstanceOf(Error);
			}
		}
		// Some changes make another valid message.
		expect(read).toBeGreaterThan(0);
		expect(read).toBeLessThan(EXECUTIONS);
	}, 600_000);

	test("every beginning of a message is refused", () => {
		const bytes = bytesOf([1, "two", new Map([[3n, new Date(4)]]), Uint8Array.of(5), { six: /7/g }]);
		for (let length = 0; length < bytes.byteLength; length++)
			expect(() => codec.decode(bytes.subarray(0, length))).toThrow(RangeError);
		expect(() => codec.decode(Uint8Array.of(...bytes, 0))).toThrow(/behind the value/);
	});
});
