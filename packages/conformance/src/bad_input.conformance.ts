import assert from "node:assert/strict";
import { untyped } from "@libipc/testing/bad_values";
import { expectError } from "./expect_error.ts";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, Queue, Route, type Sender } from "./under_test.ts";

const names = new Names("bad");
const { prefix } = names;

afterAll(() => names.clear());

describe("names", () => {
	test.each([
		["", /empty/],
		["a/b", /"\/"/],
		["a\0b", /control character/],
		["a\nb", /control character/],
		["x".repeat(129), /129 bytes/],
		["ü".repeat(65), /130 bytes/],
		["\ud800", /well-formed/],
	])("%j is refused", (name, text) => {
		expectError("ERR_IPC_INVALID_NAME", text, () => Route.sender(name, { prefix }));
		expectError("ERR_IPC_INVALID_NAME", text, () => Channel.receiver(name, { prefix }));
		expectError("ERR_IPC_INVALID_NAME", text, () => Route.clear(name, { prefix }));
	});

	test("the longest name, dots, spaces and emoji are accepted", () => {
		for (const name of ["x".repeat(128), "a.b c", "🚀", ".."]) {
			using receiver = Channel.receiver(name, { prefix });
			using sender = Channel.sender(name, { prefix });
			assert.equal(sender.send("x"), true);
			assert.deepEqual(receiver.recv(), new TextEncoder().encode("x"));
		}
	});

	test("prefixes are checked too, and values that are not strings", () => {
		expectError("ERR_IPC_INVALID_NAME", /65 bytes/, () => Route.sender("x", { prefix: "p".repeat(65) }));
		expectError("ERR_IPC_INVALID_NAME", /"\/"/, () => Route.sender("x", { prefix: "/" }));
		expectError("ERR_IPC_INVALID_ARGUMENT", /not 5/, () => untyped(Route.sender, 5));
		expectError("ERR_IPC_INVALID_ARGUMENT", /prefix.*not null/, () => untyped(Route.sender, "x", { prefix: null }));
	});
});

describe("options", () => {
	test.each([
		[{ capacity: 5000 }, /power of two.*5000.*8192/],
		[{ capacity: 2048 }, /4096.*2048/],
		[{ capacity: 2 ** 31 }, /1 GiB/],
		[{ capacity: Number.NaN }, /NaN/],
		[{ capacity: -4096 }, /-4096/],
		[{ maxReceivers: 0 }, /maxReceivers.*1 to 1024.*0/],
		[{ maxReceivers: 1025 }, /1025/],
		[{ maxReceivers: 1.5 }, /1\.5/],
		[{ permissions: 0o1000 }, /permissions/],
	])("%j are refused", (options, text) => {
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => Channel.sender(names.next(), { prefix, ...options }));
	});

	test("that differ from the creator's are refused; no options are accepted", () => {
		const name = names.next();
		using _creator = Channel.receiver(name, { prefix, capacity: 8192, maxReceivers: 3 });
		expectError("ERR_IPC_OPTIONS_MISMATCH", /capacity 8192.*16384/, () =>
			Channel.sender(name, { prefix, capacity: 16384 }),
		);
		expectError("ERR_IPC_OPTIONS_MISMATCH", /maxReceivers 3.*4/, () =>
			Channel.sender(name, { prefix, maxReceivers: 4 }),
		);
		using _sender = Channel.sender(name, { prefix });
		using _same = Channel.receiver(name, { prefix, capacity: 8192, maxReceivers: 3 });
	});
});

describe("timeouts", () => {
	test.each([-1, Number.NaN, -Infinity, "5", null, true])("%p is refused", (timeout) => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		for (const call of [
			() => untyped(sender.send.bind(sender), "x", { timeout }),
			() => untyped(sender.sendBatch.bind(sender), ["x"], { timeout }),
			() => untyped(sender.waitForReceivers.bind(sender), 1, { timeout }),
			() => untyped(receiver.recv.bind(receiver), { timeout }),
			() => untyped(receiver.recvInto.bind(receiver), new Uint8Array(1), { timeout }),
			() => untyped(receiver.drain.bind(receiver), () => {}, { timeout }),
		])
			expectError("ERR_IPC_INVALID_ARGUMENT", /timeout/, call);
		assert.equal(receiver.tryRecv(), null);
	});

	test("huge and infinite timeouts are accepted", () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		for (const timeout of [0, 0.5, 1e12, Number.MAX_VALUE, Infinity, undefined]) {
			assert.equal(sender.send("x", { timeout }), true);
			assert.deepEqual(receiver.recv({ timeout }), new TextEncoder().encode("x"));
		}
	});
});

