import { describe, expect, test } from "bun:test";
import { FrameBatch } from "./frame_batch.ts";
import { FrameDecoder } from "./frame_decoder.ts";

const MESSAGES = ["", "a", "bc", "", "a message as long as they get", "z"].map((text) => Buffer.from(text));
const MAX = 29;

function stream(): Buffer {
	const batch = new FrameBatch(256);
	for (const message of MESSAGES) expect(batch.add(message)).toBe(true);
	return Buffer.from(batch.take());
}

function collector(): { decoder: FrameDecoder; frames: Buffer[] } {
	const frames: Buffer[] = [];
	const decoder = new FrameDecoder(MAX, (chunk, start, end) => frames.push(Buffer.from(chunk.subarray(start, end))));
	return { decoder, frames };
}

describe("FrameDecoder", () => {
	test("finds all frames of one chunk", () => {
		const { decoder, frames } = collector();
		decoder.push(stream());
		expect(frames).toEqual(MESSAGES);
	});

	test("finds them wherever the stream is cut in three", () => {
		const bytes = stream();
		for (let first = 0; first <= bytes.length; first++) {
			for (let second = first; second <= bytes.length; second++) {
				const { decoder, frames } = collector();
				decoder.push(bytes.subarray(0, first));
				decoder.push(bytes.subarray(first, second));
				decoder.push(bytes.subarray(second));
				expect(frames).toEqual(MESSAGES);
			}
		}
	});

	test("finds them byte by byte, in plain Uint8Arrays", () => {
		const { decoder, frames } = collector();
		for (const byte of stream()) decoder.push(new Uint8Array([0xff, byte, 0xff]).subarray(1, 2));
		expect(frames).toEqual(MESSAGES);
	});

	test("throws on a length that cannot be right, whole or cut", () => {
		const bytes = Buffer.alloc(8);
		bytes.writeUInt32LE(MAX + 1);
		expect(() => collector().decoder.push(bytes)).toThrow(RangeError);
		const { decoder } = collector();
		decoder.push(bytes.subarray(0, 3));
		expect(() => decoder.push(bytes.subarray(3))).toThrow(RangeError);
	});
});

describe("FrameBatch", () => {
	test("refuses what does not fit, and keeps what it has", () => {
		const batch = new FrameBatch(16);
		expect(batch.add(new Uint8Array(8))).toBe(true);
		expect(batch.add(new Uint8Array(1))).toBe(false);
		expect(batch.add(new Uint8Array(0))).toBe(true);
		expect(batch.take()).toHaveLength(16);
		expect(batch.take()).toHaveLength(0);
	});
});
