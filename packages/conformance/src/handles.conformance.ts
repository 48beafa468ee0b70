import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { untyped } from "@libipc/testing/bad_values";
import { sleep, until } from "@libipc/testing/timing";
import { expectError } from "./expect_error.ts";
import { afterEach, describe, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import {
	Condition,
	type Handle,
	type HandleKind,
	type HandleOptions,
	list,
	Mutex,
	RwLock,
	Semaphore,
	SharedMemory,
	Signal,
} from "./under_test.ts";

const names = new Names("handles");
const { prefix } = names;

afterEach(() => names.expectNothingLeft());

interface Factory {
	open(name: string, options?: HandleOptions): Handle;
	clear(name: string, options?: { prefix?: string }): void;
}

const memory: Factory = {
	open: (name, options) =>
		SharedMemory.open(
			name,
			options !== null && typeof options === "object" ? { size: 64, ...options } : (options as never),
		),
	clear: SharedMemory.clear,
};

const kinds: readonly (readonly [HandleKind, Factory, string])[] = [
	["mutex", Mutex, "mutex"],
	["condition", Condition, "condition"],
	["semaphore", Semaphore, "semaphore"],
	["rwlock", RwLock, "reader-writer lock"],
	["memory", memory, "shared memory"],
	["signal", Signal, "Signal"],
];

const child = (program: string, name: string, kind: HandleKind) =>
	startProgram("opener", [program, prefix, name, kind]);

describe.each(kinds)("a handle of a %s", (kind, factory, what) => {
	const open = (name: string, options: HandleOptions = {}) => factory.open(name, { prefix, ...options });

	test("has a name that exists until the last handle is closed", async () => {
		const name = names.next();
		const first = open(name);
		const second = open(name);
		assert.deepEqual([first.name, first.closed], [name, false]);
		first.close();
		first.close();
		assert.deepEqual([first.name, first.closed, second.closed], [name, true, false]);
		assert.equal(names.existing().length, 1);
		second.close();
		assert.equal(names.existing().length, 0);
		{
			using third = open(name);
			await using fourth = open(name);
			assert.deepEqual([third.closed, fourth.closed], [false, false]);
			assert.equal(names.existing().length, 1);
		}
		assert.equal(names.existing().length, 0);
		await using process = child("forgets", name, kind);
		assertLike(await process.report<object>(), { code: "opened" });
		assert.equal(await process.exited, 0);
		assert.equal(names.existing().length, 0);
	});

	test("invalid names, prefixes and options are refused, and nothing is created", () => {
		const name = names.next();
		for (const [bad, text] of [
			["", /empty/],
			["a/b", /"\/"/],
			["a\0b", /control character/],
			["x".repeat(129), /129 bytes/],
			["\ud800", /well-formed/],
		] as const) {
			expectError("ERR_IPC_INVALID_NAME", text, () => open(bad));
			expectError("ERR_IPC_INVALID_NAME", text, () => factory.clear(bad, { prefix }));
		}
		expectError("ERR_IPC_INVALID_NAME", /65 bytes/, () => open(name, { prefix: "p".repeat(65) }));
		const invalid = "ERR_IPC_INVALID_ARGUMENT";
		expectError(invalid, /name must be a string.*not 5/, () => untyped(factory.open, 5, { prefix, size: 1 }));
		expectError(invalid, /prefix must be a string.*not null/, () => untyped(open, name, { prefix: null }));
		for (const bad of [5, "x", null, true]) {
			expectError(invalid, /options must be an object/, () => untyped(factory.open, name, bad));
			expectError(invalid, /options must be an object/, () => untyped(factory.clear, name, bad));
		}
		for (const maxHandles of [0, -1, 1025, 1.5, Number.NaN, "5", null])
			expectError(invalid, /maxHandles must be an integer from 1 to 1024, not /, () =>
				untyped(open, name, { maxHandles }),
			);
		for (const permissions of [0, 0o577, 0o1000, 1.5, "0o600", null])
			expectError(invalid, /permissions must be an integer from 0o600 to 0o777/, () =>
				untyped(open, name, { permissions }),
			);
		assert.deepEqual(names.existing(), []);
	});

	test("options that differ from those of the creator are refused; equal ones, or none, are valid", () => {
		const name = names.next();
		using _creator = open(name, { maxHandles: 5, permissions: 0o660 });
		const mismatch = "ERR_IPC_OPTIONS_MISMATCH";
		const text = `${what} "${name}"`;
		const shared = { permissions: 0o660 };
		const others = () => open(name, { ...shared, maxHandles: 6 });
		expectError(mismatch, new RegExp(`${text}.* with maxHandles 5, .* with 6`), others);
		expectError(mismatch, new RegExp(`${text}.* 0o660, .* 0o666`), () => open(name, { permissions: 0o666 }));
		using _same = open(name, { ...shared, maxHandles: 5 });
		using _none = open(name, shared);
		// A program that did not ask to share does not join what is shared: docs/security.md.
		expectError(mismatch, new RegExp(`${text}.* 0o660, .* 0o600`), () => open(name, { permissions: 0o600 }));
		expectError("ERR_IPC_PERMISSION", new RegExp(`${text}.*0o660`), () => open(name));
	});

	test("one handle more than maxHandles is refused; after one was closed or killed, another can be opened", async () => {
		const name = names.next();
		const first = open(name, { maxHandles: 2 });
		await using process = child("keeps", name, kind);
		assertLike(await process.report<object>(), { code: "opened" });
		expectError("ERR_IPC_TOO_MANY_HANDLES", /is open 2 times.*larger maxHandles/, () => open(name));
		first.close();
		using _second = open(name);
		expectError("ERR_IPC_TOO_MANY_HANDLES", /2 times/, () => open(name));
		await process.kill();
		using _third = open(name);
	});

	test("maxHandles handles can be open, 64 by default", () => {
		for (const maxHandles of [1, 100, undefined]) {
			const name = names.next();
			const handles = Array.from({ length: maxHandles ?? 64 }, () => open(name, { maxHandles }));
			expectError("ERR_IPC_TOO_MANY_HANDLES", new RegExp(`${maxHandles ?? 64} times`), () => open(name));
			for (const handle of handles) handle.close();
		}
	});

	test("a name that only killed programs had open is created again, also with other options", async () => {
		const name = names.next();
		await using process = child("keeps", name, kind);
		assertLike(await process.report<object>(), { code: "opened" });
		await process.kill();
		// What a thread leaves is removed at its end.
		if (instance.transport === "threads") await until(() => names.existing().length === 0);
		else assert.deepEqual(names.existing(), [name]);
		using _again = open(name, { maxHandles: 3 });
		assert.deepEqual(
			list({ prefix }).map(({ maxReceivers }) => maxReceivers),
			[3],
		);
	});

	test("clear() of a name that does not exist changes nothing", () => {
		using _other = open(names.next());
		const before = names.existing();
		for (const options of [{ prefix }, undefined]) assert.doesNotThrow(() => factory.clear(names.next(), options));
		assert.deepEqual(names.existing(), before);
	});
});

test("the same name under two prefixes, or of two kinds, belongs to two things", () => {
	const name = names.next();
	const other = `${prefix}.other`;
	using a = Mutex.open(name, { prefix });
	using b = Mutex.open(name, { prefix: other });
	using lock = RwLock.open(name, { prefix });
	using semaphore = Semaphore.open(name, { prefix });
	using condition = Condition.open(name, { prefix });
	using memory = SharedMemory.open(name, { prefix, size: 8 });
	a.lock();
	assert.deepEqual([b.tryLock(), lock.tryLock(), semaphore.tryAcquire() !== null], [true, true, true]);
	assert.deepEqual([condition.notifyAll(), memory.wake(0), memory.referenceCount], [0, 0, 1]);
	assert.equal(names.existing().length, 6);
	b.unlock();
	Mutex.clear(name, { prefix: other });
	assert.equal(names.existing().length, 5);
	assert.equal(b.closed, false);
	expectError("ERR_IPC_ORPHANED", new RegExp(`mutex "${name}" \\(prefix "${other}"\\)`), () => b.lock());
	a.unlock();
	assert.equal(a.tryLock(), true);
	a.unlock();
	lock.unlock();
});

test("a wait without a timeout lasts longer than one call into native code", async () => {
	const name = names.next();
	using mutex = Mutex.open(name, { prefix });
	using lock = RwLock.open(name, { prefix });
	using semaphore = Semaphore.open(name, { prefix, initial: 0 });
	using condition = Condition.open(`${name}.condition`, { prefix });
	using guarded = Mutex.open(`${name}.condition.mutex`, { prefix });
	using memory = SharedMemory.open(name, { prefix, size: 4096 });
	mutex.lock();
	lock.lock();
	await using waitsForMutex = startProgram("lock", ["waits", prefix, name, "mutex"]);
	await using waitsForLock = startProgram("lock", ["waits", prefix, name, "rwlock"]);
	await using waitsToRead = startProgram("lock", ["waits to read", prefix, name, "rwlock"]);
	await using waitsForPermit = startProgram("semaphore", ["waits", prefix, name]);
	await using waitsForNotify = startProgram("condition", ["waits", prefix, condition.name]);
	await using waitsForWake = startProgram("shared_memory", ["waits", prefix, name, 0]);
	const children = [waitsForMutex, waitsForLock, waitsToRead, waitsForPermit, waitsForNotify, waitsForWake];
	for (const each of children) assert.equal(await each.report<string>(), "waiting");
	let ended = 0;
	const ends = children.map(async (each) => {
		const report = await each.report<unknown>();
		ended++;
		return report;
	});
	// Nothing may happen in this time.
	await sleep(1300);
	assert.equal(ended, 0);
	mutex.unlock();
	lock.unlock();
	semaphore.release();
	{
		using _guard = guarded.acquire();
		assert.equal(condition.notify(), 1);
	}
	assert.equal(memory.wake(0), 1);
	const locked = { ownerDied: false };
	assert.deepEqual(await Promise.all(ends), [locked, locked, locked, "acquired", { notified: true, held: true }, "ok"]);
	for (const each of children) assert.equal(await each.exited, 0);
});