describe("messages", () => {
	test("a message larger than a queue can hold is refused with the limit, and nothing is sent; the limit itself fits", () => {
		const name = names.next();
		using receiver = Queue.receiver(name, { prefix, capacity: 4096 });
		using sender = Queue.sender(name, { prefix });
		assert.equal(sender.maxMessageLength, 2032);
		expectError("ERR_IPC_MESSAGE_TOO_LARGE", /2033 bytes.*limit.*is 2032/, () => sender.send(new Uint8Array(2033)));
		expectError("ERR_IPC_MESSAGE_TOO_LARGE", /2032/, () => sender.sendBatch(["before", "x".repeat(2033), "after"]));
		assert.deepEqual(receiver.recv(), new TextEncoder().encode("before"));
		assert.equal(receiver.tryRecv(), null);
		for (let i = 0; i < 20; i++) {
			assert.equal(sender.trySend(new Uint8Array(2032).fill(i)), true);
			assert.deepEqual(receiver.tryRecv(), new Uint8Array(2032).fill(i));
			sender.trySend("x");
			receiver.tryRecv();
		}
	});

	test.each([5, null, undefined, {}, [1, 2]])("%p is not a message", (message) => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		expectError("ERR_IPC_INVALID_ARGUMENT", /message must be/, () => untyped(sender.send.bind(sender), message));
		expectError("ERR_IPC_INVALID_ARGUMENT", /message must be/, () => untyped(sender.trySend.bind(sender), message));
		expectError("ERR_IPC_INVALID_ARGUMENT", /message must be/, () => untyped(sender.sendBatch.bind(sender), [message]));
		assert.equal(receiver.tryRecv(), null);
	});

	test("a detached buffer is not an empty message", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		const message = new Uint8Array(4);
		structuredClone(message.buffer, { transfer: [message.buffer] });
		expectError("ERR_IPC_INVALID_ARGUMENT", /detached/, () => sender.send(message));
		expectError("ERR_IPC_INVALID_ARGUMENT", /detached/, () => sender.send(message.buffer));
		assert.equal(receiver.tryRecv(), null);
	});

	test("other arguments of the wrong kind", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		expectError("ERR_IPC_INVALID_ARGUMENT", /Uint8Array/, () =>
			untyped(receiver.recvInto.bind(receiver), new ArrayBuffer(4)),
		);
		expectError("ERR_IPC_INVALID_ARGUMENT", /function/, () => untyped(receiver.drain.bind(receiver), "x"));
		expectError("ERR_IPC_INVALID_ARGUMENT", /max.*1 to 65536/, () => receiver.drain(() => {}, { max: 0 }));
		expectError("ERR_IPC_INVALID_ARGUMENT", /count.*1024/, () => sender.waitForReceivers(1025));
		expectError("ERR_IPC_INVALID_ARGUMENT", /options/, () => untyped(sender.send.bind(sender), "x", 5));
		expectError("ERR_IPC_INVALID_ARGUMENT", /iterable/, () => untyped(sender.sendBatch.bind(sender), 5));
		expectError("ERR_IPC_INVALID_ARGUMENT", /options/, () => untyped(Route.sender, name, 5));
	});
});

describe("endpoints", () => {
	test("a second sender on a live route is refused with the process of the first one, which continues", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		expectError("ERR_IPC_HAS_SENDER", new RegExp(`this process \\(${process.pid}\\).*Channel`), () =>
			Route.sender(name, { prefix }),
		);
		assert.equal(sender.send("x"), true);
		assert.deepEqual(receiver.recv(), new TextEncoder().encode("x"));
	});

	test("one receiver more than maxReceivers is refused; after one has left there is room", () => {
		const name = names.next();
		using first = Channel.receiver(name, { prefix, maxReceivers: 2 });
		using _second = Channel.receiver(name, { prefix });
		expectError("ERR_IPC_TOO_MANY_RECEIVERS", /2 receivers/, () => Channel.receiver(name, { prefix }));
		first.close();
		using _third = Channel.receiver(name, { prefix });
	});

	test("a closed endpoint refuses everything except close()", () => {
		const name = names.next();
		const receiver = Channel.receiver(name, { prefix });
		const sender: Sender = Channel.sender(name, { prefix });
		receiver.close();
		sender.close();
		for (const call of [
			() => sender.send("x"),
			() => sender.trySend("x"),
			() => sender.sendBatch(["x"]),
			() => sender.receiverCount,
			() => sender.waitForReceivers(1),
			() => sender.clone(),
			() => receiver.recv(),
			() => receiver.tryRecv(),
			() => receiver.recvInto(new Uint8Array(1)),
			() => receiver.drain(() => {}),
			() => receiver.clone(),
		])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
	});
});
