/** The environment variable LIBIPC_PREFIX: the prefix of every call that passes none. */
import assert from "node:assert/strict";
import { untyped } from "@libipc/testing/bad_values";
import { text } from "@libipc/testing/text";
import { until } from "@libipc/testing/timing";
import { eachKind, openEachKind } from "./each_kind.ts";
import { expectError } from "./expect_error.ts";
import { afterAll, afterEach, describe, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import {
	Channel,
	Condition,
	clear,
	Latest,
	list,
	Mutex,
	Queue,
	Route,
	RwLock,
	Semaphore,
	SharedMemory,
	Signal,
} from "./under_test.ts";

const names = new Names("env");
const { prefix } = names;
const before = process.env.LIBIPC_PREFIX;

function restore(): void {
	if (before === undefined) delete process.env.LIBIPC_PREFIX;
	else process.env.LIBIPC_PREFIX = before;
}

afterEach(restore);
afterAll(() => names.clear());

const kindsIn = (inPrefix: string): readonly string[] => list({ prefix: inPrefix }).map(({ kind }) => kind);

function closeAll(opened: readonly Disposable[]): void {
	for (const each of opened) each[Symbol.dispose]();
}

describe("LIBIPC_PREFIX", () => {
	test("is the prefix of every kind, and a name without it is another name", () => {
		process.env.LIBIPC_PREFIX = prefix;
		const name = names.next();
		const opened = openEachKind(name);
		try {
			assert.deepEqual(kindsIn(prefix), eachKind);
			assert.equal(
				list({ prefix: "" }).some((each) => each.name === name),
				false,
			);
		} finally {
			closeAll(opened);
		}
		assert.deepEqual(kindsIn(prefix), []);
	});

	test("connects endpoints with others that pass the same prefix as an option", () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		process.env.LIBIPC_PREFIX = prefix;
		using sender = Channel.sender(name);
		assert.equal(sender.send("hello"), true);
		assert.equal(text(receiver.recv()), "hello");
	});

	test("has no effect on a call that passes a prefix, also the empty one", () => {
		process.env.LIBIPC_PREFIX = prefix;
		const name = `${prefix}.${names.next()}`;
		const other = `${prefix}.other`;
		const opened = [...openEachKind(name, { prefix: other }), Mutex.open(name, { prefix: "" })];
		try {
			assert.deepEqual(kindsIn(prefix), []);
			assert.deepEqual(kindsIn(other), eachKind);
			assert.deepEqual(
				list({ prefix: "" })
					.filter((each) => each.name === name)
					.map(({ kind }) => kind),
				["mutex"],
			);
		} finally {
			closeAll(opened);
		}
	});

	test("is read by each open: a clone and a handle that is open keep their prefix", () => {
		process.env.LIBIPC_PREFIX = prefix;
		const name = names.next();
		using receiver = Channel.receiver(name);
		process.env.LIBIPC_PREFIX = `${prefix}.other`;
		using clone = receiver.clone();
		using sender = Channel.sender(name, { prefix });
		assert.equal(sender.receiverCount, 2);
		sender.send("hello");
		assert.equal(text(clone.recv()), "hello");
	});

	test("is the default of list and clear: they see and remove only its names", async () => {
		const name = names.next();
		await using program = startProgram("without_prefix", [name], { env: { LIBIPC_PREFIX: prefix } });
		assert.deepEqual(
			await program.report(),
			eachKind.map((kind) => ({ kind, prefix, name })),
		);
		process.env.LIBIPC_PREFIX = prefix;
		assert.deepEqual(
			list().map(({ kind }) => kind),
			eachKind,
		);
		await program.kill();
		// What a thread leaves is removed at its end.
		const left = instance.transport === "threads" ? [] : eachKind;
		if (left.length === 0) await until(() => kindsIn(prefix).length === 0);
		process.env.LIBIPC_PREFIX = `${prefix}.other`;
		assert.deepEqual(list(), []);
		assert.deepEqual(clear(), []);
		assert.deepEqual(kindsIn(prefix), left);
		process.env.LIBIPC_PREFIX = prefix;
		assert.deepEqual(
			list().map(({ kind }) => kind),
			left,
		);
		assert.deepEqual(
			clear().map(({ kind }) => kind),
			left,
		);
		assert.deepEqual(kindsIn(prefix), []);
	});

	test("is the default of clear(name) of every kind", () => {
		process.env.LIBIPC_PREFIX = prefix;
		const name = names.next();
		const opened = openEachKind(name);
		try {
			for (const factory of [Route, Channel, Queue, Mutex, Condition, Semaphore, RwLock, SharedMemory, Signal, Latest])
				factory.clear(name);
			assert.deepEqual(kindsIn(prefix), []);
		} finally {
			closeAll(opened);
		}
	});

	test("that is empty is as good as none", () => {
		process.env.LIBIPC_PREFIX = "";
		const name = `${prefix}.${names.next()}`;
		using _mutex = Mutex.open(name);
		assert.equal(
			list({ prefix: "" }).some((each) => each.name === name),
			true,
		);
		assert.equal(
			list().some((each) => each.name === name),
			true,
		);
	});

	test.each([
		["a/b", /LIBIPC_PREFIX.*"a\/b".*has a "\/"/],
		["a\nb", /LIBIPC_PREFIX.*control character/],
		["p".repeat(65), /LIBIPC_PREFIX.*65 bytes.*0 to 64 bytes/],
	])("%j is refused by every call that needs it", (value, message) => {
		process.env.LIBIPC_PREFIX = value;
		const name = names.next();
		for (const call of [
			() => Route.sender(name),
			() => Route.receiver(name, { capacity: 4096 }),
			() => Channel.sender(name, { prefix: undefined }),
			() => Queue.receiver(name),
			() => Mutex.open(name),
			() => Condition.open(name),
			() => Semaphore.open(name),
			() => RwLock.open(name),
			() => SharedMemory.open(name, { size: 64 }),
			() => Route.clear(name),
			() => Mutex.clear(name),
			() => list(),
			() => clear(),
		])
			expectError("ERR_IPC_INVALID_ARGUMENT", message, call);
		// A prefix that is passed needs no other one.
		using _mutex = Mutex.open(name, { prefix });
		assert.deepEqual(
			list({ prefix }).map((each) => each.name),
			[name],
		);
		expectError("ERR_IPC_INVALID_ARGUMENT", /prefix.*not null/, () => untyped(Route.sender, name, { prefix: null }));
	});
});
