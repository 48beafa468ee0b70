import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { text } from "@libipc/testing/text";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, type IpcErrorCode, Queue, Route } from "./under_test.ts";

const names = new Names("hardening");
const { prefix } = names;

afterAll(() => names.clear());

const code = (value: IpcErrorCode) => ({ code: value });

describe("endpoints that are closed from unexpected places", () => {
	test("a getter of an options object", () => {
		const name = names.next();
		const closing = (endpoint: { close(): void }, extra: object = {}) => ({
			...extra,
			get timeout() {
				endpoint.close();
				return 0;
			},
		});
		const receivers = [1, 2, 3].map(() => Channel.receiver(name, { prefix }));
		const sender = Channel.sender(name, { prefix });
		const [first, second, third] = receivers;
		if (!first || !second || !third) throw new Error("three were opened");
		assert.throws(() => first.recvInto(new Uint8Array(8), closing(first)), code("ERR_IPC_CLOSED"));
		assert.throws(() => second.drain(() => {}, closing(second)), code("ERR_IPC_CLOSED"));
		assert.throws(() => third.recv(closing(third)), code("ERR_IPC_CLOSED"));
		assert.throws(() => sender.waitForReceivers(1, closing(sender)), code("ERR_IPC_CLOSED"));
	});

	test("the iterable of a batch: what it yielded before is sent, and batches of a clone are not affected", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		const a = Route.sender(name, { prefix });
		using b = a.clone();
		function* closing() {
			yield "a";
			a.close();
			yield "never";
		}
		assert.throws(() => a.sendBatch(closing()), code("ERR_IPC_CLOSED"));
		assert.equal(b.sendBatch(["x"]), 1);
		assert.deepEqual([receiver.tryRecv(), receiver.tryRecv(), receiver.tryRecv()].map(text), ["a", "x", null]);
	});
});

describe("views of the ring", () => {
	test("stay readable when their buffer was transferred and the first buffer is collected", async () => {
		await using child = startProgram("transfer", [prefix, names.next()]);
		assert.equal(await child.line(), "next");
		assert.equal(await child.line(), "kept");
		assert.equal(await child.line(), "0,0,0,0");
		assert.equal(await child.exited, 0);
	});
});

describe("lengths", () => {
	test("a string that cannot fit is refused before it is encoded", () => {
		const name = names.next();
		using _receiver = Queue.receiver(name, { prefix });
		using sender = Queue.sender(name, { prefix });
		const { encode, encodeInto } = TextEncoder.prototype;
		let calls = 0;
		TextEncoder.prototype.encode = function (text) {
			calls++;
			return encode.call(this, text);
		};
		TextEncoder.prototype.encodeInto = function (text, target) {
			calls++;
			return encodeInto.call(this, text, target);
		};
		try {
			assert.throws(() => sender.send("x".repeat(2e7)), code("ERR_IPC_MESSAGE_TOO_LARGE"));
			assert.equal(calls, 0);
			sender.send("fits");
		} finally {
			Object.assign(TextEncoder.prototype, { encode, encodeInto });
		}
	});

	test("a message of 4 GiB is not an empty one", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		const huge = new Uint8Array(2 ** 32);
		assert.throws(() => sender.send(huge), code("ERR_IPC_MESSAGE_TOO_LARGE"));
		assert.throws(() => sender.sendBatch([huge]), code("ERR_IPC_MESSAGE_TOO_LARGE"));
		assert.equal(receiver.tryRecv(), null);
		sender.send("x");
		assert.equal(receiver.recvInto(huge), 1);
	});

	test("objects that only look like the right type are refused", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		const fake = Object.create(Uint8Array.prototype) as Uint8Array;
		assert.throws(() => sender.send(fake), code("ERR_IPC_INVALID_ARGUMENT"));
		assert.throws(() => receiver.recvInto(fake), code("ERR_IPC_INVALID_ARGUMENT"));
		assert.throws(
			() => sender.sendBatch({ [Symbol.iterator]: 1 } as unknown as string[]),
			code("ERR_IPC_INVALID_ARGUMENT"),
		);
	});
});

describe("waiting", () => {
	test("a large message is not starved by small ones", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using small = Channel.sender(name, { prefix });
		await using large = startProgram("flood", [prefix, name, 2000]);
		assert.equal(await large.line(), "ready");
		const target = new Uint8Array(2000);
		let larges = 0;
		const until = performance.now() + 5000;
		while (larges < 20 && performance.now() < until) {
			// Whatever one receive has made free is taken at once: the large one gets in only if it can keep what it has.
			while (small.trySend("small"));
			if (receiver.recvInto(target, { timeout: 0 }) === 2000) larges++;
		}
		assert.equal(larges, 20);
	});

	test("for more receivers than there can be is refused", () => {
		using sender = Channel.sender(names.next(), { prefix, maxReceivers: 2 });
		assert.throws(() => sender.waitForReceivers(3, { timeout: 100 }), code("ERR_IPC_INVALID_ARGUMENT"));
	});

	test("for receivers does not count a killed one, and a close removes it from the count", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix });
		await using child = startProgram("holder", ["channel", "receiver", prefix, name]);
		assert.equal(await child.line(), "ready");
		assert.equal(sender.receiverCount, 1);
		await child.kill();
		assert.equal(sender.waitForReceivers(1, { timeout: 20 }), false);
		assert.equal(sender.receiverCount, 0);
		await using another = startProgram("holder", ["channel", "receiver", prefix, name]);
		assert.equal(await another.line(), "ready");
		const closing = Channel.receiver(name, { prefix });
		await another.kill();
		closing.close();
		assert.equal(sender.receiverCount, 0);
	});

	test("trySend and tryRecv notice a deleted file, too", () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		rmSync(names.path("channel", name));
		const patience = performance.now() + 10_000;
		assert.throws(() => {
			while (performance.now() < patience) receiver.tryRecv();
		}, code("ERR_IPC_ORPHANED"));
		assert.throws(() => sender.trySend("x"), code("ERR_IPC_ORPHANED"));
	});
});

test("permissions that exclude the owner, or differ from the creator's, are refused", () => {
	const name = names.next();
	assert.throws(
		() => Channel.receiver(name, { prefix, permissions: 0o644 & ~0o200 }),
		code("ERR_IPC_INVALID_ARGUMENT"),
	);
	using _receiver = Channel.receiver(name, { prefix, permissions: 0o660 });
	assert.throws(() => Channel.sender(name, { prefix, permissions: 0o600 }), {
		code: "ERR_IPC_OPTIONS_MISMATCH",
		message: /permissions 0o660.*0o600/,
	});
	assert.throws(() => Channel.sender(name, { prefix }), {
		code: "ERR_IPC_PERMISSION",
		message: /permissions 0o660, more than was asked for here/,
	});
	using sender = Channel.sender(name, { prefix, permissions: 0o660 });
	using _clone = sender.clone();
});
