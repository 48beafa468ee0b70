import assert from "node:assert/strict";
import { text } from "@libipc/testing/text";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, list, type Message, monotonicNs, Route } from "./under_test.ts";

const names = new Names("messages");
const { prefix } = names;

afterAll(() => names.clear());

const bytes = (...values: number[]) => Uint8Array.from(values);
const utf8 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text));

describe.each([
	["route", Route],
	["channel", Channel],
] as const)("%s", (_, factory) => {
	test("carries every kind of message", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const shared = new SharedArrayBuffer(3);
		new Uint8Array(shared).set([7, 8, 9]);
		const backing = bytes(1, 2, 3, 4, 5);
		const cases: [Message, Uint8Array<ArrayBuffer>][] = [
			["grüße 🚀", utf8("grüße 🚀")],
			["", bytes()],
			[bytes(1, 2, 3), bytes(1, 2, 3)],
			[bytes(), bytes()],
			[backing.subarray(1, 4), bytes(2, 3, 4)],
			[backing.buffer.slice(0, 2), bytes(1, 2)],
			[new ArrayBuffer(0), bytes()],
			[new DataView(backing.buffer, 3), bytes(4, 5)],
			[Buffer.from("buffer"), utf8("buffer")],
			[Uint16Array.of(0x0201), bytes(1, 2)],
			[shared, bytes(7, 8, 9)],
			["x".repeat(100_000), utf8("x".repeat(100_000))],
		];
		for (const [message] of cases) assert.equal(sender.send(message), true);
		for (const [, expected] of cases) assert.deepEqual(receiver.recv(), expected);
		assert.equal(receiver.tryRecv(), null);
		assert.equal(sender.sendBatch(cases.map(([message]) => message)), cases.length);
		for (const [, expected] of cases) assert.deepEqual(receiver.tryRecv(), expected);
	});

	test("every receiver gets every message sent after it was opened, and no earlier one", () => {
		const name = names.next();
		using first = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.send("1");
		using second = factory.receiver(name, { prefix });
		sender.send("2");
		assert.deepEqual([text(first.recv()), text(first.recv()), text(second.recv())], ["1", "2", "2"]);
		assert.deepEqual([first.tryRecv(), second.tryRecv()], [null, null]);
	});

	test("a full ring makes send wait and trySend return false; nothing is lost", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		let sent = 0;
		while (sender.trySend(`message ${sent}`)) sent++;
		assert.ok(sent > 4096 / 40);
		assert.equal(sender.send("message too late", { timeout: 20 }), false);
		for (let i = 0; i < sent; i++) assert.equal(text(receiver.recv()), `message ${i}`);
		assert.equal(receiver.tryRecv(), null);
		assert.equal(sender.send("again", { timeout: 0 }), true);
		assert.equal(text(receiver.recv()), "again");
	});

	test("sendBatch of more than the ring holds returns how many were sent", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		const messages = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
		const sent = sender.sendBatch(messages, { timeout: 10 });
		assert.ok(sent > 100);
		assert.ok(sent < 1000);
		for (let i = 0; i < sent; i++) assert.equal(text(receiver.recv()), `message ${i}`);
		assert.equal(receiver.tryRecv(), null);
	});

	test("sendBatch takes any iterable; what came before a failure in it is sent", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		function* failing() {
			yield "one";
			yield "two";
			throw new Error("the source failed");
		}
		assert.throws(() => sender.sendBatch(failing()), /the source failed/);
		assert.deepEqual([text(receiver.recv()), text(receiver.recv()), receiver.tryRecv()], ["one", "two", null]);
		assert.equal(sender.sendBatch(new Set(["three"])), 1);
		assert.equal(sender.sendBatch([]), 0);
		assert.equal(text(receiver.recv()), "three");
	});

	test("the iterable of a batch cannot send in between", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		function* nested(send: () => unknown) {
			yield "one";
			send();
		}
		for (const send of [() => sender.send("x"), () => sender.trySend("x"), () => sender.sendBatch(["x"])]) {
			assert.throws(() => sender.sendBatch(nested(send)), { code: "ERR_IPC_REENTRANT" });
			assert.deepEqual([text(receiver.recv()), receiver.tryRecv()], ["one", null]);
		}
		assert.equal(sender.send("two"), true);
		assert.equal(text(receiver.recv()), "two");
	});

	test("without receivers a send is refused at once", () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix });
		assert.equal(sender.receiverCount, 0);
		assert.equal(sender.send("x"), false);
		assert.equal(sender.trySend("x"), false);
		assert.equal(sender.sendBatch(["x", "y"]), 0);
		assert.equal(sender.waitForReceivers(1, { timeout: 10 }), false);
		assert.equal(sender.waitForReceivers(0), true);
		const receiver = factory.receiver(name, { prefix });
		assert.equal(sender.waitForReceivers(1), true);
		assert.equal(sender.receiverCount, 1);
		receiver.close();
		assert.equal(sender.receiverCount, 0);
	});

	test("recvInto copies, and leaves a message that does not fit", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const target = new Uint8Array(8).fill(0xff);
		sender.send(bytes(1, 2, 3));
		assert.equal(receiver.recvInto(target), 3);
		assert.deepEqual(target, bytes(1, 2, 3, 0xff, 0xff, 0xff, 0xff, 0xff));
		sender.send(new Uint8Array(9));
		assert.throws(() => receiver.recvInto(target), { code: "ERR_IPC_BUFFER_TOO_SMALL", message: /9 bytes.*8/ });
		assert.throws(() => receiver.recvInto(new Uint8Array(0)), { code: "ERR_IPC_BUFFER_TOO_SMALL" });
		assert.equal(receiver.recvInto(new Uint8Array(9)), 9);
		sender.send("");
		assert.equal(receiver.recvInto(new Uint8Array(0)), 0);
		assert.equal(receiver.recvInto(target, { timeout: 0 }), -1);
		assert.equal(receiver.recvInto(new Uint8Array(0), { timeout: 0 }), -1);
	});

	test("drain passes views, at most max, and waits only if there is nothing", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const seen: (string | null)[] = [];
		const collect = (view: Uint8Array) => void seen.push(text(view));
		sender.sendBatch(["a", "", "c", "d"]);
		assert.equal(receiver.drain(collect, { max: 3 }), 3);
		assert.equal(receiver.drain(collect), 1);
		assert.equal(receiver.drain(collect, { timeout: 5 }), 0);
		assert.deepEqual(seen, ["a", "", "c", "d"]);
	});

	test("a drain handler that throws has received its message; later messages stay", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.sendBatch(["a", "b", "c"]);
		assert.throws(
			() =>
				receiver.drain((view) => {
					if (text(view) === "b") throw new Error("b is bad");
				}),
			/b is bad/,
		);
		assert.equal(text(receiver.recv()), "c");
	});

	test("inside a drain handler the receiver can be closed but not read", () => {
		const name = names.next();
		const receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.sendBatch(["a", "b"]);
		assert.throws(() => receiver.drain(() => receiver.recv()), { code: "ERR_IPC_REENTRANT" });
		let kept: Uint8Array | undefined;
		const handled = receiver.drain((view) => {
			receiver.close();
			kept = view;
			assert.equal(text(view), "b");
		});
		assert.equal(handled, 1);
		assert.equal(sender.receiverCount, 0);
		// A view kept for too long may read anything, but must not crash.
		assert.equal(kept?.byteLength, 1);
		assert.equal(typeof kept?.[0], "number");
	});

	test("endpoints close once, also by using, and show that they are closed", async () => {
		const name = names.next();
		const sender = factory.sender(name, { prefix });
		{
			using receiver = factory.receiver(name, { prefix });
			await using second = receiver.clone();
			assert.equal(second.name, name);
			assert.equal(sender.receiverCount, 2);
			second.close();
			second.close();
			assert.equal(second.closed, true);
			assert.equal(receiver.closed, false);
		}
		assert.equal(sender.receiverCount, 0);
		sender.close();
		sender.close();
		assert.equal(sender.closed, true);
		assert.deepEqual(
			list({ prefix }).filter((each) => each.name === name),
			[],
		);
	});
});

