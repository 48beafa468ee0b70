import { expect, test } from "bun:test";
import { byMemcmp } from "../workload/memcmp.ts";
import { Workload } from "../workload/workload.ts";
import { Tally } from "./tally.ts";

const SIZES = { min: 2, max: 256 };

function messages(count: number): Uint8Array[] {
	const workload = new Workload({ ...SIZES, senders: 1 }, byMemcmp);
	return Array.from({ length: count }, (_, sequence) => workload.message(0, sequence).slice());
}

test("counts undamaged messages, and starts over after each round", () => {
	const tally = new Tally(SIZES);
	for (let round = 0; round < 2; round++) {
		for (const message of messages(100)) tally.take(message);
		expect(tally.finish()).toEqual({ delivered: 100, corrupt: 0 });
	}
});

test("finds a message inside a chunk", () => {
	const tally = new Tally(SIZES);
	for (const message of messages(100)) {
		const chunk = Buffer.concat([Buffer.alloc(3, 0xff), message, Buffer.alloc(5, 0xff)]);
		tally.takeFrom(chunk, 3, 3 + message.length);
	}
	expect(tally.finish()).toEqual({ delivered: 100, corrupt: 0 });
});

test("counts one flipped bit as a damaged message, wherever it is", () => {
	const last = (messages(1)[0]?.length ?? 0) - 1;
	for (const at of [0, 1, 3, 4, 7, 8, last - 8, last]) {
		const tally = new Tally(SIZES);
		for (const [sequence, message] of messages(3).entries()) {
			if (sequence === 0) message[at] = (message[at] ?? 0) ^ 1;
			tally.take(message);
		}
		const { delivered, corrupt } = tally.finish();
		expect(delivered).toBe(3);
		// A damaged sender number leaves the receiver one message behind; anything else is one damaged message.
		expect(corrupt).toBe(at === 0 ? 3 : 1);
	}
});

test("counts cut, overlong, missing and repeated messages as damaged", () => {
	const [first, second] = messages(2);
	if (first === undefined || second === undefined) throw new Error("The workload made no messages.");
	const damaged: [string, Uint8Array][] = [
		["cut", first.subarray(0, first.length - 1)],
		["too long for any message", new Uint8Array(1_000)],
		["the one after a missing one", second],
	];
	for (const [, message] of damaged) {
		const tally = new Tally(SIZES);
		tally.take(message);
		expect(tally.finish()).toEqual({ delivered: 1, corrupt: 1 });
	}
	const tally = new Tally(SIZES);
	tally.take(first);
	tally.take(first);
	expect(tally.finish()).toEqual({ delivered: 2, corrupt: 1 });
});
