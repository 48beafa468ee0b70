import assert from "node:assert/strict";
import { readPattern, writePattern } from "@libipc/testing/pattern";
import { scale } from "@libipc/testing/scale";
import { text } from "@libipc/testing/text";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, list, type Overflow, Queue, type Receiver, Route } from "./under_test.ts";

const names = new Names("policies");
const { prefix } = names;

afterAll(() => names.clear());

/** How many messages a program sends. */
const COUNT = scale(20_000);

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
		const message = receiver.recv({ timeout: 20_000 });
		if (message) accept(message);
		return message !== null;
	},
	recvInto: (receiver, accept) => {
		const target = new Uint8Array(65_536);
		const length = receiver.recvInto(target, { timeout: 20_000 });
		if (length >= 0) accept(target.subarray(0, length));
		return length >= 0;
	},
	drain: (receiver, accept) => receiver.drain(accept, { timeout: 20_000 }) > 0,
	drainBatch: (receiver, accept) =>
		receiver.drainBatch(
			({ bytes, count, offsets, lengths }) => {
				for (let i = 0; i < count; i++) {
					const at = offsets[i] as number;
					accept(bytes.subarray(at, at + (lengths[i] as number)));
				}
			},
			{ timeout: 20_000 },
		) > 0,
	async recvAsync(receiver, accept) {
		const message = await receiver.recvAsync({ timeout: 20_000 });
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
		assert.ok(sent > 100);
		assert.equal(sender.send("does not fit"), false);
		assert.equal(sender.trySend("does not fit"), false);
		assert.equal(await sender.sendAsync("does not fit"), false);
		assert.equal(sender.sendBatch(["does not fit", "nor does this"]), 0);
		assert.equal(sender.loan(100), null);
		assert.equal(sender.receiverCount, 1);
		const lost = () =>
			list({ prefix })
				.find((each) => each.name === name)
				?.endpoints.map((each) => each.lost);
		// The first refusal, four single messages or loans, and a batch of two; the receiver has missed nothing.
		assert.deepEqual(lost(), [7, 0]);
		assert.equal(text(receiver.recv()), "message 0");
		for (let i = 1; i < 20; i++) receiver.recv();
		assert.equal(sender.send("fits"), true);
		assert.deepEqual(rest(receiver), [...numbers(20, sent), "fits"]);
		assert.equal(receiver.lost, 0);
	});

	test("between programs: a refused message does not arrive, an accepted one arrives whole and in order", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 8192, overflow: "drop-newest" });
		await using child = startProgram("policy", [kind, prefix, name, COUNT, 500, "send"]);
		assert.equal(await child.line(), "ready");
		let next = 0;
		// Each that was refused was tried again until it was accepted: the numbers have no gap, and none is there twice.
		while (next < COUNT)
			if (!ways.recv?.(receiver, (bytes) => assert.deepEqual(readPattern(bytes, 500), { sender: 0, sequence: next++ })))
				break;
		assert.equal(next, COUNT);
		const report = await child.report<{ sent: number; refused: number }>();
		assert.equal(report.sent, COUNT);
		assert.ok(report.refused > 0);
		assert.deepEqual([receiver.tryRecv(), receiver.lost], [null, 0]);
	});
});

describe.each(kinds)("a %s that drops the oldest", (kind, factory) => {
	test("never refuses; the receiver knows exactly how many it missed, and gets the newest", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
		using sender = factory.sender(name, { prefix });
		assert.equal(receiver.lost, 0);
		for (let i = 0; i < 1000; i++) assert.equal(sender.send(`message ${i}`, { timeout: 0 }), true);
		const got = rest(receiver);
		assert.ok(got.length > 20);
		assert.deepEqual(got, numbers(1000 - got.length, 1000));
		assert.equal(receiver.lost + got.length, 1000);
		// Who reads along misses nothing more.
		const lost = receiver.lost;
		for (let i = 0; i < 1000; i++) {
			sender.trySend(`message ${i}`);
			assert.equal(text(receiver.tryRecv()), `message ${i}`);
		}
		assert.equal(receiver.lost, lost);
		assert.equal(await sender.sendAsync("async"), true);
		assert.equal(sender.sendBatch(numbers(0, 500)), 500);
		const after = rest(receiver);
		assert.equal(after.at(-1), "message 499");
		assert.equal(receiver.lost - lost + after.length, 501);
	});

	test("keeps messages without receivers, for a receiver that asks for them", () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
		for (let i = 0; i < 300; i++) assert.equal(sender.send(`message ${i}`), true);
		assert.equal(sender.receiverCount, 0);
		using late = factory.receiver(name, { prefix });
		using oldest = factory.receiver(name, { prefix, from: "oldest" });
		sender.send("message 300");
		assert.deepEqual(rest(late), ["message 300"]);
		const got = rest(oldest);
		assert.ok(got.length > 20);
		assert.deepEqual(got, numbers(301 - got.length, 301));
		assert.deepEqual([late.lost, oldest.lost], [0, 0]);
	});

	test("lends separate memory, which enters the ring when it is sent", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
		using sender = factory.sender(name, { prefix });
		using loan = sender.loan(6);
		loan?.bytes.set(new TextEncoder().encode("lender"));
		for (let i = 0; i < 300; i++) sender.send(`message ${i}`);
		assert.equal(loan?.send(), true);
		const got = rest(receiver);
		assert.deepEqual(got, [...numbers(301 - got.length, 300), "lender"]);
		assert.equal(receiver.lost + got.length, 301);
	});

	test.each(Object.keys(ways))("under a fast sender, by %s: whole, in order, counted", async (way) => {
		const name = names.next();
		const count = COUNT;
		// Too small for the large ones to travel whole: those are fragments, of which a part may be gone.
		using receiver = factory.receiver(name, { prefix, capacity: 32_768, overflow: "drop-oldest" });
		const method = way === "recv" ? "sendBatch" : way === "drain" ? "trySend" : "send";
		await using child = startProgram("policy", [kind, prefix, name, count, 20_000, method]);
		assert.equal(await child.line(), "ready");
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
		assert.equal(last, count - 1);
		assert.deepEqual(await child.report<object>(), { sent: count, refused: 0 });
		assert.equal(received + receiver.lost, count);
		assert.ok(received > 0);
		assert.equal(receiver.tryRecv(), null);
	});
});

