import { describe, expect, test } from "bun:test";
import { headerLong } from "@libipc/protocol";
import type { OpenSegment } from "../segment_endpoint.ts";
import { extendMemory } from "./reserve.ts";
import { few, handle, UNITS, usedBytes } from "./testing/open_segments.ts";
import { PretendProcess } from "./testing/pretend.ts";
import type { Threads } from "./threads.ts";

describe("shared memory in the hub", () => {
	const bytesOf = ({ segment }: OpenSegment, length: number): Uint8Array =>
		new Uint8Array(segment.bytes.buffer, segment.bytes.byteOffset + segment.body, length);

	function grow(thread: Threads, { segment }: OpenSegment, to: number): boolean {
		expect(thread.lock(segment, 0)).toBe(0);
		const before = Number(segment.longs[headerLong.memoryBytes]);
		const has = extendMemory(thread, segment, before, to);
		if (has) Atomics.store(segment.longs, headerLong.memoryBytes, BigInt(to));
		thread.unlock(segment);
		return has;
	}

	test("is all zeros, also memory that is used again, and memory that it grows into", () => {
		const process = new PretendProcess(UNITS);
		const thread = process.start();
		for (let round = 0; round < 3; round++) {
			const memory = handle(thread, "memory", "name", { ...few, size: 5000 });
			expect(bytesOf(memory, 5000).every((byte) => byte === 0)).toBe(true);
			bytesOf(memory, 5000).fill(0xee);
			expect(grow(thread, memory, 300_000)).toBe(true);
			expect(bytesOf(memory, 5000).every((byte) => byte === 0xee)).toBe(true);
			expect(
				bytesOf(memory, 300_000)
					.subarray(5000)
					.every((byte) => byte === 0),
			).toBe(true);
			bytesOf(memory, 300_000).fill(0xdd);
			memory.leave();
			expect(usedBytes(thread)).toBe(0);
		}
	});

	test("grows over what dead threads left behind it, but not over what living ones have there", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const memory = handle(a, "memory", "name", { ...few, size: 4096 });
		handle(b, "mutex", "behind");
		expect(grow(a, memory, 2 ** 20)).toBe(false);
		process.kill(b);
		expect(grow(a, memory, 2 ** 20)).toBe(true);
	});
});