describe("clones of senders", () => {
	test("the clones of a route's sender are one sender, which leaves with the last of them", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		const first = Route.sender(name, { prefix });
		const second = first.clone();
		first.send("1");
		second.send("2");
		first.close();
		assert.throws(() => first.send("x"), { code: "ERR_IPC_CLOSED" });
		assert.throws(() => Route.sender(name, { prefix }), { code: "ERR_IPC_HAS_SENDER" });
		second.send("3");
		second.close();
		using successor = Route.sender(name, { prefix });
		successor.send("4");
		assert.deepEqual(
			[1, 2, 3, 4].map(() => text(receiver.recv())),
			["1", "2", "3", "4"],
		);
	});

	test("the clones of a channel's sender are separate senders", () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using first = Channel.sender(name, { prefix });
		using second = first.clone();
		first.send("1");
		second.send("2");
		assert.deepEqual([text(receiver.recv()), text(receiver.recv())], ["1", "2"]);
	});
});

test.each([
	[64, 65_536],
	[1024, 131_072],
])("a channel takes %d senders with a capacity of %d bytes, and no more", (most, capacity) => {
	const name = names.next();
	const senders = Array.from({ length: most }, () => Channel.sender(name, { prefix, capacity }));
	assert.throws(() => Channel.sender(name, { prefix }), {
		code: "ERR_IPC_TOO_MANY_SENDERS",
		message: most === 64 ? /64 senders.*up to 64 KiB.*room for 1024/ : /1024 senders, which is the limit\. Close one/,
	});
	senders.pop()?.close();
	using last = Channel.sender(name, { prefix });
	using receiver = Channel.receiver(name, { prefix });
	assert.deepEqual([last.send("last"), senders[0]?.send("first")], [true, true]);
	assert.deepEqual([text(receiver.recv()), text(receiver.recv())], ["last", "first"]);
	for (const sender of senders) sender.close();
});

describe("clear", () => {
	test("what was sent before can be read, then both ends fail with ERR_IPC_ORPHANED", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		sender.send("kept");
		Route.clear(name, { prefix });
		assert.throws(() => sender.send("x"), { code: "ERR_IPC_ORPHANED" });
		assert.equal(text(receiver.recv()), "kept");
		assert.throws(() => receiver.recv(), { code: "ERR_IPC_ORPHANED" });
		using fresh = Route.sender(name, { prefix });
		assert.equal(fresh.receiverCount, 0);
		Route.clear("never opened", { prefix });
	});

	test("names of different kinds and prefixes are separate", () => {
		const name = names.next();
		using route = Route.receiver(name, { prefix });
		using channel = Channel.receiver(name, { prefix });
		using other = Route.receiver(name, { prefix: `${prefix}.other` });
		using sender = Route.sender(name, { prefix });
		assert.equal(sender.receiverCount, 1);
		sender.send("x");
		assert.deepEqual([text(route.recv()), channel.tryRecv(), other.tryRecv()], ["x", null, null]);
	});
});

test("monotonicNs counts nanoseconds, the same in every program", async () => {
	const before = monotonicNs();
	await using peer = startProgram("clock", []);
	const there = Number(await peer.line());
	const after = monotonicNs();
	assert.deepEqual([before < there, there < after], [true, true]);
});
