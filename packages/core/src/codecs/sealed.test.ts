import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { scale } from "@libipc/testing/scale";
import { Nonces, SeenStreams } from "./seal/nonces.ts";
import { fuzzSealed } from "./testing/fuzz_sealed.ts";

describe("the nonces of sealed messages", () => {
	test("have one stream number, and count; after the last number another stream begins", () => {
		const nonces = new Nonces(0xffff_fffd);
		const next = () => Buffer.from(nonces.next()).toString("hex");
		expect(next().slice(16)).toBe("feffffff");
		expect(next().slice(16)).toBe("ffffffff");
		const first = next();
		expect(first.slice(16)).toBe("00000000");
		expect(first.slice(0, 16)).not.toBe("0".repeat(16));
		expect(next()).toBe(`${first.slice(0, 16)}01000000`);
	});

	test("begin with another stream number each time", () => {
		const streams = Array.from({ length: 1000 }, () => Buffer.from(new Nonces().next()).toString("hex"));
		expect(new Set(streams).size).toBe(1000);
		expect(streams.every((each) => each.endsWith("00000000"))).toBe(true);
	});
});

describe("the streams that were seen", () => {
	const nonce = (stream: number, sequence: number): Uint8Array => {
		const view = new DataView(new ArrayBuffer(12));
		view.setUint32(0, stream, true);
		view.setUint32(8, sequence, true);
		return new Uint8Array(view.buffer);
	};

	test("go forward only, each for itself, over gaps and to the last number", () => {
		const seen = new SeenStreams(10);
		for (const [stream, sequence, accepted] of [
			[1, 0, true],
			[1, 0, false],
			[2, 5, true],
			[1, 7, true],
			[1, 6, false],
			[2, 5, false],
			[1, 0xffff_ffff, true],
			[1, 0, false],
			[2, 6, true],
		] as const)
			expect([stream, sequence, seen.accept(nonce(stream, sequence))]).toEqual([stream, sequence, accepted]);
	});

	test("are bounded: the stream that was not read from for the longest time is forgotten", () => {
		const seen = new SeenStreams(3);
		for (const stream of [1, 2, 3]) seen.accept(nonce(stream, 1));
		seen.accept(nonce(1, 2));
		seen.accept(nonce(4, 1));
		expect([1, 3, 4].map((stream) => seen.accept(nonce(stream, 1)))).toEqual([false, false, false]);
		expect(seen.accept(nonce(2, 1))).toBe(true);
	});

	test("are read from the nonce wherever it lies in memory", () => {
		const seen = new SeenStreams(3);
		const memory = randomBytes(100);
		memory.set(nonce(9, 4), 31);
		expect(seen.accept(memory.subarray(31, 43))).toBe(true);
		expect(seen.accept(nonce(9, 4))).toBe(false);
	});
});

test("of changed and random inputs, none opens that was not sealed", () => {
	const inputs = scale(10_000, 2000);
	const opened = fuzzSealed(inputs, Math.floor(Math.random() * 1e9));
	expect(opened).toBeGreaterThan(inputs / 20);
	expect(opened).toBeLessThan(inputs / 4);
});
