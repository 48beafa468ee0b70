import { afterAll, describe, expect, test } from "bun:test";
import { Channel, Queue, type Receiver, Route } from "./index.ts";
import { Child } from "./testing/child.ts";
import { Names } from "./testing/names.ts";
import { readPattern } from "./testing/pattern.ts";

const names = new Names("policies");
const { prefix } = names;

afterAll(() => names.clear());

const kinds = [
	["route", Route],
	["channel", Channel],
] as const;

/** The ways to receive: each hands what is there to `accept` and waits if there is nothing; false: nothing came in time. */
const ways: Record<string, (receiver: Receiver, accept: (bytes: Uint8Array) => void) => boolean | Promise<boolean>> = {
	recv(receiver, accept) {
		const message = receiver.recv({ timeout: 5000 });
		if (message) accept(message);
		return message !== null;
	},
	recvInto: (receiver, accept) => {
		const target = new Uint8Array(65_536);
		const length = receiver.recvInto(target, { timeout: 5000 });
		if (length >= 0) accept(target.subarray(0, length));
		return length >= 0;
	},
	drain: (receiver, accept) => receiver.drain(accept, { timeout: 5000 }) > 0,
	drainBatch: (receiver, accept) =>
		receiver.drainBatch(
			({ bytes, count, offsets, lengths }) => {
				for (let i = 0; i < count; i++) {
					const at = offsets[i] as number;
					accept(bytes.subarray(at, at + (lengths[i] as number)));
				}
			},
			{ timeout: 5000 },
		) > 0,
	async recvAsync(receiver, accept) {
		const message = await receiver.recvAsync({ timeout: 5000 });
		if (message) accept(message);
		return message !== null;
	},
};

describe.each(kinds)("a %s that drops the newest", (kind, factory) => {
	test("between processes: what was refused is absent, what was accepted comes whole and in order", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 8192, overflow: "drop-newest" });
		await using child = new Child("policy.child.ts", [kind, prefix, name, 20_000, 500, "send"]);
		expect(await child.line()).toBe("ready");
		let next = 0;
		// Each that was refused was tried again until it was accepted: the numbers have no gap, and none is there twice.
		while (next < 20_000)
			if (!ways.recv?.(receiver, (bytes) => expect(readPattern(bytes, 500)).toEqual({ sender: 0, sequence: next++ })))
				break;
		expect(next).toBe(20_000);
		const report = await child.report<{ sent: number; refused: number }>();
		expect(report.sent).toBe(20_000);
		expect(report.refused).toBeGreaterThan(0);
		expect([receiver.tryRecv(), receiver.lost]).toEqual([null, 0]);
	}, 30_000);
});

describe.each(kinds)("a %s that drops the oldest", (kind, factory) => {
	test.each(Object.keys(ways))(
		"under a fast sender of another process, by %s: whole, in order, counted",
		async (way) => {
			const name = names.next();
			const count = 20_000;
			// Too small for the large ones to travel whole: those are fragments, of which a part may be gone.
			using receiver = factory.receiver(name, { prefix, capacity: 16_384, overflow: "drop-oldest" });
			const method = way === "recv" ? "sendBatch" : way === "drain" ? "trySend" : "send";
			await using child = new Child("policy.child.ts", [kind, prefix, name, count, 20_000, method]);
			expect(await child.line()).toBe("ready");
			let last = -1;
			let received = 0;
			const accept = (bytes: Uint8Array) => {
				// Whole, or it would not be what a message of that number is.
				const { sequence } = readPattern(bytes, 20_000);
				if (sequence <= last) throw new Error(`${sequence} came after ${last}`);
				last = sequence;
				received++;
			};
			while (last < count - 1 && (await ways[way]?.(receiver, accept)));
			expect(last).toBe(count - 1);
			expect(await child.report<object>()).toEqual({ sent: count, refused: 0 });
			expect(received + receiver.lost).toBe(count);
			expect(received).toBeGreaterThan(0);
			expect(receiver.tryRecv()).toBeNull();
		},
		30_000,
	);
});

test("two senders of a channel that drops the oldest: what both sent is received or lost", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix, capacity: 8192, overflow: "drop-oldest" });
	await using one = new Child("policy.child.ts", ["channel", prefix, name, 20_000, 300, "send", 1]);
	await using two = new Child("policy.child.ts", ["channel", prefix, name, 20_000, 300, "send", 2]);
	const last = [0, -1, -1];
	let received = 0;
	const accept = (bytes: Uint8Array) => {
		const { sender, sequence } = readPattern(bytes, 300);
		if (sequence <= (last[sender] as number)) throw new Error(`${sequence} of ${sender} came after ${last[sender]}`);
		last[sender] = sequence;
		received++;
	};
	let ended = false;
	const ending = Promise.all([one.line(), two.line(), one.line(), two.line()]).then(() => {
		ended = true;
	});
	while (!ended) {
		while (receiver.drain(accept, { timeout: 1 }) > 0 && !ended) await new Promise((resolve) => setImmediate(resolve));
		await new Promise((resolve) => setImmediate(resolve));
	}
	await ending;
	while (receiver.drain(accept, { timeout: 0 }) > 0);
	expect(received + receiver.lost).toBe(40_000);
	expect(Math.max(...last)).toBe(19_999);
	expect(received).toBeGreaterThan(0);
}, 30_000);

describe("options", () => {
	const bad = <Value>(value: unknown) => value as Value;
	const invalid = (part: string) =>
		expect.objectContaining({ code: "ERR_IPC_INVALID_ARGUMENT", message: expect.stringContaining(part) });

	test.each(["", "drop", "Block", 1, null, true, {}])("overflow %p is refused", (overflow) => {
		for (const factory of [Route, Channel, Queue])
			for (const open of [factory.sender, factory.receiver])
				expect(() => open("refused", { prefix, overflow: bad(overflow) })).toThrow(
					invalid('overflow must be "block", "drop-newest" or "drop-oldest", not '),
				);
	});

	test.each(["", "Oldest", "now", 0, null, false])("from %p is refused", (from) => {
		for (const factory of [Route, Channel, Queue])
			expect(() => factory.receiver("refused", { prefix, from: bad(from) })).toThrow(
				invalid('from must be "newest" or "oldest", not '),
			);
	});
});
