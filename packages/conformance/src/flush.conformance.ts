import assert from "node:assert/strict";
import { startClock } from "@libipc/testing/clock";
import { isPending, rejection, rejectionCode } from "@libipc/testing/outcome";
import { writePattern } from "@libipc/testing/pattern";
import { expectWoken, RECOVERY_MS, took } from "@libipc/testing/timing";
import { json } from "libipc/codecs";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, Queue, Route } from "./under_test.ts";

const names = new Names("flush");
const { prefix } = names;

afterAll(() => names.clear());

describe.each([
	["route", Route],
	["channel", Channel],
] as const)("flush of a %s", (kind, factory) => {
	test("resolves when all that were open have read, not for observers and later receivers", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix });
		assert.deepEqual(await sender.flush(), { done: true, read: 0, left: 0, unread: 0 });
		using observer = factory.receiver(name, { prefix, lossy: true });
		using first = factory.receiver(name, { prefix });
		using second = factory.receiver(name, { prefix });
		sender.sendBatch(["one", "two"]);
		assert.deepEqual(await sender.flush({ timeout: 0 }), { done: false, read: 0, left: 0, unread: 2 });
		const flushed = sender.flush();
		using later = factory.receiver(name, { prefix });
		// What is sent afterwards does not matter, although the receivers find it in the same run.
		sender.sendBatch(["three", "four"]);
		first.recv();
		first.recv();
		second.recv();
		assert.equal(await isPending(flushed), true);
		assert.deepEqual(await sender.flush({ timeout: 10 }), { done: false, read: 0, left: 0, unread: 3 });
		const clock = startClock();
		second.recv();
		assert.deepEqual(await flushed, { done: true, read: 2, left: 0, unread: 0 });
		expectWoken(clock());
		for (const receiver of [first, second, later]) receiver.drain(() => {}, { timeout: 0 });
		assert.deepEqual(await sender.flush(), { done: true, read: 3, left: 0, unread: 0 });
		assert.equal(observer.recv()?.byteLength, 3);
	});

	test("does not wait for receivers that are closed, and says whether they had read", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix });
		const readers = [0, 1, 2].map(() => factory.receiver(name, { prefix }));
		sender.sendBatch(["one", "two"]);
		const flushed = sender.flush();
		sender.send("three");
		readers[0]?.recv();
		readers[0]?.recv();
		readers[0]?.close();
		readers[1]?.recv();
		readers[1]?.close();
		assert.equal(await isPending(flushed), true);
		readers[2]?.close();
		assert.deepEqual(await flushed, { done: true, read: 1, left: 2, unread: 0 });
	});

	test("does not wait for what was lent and given up, but for an open loan", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix });
		using receiver = factory.receiver(name, { prefix });
		sender.send("one");
		receiver.recv();
		const loan = sender.loan(100);
		const flushed = sender.flush();
		assert.equal(await isPending(flushed), true);
		loan?.[Symbol.dispose]();
		assert.deepEqual(await flushed, { done: true, read: 1, left: 0, unread: 0 });
	});

	test("ends with the signal, with the sender, and several wait at once", async () => {
		const name = names.next();
		const sender = factory.sender(name, { prefix, capacity: 4096 });
		using receiver = factory.receiver(name, { prefix });
		let filled = 0;
		while (sender.trySend("filler")) filled++;
		const controller = new AbortController();
		const aborted = sender.flush({ signal: controller.signal });
		const first = sender.flush();
		const sending = sender.sendAsync(new Uint8Array(1000));
		const second = sender.flush();
		assert.equal(await isPending(Promise.race([aborted, first, second, sending])), true);
		controller.abort("enough");
		assert.equal(await rejection(aborted), "enough");
		for (; filled > 0; filled--) receiver.recv();
		const clock = startClock();
		assert.deepEqual((await Promise.all([first, second, sending]))[2], true);
		expectWoken(clock());
		const closed = sender.flush();
		assert.equal(await isPending(closed), true);
		sender.close();
		assert.equal(await rejectionCode(closed), "ERR_IPC_CLOSED");
		assert.equal(await rejectionCode(sender.flush()), "ERR_IPC_CLOSED");
	});

	test("a receiver that has lost the messages counts as having read them", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
		using fast = factory.receiver(name, { prefix });
		using slow = factory.receiver(name, { prefix });
		sender.sendBatch(["one", "two"]);
		const flushed = sender.flush();
		sender.send("three");
		fast.recv();
		fast.recv();
		assert.equal(await isPending(flushed), true);
		for (let i = 0; i < 600; i++) sender.send("filler");
		fast.recv(); // it signals the sender, which would find it at its next poll
		assert.deepEqual(await flushed, { done: true, read: 2, left: 0, unread: 0 });
		assert.equal(slow.closed, false);
	});

	test("resolves within a second when a receiver is killed", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix });
		using receiver = factory.receiver(name, { prefix });
		await using child = startProgram("holder", [kind, "receiver", prefix, name]);
		assert.equal(await child.line(), "ready");
		sender.send("one");
		receiver.recv();
		const flushed = sender.flush();
		assert.equal(await isPending(flushed), true);
		await child.kill();
		const ms = await took(() => flushed);
		assert.deepEqual(await flushed, { done: true, read: 1, left: 1, unread: 0 });
		assert.ok(ms < RECOVERY_MS, `took ${ms} ms`);
	});

	test("another program's receiver ends it", async () => {
		const name = names.next();
		const rounds = 20;
		using sender = factory.sender(name, { prefix });
		await using child = startProgram("receiver", [kind, prefix, name, rounds, 64]);
		assert.equal(await child.line(), "ready");
		const clock = startClock();
		for (let round = 0; round < rounds; round++) {
			sender.send(writePattern(new Uint8Array(64), 0, round, 64));
			const { done, read, left } = await sender.flush();
			// After its last message it ends, and may have done so before the call.
			assert.deepEqual([done, read, left], [true, round + 1 < rounds ? 1 : read, 0]);
		}
		// Less than a poll of the event loop for each: it is woken.
		expectWoken(clock() / rounds);
		assert.equal(JSON.parse(await child.line()).received, rounds);
	});
});

test("flush of a queue resolves when the messages before it are done", async () => {
	const name = names.next();
	const nobody = { read: 0, left: 0, unread: 0 };
	using sender = Queue.sender(name, { prefix });
	assert.deepEqual(await sender.flush(), { done: true, ...nobody });
	sender.sendBatch(["one", "two"]);
	const flushed = sender.flush();
	sender.send("three");
	using first = Queue.receiver(name, { prefix });
	using second = Queue.receiver(name, { prefix });
	const lease = first.take();
	second.recv();
	assert.equal(await isPending(flushed), true);
	lease?.retry({ delay: 1 });
	assert.deepEqual(await sender.flush({ timeout: 5 }), { done: false, ...nobody });
	const again = second.take({ timeout: 10_000 });
	const other = second.take({ timeout: 10_000 });
	assert.equal(await isPending(flushed), true);
	again?.done();
	other?.done();
	assert.deepEqual(await flushed, { done: true, ...nobody });
});

test("senders of values flush, too", async () => {
	const name = names.next();
	using sender = Channel.sender(name, { prefix, codec: json<number>() });
	using receiver = Channel.receiver(name, { prefix, codec: json<number>() });
	sender.send(1);
	const flushed = sender.flush({ timeout: 60_000 });
	assert.equal(await isPending(flushed), true);
	assert.equal(receiver.recv(), 1);
	assert.deepEqual(await flushed, { done: true, read: 1, left: 0, unread: 0 });
});
