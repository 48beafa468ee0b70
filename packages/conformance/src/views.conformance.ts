/** What is handed out in place: what it is good for, and for how long. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { text } from "@libipc/testing/text";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, Queue, SharedMemory } from "./under_test.ts";

const names = new Names("views");
const { prefix } = names;

afterAll(() => names.clear());

/** What other interfaces make of bytes in place. */
const uses: Record<string, (bytes: Uint8Array) => unknown> = {
	TextDecoder: (bytes) => new TextDecoder().decode(bytes),
	Buffer: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
	"a copy": (bytes) => text(bytes.slice()),
	"a hash": (bytes) => createHash("sha256").update(bytes).digest("hex"),
	"a DataView": (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(0),
	structuredClone: (bytes) => text(structuredClone(bytes)),
	"a Blob": (bytes) => new Blob([bytes as Uint8Array<ArrayBuffer>]).size,
};

describe.each(Object.keys(uses))("bytes in place, for %s", (how) => {
	const use = uses[how] ?? String;
	const expected = use(new TextEncoder().encode("grün 🚀"));

	test("in a drain handler, a batch and a lease", () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		const seen: unknown[] = [];
		for (let i = 0; i < 2; i++) sender.send("grün 🚀");
		receiver.drain((view) => seen.push(use(view)), { max: 1 });
		receiver.drainBatch(({ bytes, offsets, lengths }) => {
			const offset = offsets[0] ?? 0;
			seen.push(use(bytes.subarray(offset, offset + (lengths[0] ?? 0))));
		});
		using jobs = Queue.receiver(name, { prefix });
		using employer = Queue.sender(name, { prefix });
		employer.send("grün 🚀");
		using lease = jobs.take();
		seen.push(lease && use(lease.bytes));
		lease?.done();
		assert.deepEqual(seen, [expected, expected, expected]);
	});

	test("in shared memory", () => {
		using memory = SharedMemory.open(names.next(), { prefix, size: 100 });
		const { written } = new TextEncoder().encodeInto("grün 🚀", memory.bytes);
		assert.deepEqual(use(memory.bytes.subarray(0, written)), expected);
	});
});

test("a loan is written in place, by any interface that writes bytes", () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix });
	using sender = Channel.sender(name, { prefix });
	for (const write of [
		(bytes: Uint8Array) => new TextEncoder().encodeInto("12345678", bytes).written,
		(bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).write("12345678"),
		(bytes: Uint8Array) => bytes.set(new TextEncoder().encode("12345678")),
		(bytes: Uint8Array) =>
			new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setBigUint64(0, 0x3132333435363738n),
	]) {
		using loan = sender.loan(8);
		write(loan?.bytes ?? new Uint8Array(8));
		assert.equal(loan?.send(), true);
		assert.equal(text(receiver.recv()), "12345678");
	}
});

test("what is received with a copy belongs to the caller, in a separate ArrayBuffer", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
	using sender = Channel.sender(name, { prefix });
	for (const length of [0, 5, 2000, 10_000]) {
		const sending = sender.sendAsync(new Uint8Array(length).fill(7));
		const message = await receiver.recvAsync({ timeout: 10_000 });
		assert.equal(await sending, true);
		assert.ok(message?.buffer instanceof ArrayBuffer);
		assert.equal(message.byteLength, length);
		const moved = structuredClone(message, { transfer: [message.buffer] });
		assert.deepEqual([message.byteLength, moved.byteLength, moved.every((byte) => byte === 7)], [0, length, true]);
	}
});

test("shared memory that a program keeps stays valid after close; the next to open gets zeros", () => {
	const name = names.next();
	const memory = SharedMemory.open(name, { prefix, size: 5000 });
	const { bytes, words } = memory;
	bytes.fill(5);
	memory.close();
	// As much as had room there, if it were given to others.
	const others = Array.from({ length: 20 }, () => SharedMemory.open(names.next(), { prefix, size: 5000 }));
	for (const other of others) other.bytes.fill(6);
	using second = SharedMemory.open(name, { prefix, size: 5000 });
	assert.equal(
		second.bytes.every((byte) => byte === 0),
		true,
	);
	second.bytes.fill(7);
	assert.equal(
		bytes.every((byte) => byte === 5),
		true,
	);
	assert.equal(words[0], 0x05050505);
	for (const other of others) other.close();
});
