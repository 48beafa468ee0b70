import { afterAll, describe, expect, test } from "bun:test";
import { Channel, type Overflow, Queue, type Receiver, Route } from "./index.ts";
import { Child } from "./testing/child.ts";
import { Names } from "./testing/names.ts";
import { readPattern, writePattern } from "./testing/pattern.ts";
import { text } from "./testing/text.ts";

const names = new Names("policies");
const { prefix } = names;

afterAll(() => names.clear());

const kinds = [
	["route", Route],
	["channel", Channel],
] as const;

function rest(receiver: Receiver): string[] {
	const messages: string[] = [];
	for (let message = receiver.tryRecv(); message; message = receiver.tryRecv()) messages.push(text(message));
	return messages;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `message ${from + i}`);

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
	test("refuses what does not fit, at once, and keeps all that it accepted", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096, overflow: "drop-newest" });
		using sender = factory.sender(name, { prefix });
		let sent = 0;
		while (sender.send(`message ${sent}`)) sent++;
		expect(sent).toBeGreaterThan(100);
		expect(sender.send("does not fit")).toBe(false);
		expect(sender.trySend("does not fit")).toBe(false);
		expect(await sender.sendAsync("does not fit")).toBe(false);
		expect(sender.sendBatch(["does not fit", "nor does this"])).toBe(0);
		expect(sender.loan(100)).toBeNull();
		expect(sender.receiverCount).toBe(1);
		expect(text(receiver.recv())).toBe("message 0");
		for (let i = 1; i < 20; i++) receiver.recv();
		expect(sender.send("fits")).toBe(true);
		expect(rest(receiver)).toEqual([...numbers(20, sent), "fits"]);
		expect(receiver.lost).toBe(0);
	});

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
	test("never refuses; the receiver knows exactly how many it missed, and gets the newest", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
		using sender = factory.sender(name, { prefix });
		expect(receiver.lost).toBe(0);
		for (let i = 0; i < 1000; i++) expect(sender.send(`message ${i}`, { timeout: 0 })).toBe(true);
		const got = rest(receiver);
		expect(got.length).toBeGreaterThan(20);
		expect(got).toEqual(numbers(1000 - got.length, 1000));
		expect(receiver.lost + got.length).toBe(1000);
		// Who reads along misses nothing more.
		const lost = receiver.lost;
		for (let i = 0; i < 1000; i++) {
			sender.trySend(`message ${i}`);
			expect(text(receiver.tryRecv())).toBe(`message ${i}`);
		}
		expect(receiver.lost).toBe(lost);
		expect(await sender.sendAsync("async")).toBe(true);
		expect(sender.sendBatch(numbers(0, 500))).toBe(500);
		const after = rest(receiver);
		expect(after.at(-1)).toBe("message 499");
		expect(receiver.lost - lost + after.length).toBe(501);
	});

	test("keeps what it is given with nobody connected, for who asks for it", () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
		for (let i = 0; i < 300; i++) expect(sender.send(`message ${i}`)).toBe(true);
		expect(sender.receiverCount).toBe(0);
		using late = factory.receiver(name, { prefix });
		using oldest = factory.receiver(name, { prefix, from: "oldest" });
		sender.send("message 300");
		expect(rest(late)).toEqual(["message 300"]);
		const got = rest(oldest);
		expect(got.length).toBeGreaterThan(20);
		expect(got).toEqual(numbers(301 - got.length, 301));
		expect([late.lost, oldest.lost]).toEqual([0, 0]);
	});

	test("lends memory of its own, which takes its place when it is sent", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
		using sender = factory.sender(name, { prefix });
		using loan = sender.loan(6);
		loan?.bytes.set(new TextEncoder().encode("lender"));
		for (let i = 0; i < 300; i++) sender.send(`message ${i}`);
		expect(loan?.send()).toBe(true);
		const got = rest(receiver);
		expect(got).toEqual([...numbers(301 - got.length, 300), "lender"]);
		expect(receiver.lost + got.length).toBe(301);
	});

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
	test("who asks for another overflow than there is learns what there is", () => {
		const policies: Overflow[] = ["block", "drop-newest", "drop-oldest"];
		for (const [, factory] of kinds)
			for (const here of policies) {
				const name = names.next();
				using first = factory.receiver(name, { prefix, overflow: here });
				using taking = factory.receiver(name, { prefix });
				using same = factory.sender(name, { prefix, overflow: here });
				expect([first.closed, taking.closed, same.closed]).toEqual([false, false, false]);
				for (const wanted of policies.filter((policy) => policy !== here))
					expect(() => factory.receiver(name, { prefix, overflow: wanted })).toThrow(
						expect.objectContaining({
							code: "ERR_IPC_OPTIONS_MISMATCH",
							endpoint: name,
							message: expect.stringContaining(
								`is in use with overflow "${here}", and was opened here with "${wanted}". Whoever opens a name first decides`,
							),
						}),
					);
			}
	});

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

	test("a queue does not drop its oldest", () => {
		for (const open of [Queue.sender, Queue.receiver])
			expect(() => open("refused", { prefix, overflow: "drop-oldest" })).toThrow(
				invalid("A queue cannot drop its oldest messages"),
			);
	});

	test.each(["", "Oldest", "now", 0, null, false])("from %p is refused", (from) => {
		for (const factory of [Route, Channel, Queue])
			expect(() => factory.receiver("refused", { prefix, from: bad(from) })).toThrow(
				invalid('from must be "newest" or "oldest", not '),
			);
	});
});

