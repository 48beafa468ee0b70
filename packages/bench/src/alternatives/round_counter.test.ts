import { expect, test } from "bun:test";
import { byMemcmp } from "../workload/memcmp.ts";
import { Workload } from "../workload/workload.ts";
import { RoundCounter } from "./round_counter.ts";

const SIZES = { min: 2, max: 256 };

function messages(count: number): Uint8Array[] {
	const workload = new Workload({ ...SIZES, senders: 1 }, byMemcmp);
	return Array.from({ length: count }, (_, sequence) => workload.message(0, sequence).slice());
}

test("right messages are counted, from zero in each round", () => {
	const counter = new RoundCounter(SIZES, byMemcmp);
	for (let round = 0; round < 2; round++) {
		for (const message of messages(100)) counter.take(message);
		expect(counter.finish()).toEqual({ delivered: 100, corrupt: 0 });
	}
});

test("a message inside a chunk is found", () => {
	const counter = new RoundCounter(SIZES, byMemcmp);
	for (const message of messages(100)) {
		const chunk = Buffer.concat([Buffer.alloc(3, 0xff), message, Buffer.alloc(5, 0xff)]);
		counter.takeFrom(chunk, 3, 3 + message.length);
	}
	expect(counter.finish()).toEqual({ delivered: 100, corrupt: 0 });
});

test("one flipped bit is a corrupt message, wherever it is", () => {
	const last = (messages(1)[0]?.length ?? 0) - 1;
	for (const at of [0, 1, 3, 4, 7, 8, last - 8, last]) {
		const counter = new RoundCounter(SIZES, byMemcmp);
		for (const [sequence, message] of messages(3).entries()) {
			if (sequence === 0) message[at] = (message[at] ?? 0) ^ 1;
			counter.take(message);
		}
		const { delivered, corrupt } = counter.finish();
		expect(delivered).toBe(3);
		// A damaged sender number makes all that follow wrong; any other bit makes one message wrong.
		expect(corrupt).toBe(at === 0 ? 3 : 1);
	}
});

test("cut, overlong, missing and repeated messages are corrupt", () => {
	const [first, second] = messages(2);
	if (first === undefined || second === undefined) throw new Error("The workload made no messages.");
	const damaged: [string, Uint8Array][] = [
		["cut", first.subarray(0, first.length - 1)],
		["too long for any message", new Uint8Array(1_000)],
		["the one after a missing one", second],
	];
	for (const [, message] of damaged) {
		const counter = new RoundCounter(SIZES, byMemcmp);
		counter.take(message);
		expect(counter.finish()).toEqual({ delivered: 1, corrupt: 1 });
	}
	const counter = new RoundCounter(SIZES, byMemcmp);
	counter.take(first);
	counter.take(first);
	expect(counter.finish()).toEqual({ delivered: 2, corrupt: 1 });
});