test("two senders of a channel that drops the oldest: what both sent is received or lost", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix, capacity: 8192, overflow: "drop-oldest" });
	await using one = startProgram("policy", ["channel", prefix, name, COUNT, 300, "send", 1]);
	await using two = startProgram("policy", ["channel", prefix, name, COUNT, 300, "send", 2]);
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
	assert.equal(received + receiver.lost, 2 * COUNT);
	assert.equal(Math.max(...last), COUNT - 1);
	assert.ok(received > 0);
});

describe("options", () => {
	test("another overflow than the creator's is refused with the creator's", () => {
		const policies: Overflow[] = ["block", "drop-newest", "drop-oldest"];
		for (const [, factory] of kinds)
			for (const here of policies) {
				const name = names.next();
				using first = factory.receiver(name, { prefix, overflow: here });
				using taking = factory.receiver(name, { prefix });
				using same = factory.sender(name, { prefix, overflow: here });
				assert.deepEqual([first.closed, taking.closed, same.closed], [false, false, false]);
				for (const wanted of policies.filter((policy) => policy !== here))
					assert.throws(() => factory.receiver(name, { prefix, overflow: wanted }), {
						code: "ERR_IPC_OPTIONS_MISMATCH",
						endpoint: name,
						message: new RegExp(
							`is in use with overflow "${here}", and was opened here with "${wanted}". The first open of a name decides`,
						),
					});
			}
	});

	const bad = <Value>(value: unknown) => value as Value;
	const invalid = (part: string) => ({ code: "ERR_IPC_INVALID_ARGUMENT", message: new RegExp(part) });

	test.each(["", "drop", "Block", 1, null, true, {}])("overflow %p is refused", (overflow) => {
		for (const factory of [Route, Channel, Queue])
			for (const open of [factory.sender, factory.receiver])
				assert.throws(
					() => open("refused", { prefix, overflow: bad(overflow) }),
					invalid('overflow must be "block", "drop-newest" or "drop-oldest", not '),
				);
	});

	test("a queue cannot drop its oldest messages", () => {
		for (const open of [Queue.sender, Queue.receiver])
			assert.throws(
				() => open("refused", { prefix, overflow: "drop-oldest" }),
				invalid("A queue cannot drop its oldest messages"),
			);
	});

	test.each(["", "Oldest", "now", 0, null, false])("from %p is refused", (from) => {
		for (const factory of [Route, Channel, Queue])
			assert.throws(
				() => factory.receiver("refused", { prefix, from: bad(from) }),
				invalid('from must be "newest" or "oldest", not '),
			);
	});
});

describe.each(kinds)('from "oldest" on a %s', (_, factory) => {
	test("gets what the ring still holds, whole and in order, then new messages", async () => {
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
		assert.equal(newest.tryRecv(), null);
		const got: number[] = [];
		for (let message = oldest.tryRecv(); message; message = oldest.tryRecv()) {
			const { sender: who, sequence } = readPattern(message, 600);
			assert.equal(who, 5);
			got.push(sequence);
		}
		assert.ok(got.length > 5);
		assert.deepEqual(
			got,
			Array.from({ length: got.length }, (_, i) => 1000 - got.length + i),
		);
		assert.equal(sender.trySend("new"), true);
		assert.deepEqual(
			[text(await oldest.recvAsync()), text(newest.tryRecv()), text(keeper.tryRecv())],
			["new", "new", "new"],
		);
		assert.deepEqual([oldest.lost, newest.lost], [0, 0]);
	});

	test("what it has not read holds senders back, as for any receiver", () => {
		const name = names.next();
		using keeper = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		let sent = 0;
		while (sender.trySend(`message ${sent}`)) sent++;
		assert.deepEqual(rest(keeper), numbers(0, sent));
		using oldest = factory.receiver(name, { prefix, from: "oldest" });
		let more = 0;
		while (sender.trySend(`message ${sent + more}`)) more++;
		const got = rest(oldest);
		assert.deepEqual(got, numbers(sent + more - got.length, sent + more));
		assert.ok(got.length > sent / 2);
		assert.deepEqual(rest(keeper), numbers(sent, sent + more));
	});
});

test("lost is 0 if nothing is overwritten", () => {
	for (const factory of [Route, Channel, Queue]) {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		let sent = 0;
		while (sender.trySend(`message ${sent}`)) sent++;
		assert.equal(sender.trySend("one too many"), false);
		assert.equal(receiver.lost, 0);
		assert.deepEqual(rest(receiver), numbers(0, sent));
		assert.equal(receiver.lost, 0);
	}
});

test("a closed receiver still has its count of lost messages", () => {
	const name = names.next();
	const receiver = Channel.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
	using sender = Channel.sender(name, { prefix });
	let got = 0;
	for (let i = 0; i < 1000; i++) sender.send("message");
	while (receiver.tryRecv()) got++;
	receiver.close();
	receiver.close();
	assert.equal(receiver.lost, 1000 - got);
});