describe.each(kinds)('from "oldest" on a %s', (_, factory) => {
	test("gets what the ring still holds, whole and in order, then what comes", async () => {
		const name = names.next();
		using keeper = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		const buffer = new Uint8Array(3000);
		let sent = 0;
		// Several times around, so that what there is begins in the middle; some are fragments.
		while (sent < 1000) {
			while (sent < 1000 && sender.trySend(writePattern(buffer, 5, sent, 600))) sent++;
			while (keeper.tryRecv());
		}
		using newest = factory.receiver(name, { prefix, from: "newest" });
		using oldest = factory.receiver(name, { prefix, from: "oldest" });
		expect(newest.tryRecv()).toBeNull();
		const got: number[] = [];
		for (let message = oldest.tryRecv(); message; message = oldest.tryRecv()) {
			const { sender: who, sequence } = readPattern(message, 600);
			expect(who).toBe(5);
			got.push(sequence);
		}
		expect(got.length).toBeGreaterThan(5);
		expect(got).toEqual(Array.from({ length: got.length }, (_, i) => 1000 - got.length + i));
		expect(sender.trySend("new")).toBe(true);
		expect([text(await oldest.recvAsync()), text(newest.tryRecv()), text(keeper.tryRecv())]).toEqual([
			"new",
			"new",
			"new",
		]);
		expect([oldest.lost, newest.lost]).toEqual([0, 0]);
	});

	test("what it gets holds senders back as for any receiver", () => {
		const name = names.next();
		using keeper = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		let sent = 0;
		while (sender.trySend(`message ${sent}`)) sent++;
		expect(rest(keeper)).toEqual(numbers(0, sent));
		using oldest = factory.receiver(name, { prefix, from: "oldest" });
		let more = 0;
		while (sender.trySend(`message ${sent + more}`)) more++;
		const got = rest(oldest);
		expect(got).toEqual(numbers(sent + more - got.length, sent + more));
		expect(got.length).toBeGreaterThan(sent / 2);
		expect(rest(keeper)).toEqual(numbers(sent, sent + more));
	});
});

test("lost is 0 where nothing is overwritten", () => {
	for (const factory of [Route, Channel, Queue]) {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		let sent = 0;
		while (sender.trySend(`message ${sent}`)) sent++;
		expect(sender.trySend("one too many")).toBe(false);
		expect(receiver.lost).toBe(0);
		expect(rest(receiver)).toEqual(numbers(0, sent));
		expect(receiver.lost).toBe(0);
	}
});

test("a receiver that is closed still tells what it has lost", () => {
	const name = names.next();
	const receiver = Channel.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
	using sender = Channel.sender(name, { prefix });
	let got = 0;
	for (let i = 0; i < 1000; i++) sender.send("message");
	while (receiver.tryRecv()) got++;
	receiver.close();
	receiver.close();
	expect(receiver.lost).toBe(1000 - got);
});
