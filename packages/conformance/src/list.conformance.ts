import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { aNumber, assertLike } from "@libipc/testing/assert_like";
import { untyped } from "@libipc/testing/bad_values";
import type { TestProgram } from "@libipc/testing/test_program";
import { sleep } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { factories, Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, clear, type ListedName, list, Mutex, Queue, Route } from "./under_test.ts";

const names = new Names("list");
const { prefix } = names;
const other = `${prefix}.other`;

afterAll(() => names.clear());

const namesOf = (listed: readonly ListedName[]) => listed.map(({ name }) => name);

/** Of this test: milliseconds since something was opened. */
const isRecent = (age: number): boolean => age >= 0 && age < 600_000;

/** The only name of that name in the prefix. */
function only(name: string): ListedName {
	const [found, ...more] = list({ prefix }).filter((each) => each.name === name);
	if (!found || more.length > 0) throw new Error(`${name} is listed ${found ? "more than once" : "not at all"}`);
	return found;
}

async function holder(kind: string, role: string, name: string, options: object = {}): Promise<TestProgram> {
	const child = startProgram("holder", [kind, role, prefix, name, JSON.stringify(options)]);
	assert.equal(await child.line(), "ready");
	return child;
}

/** A segment that only a killed program was on. What a thread leaves is removed at its end, except for a lock that it held. */
async function leaveLeftover(name: string): Promise<{ kind: string; pid: number }> {
	if (instance.transport === "processes") {
		await using child = await holder("channel", "receiver", name);
		return { kind: "channel", pid: child.pid };
	}
	await using child = startProgram("lock", ["holds", prefix, name, "mutex"]);
	await child.line();
	return { kind: "mutex", pid: child.pid };
}

describe("list", () => {
	test.each(["route", "channel", "queue"] as const)("a %s of 4 KiB takes at most 32 KiB", (kind) => {
		const name = names.next();
		using _ = factories[kind].receiver(name, { prefix, capacity: 4096 });
		assert.ok(only(name).byteLength <= 32_768, String(only(name).byteLength));
	});

	test("shows the kind, the options and the endpoints of a name", async () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix, capacity: 8192, maxReceivers: 3, permissions: 0o700 });
		await using child = await holder("route", "sender", name);
		const found = only(name);
		assertLike(found, {
			...{ name, prefix, kind: "route", state: "live" },
			...{
				capacity: 8192,
				maxReceivers: 3,
				permissions: 0o700,
				overflow: "block",
				stamped: false,
				messages: 0,
				written: 0,
				wakeups: 0,
				waiting: 0,
			},
			...{ permits: 0, initial: 0, robust: false, recovered: 0, unusable: false, maxAttempts: 0, deadLetter: "" },
			...{ age: isRecent, layoutVersion: (version: number) => version > 0 },
			byteLength: (bytes: number) => bytes > 8192,
		});
		if (instance.engine === "native")
			assertLike(found, { path: names.path("route", name), byteLength: statSync(names.path("route", name)).size });
		const moved = { position: 0, lag: 0, lost: 0, holds: 0, attempts: 0, exclusive: false, observer: false };
		const quiet = { alive: true, sleeping: false, slept: 0, age: isRecent, ...moved, instance: aNumber };
		assertLike(found.endpoints, [
			{ role: "sender", pid: child.pid, ...quiet },
			{ role: "receiver", pid: process.pid, ...quiet },
		]);
		assert.equal(receiver.tryRecv(), null);
	});

	test("shows how far a receiver is behind, and how many messages were sent", () => {
		const name = names.next();
		using slow = Channel.receiver(name, { prefix, capacity: 65_536 });
		using fast = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		for (let i = 0; i < 100; i++) sender.send("12345678");
		while (fast.tryRecv());
		const { endpoints, messages, written } = only(name);
		assert.deepEqual([messages, written], [100, 1600]);
		assert.deepEqual(
			endpoints.map(({ role, position, lag }) => ({ role, position, lag })),
			[
				{ role: "sender", position: 1600, lag: 0 },
				{ role: "receiver", position: 0, lag: 1600 },
				{ role: "receiver", position: 1600, lag: 0 },
			],
		);
		while (slow.tryRecv());
		assert.deepEqual(
			only(name).endpoints.map(({ lag }) => lag),
			[0, 0, 0],
		);
	});

	test("shows which endpoint sleeps", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		await using child = startProgram("receiver", ["channel", prefix, name, 1e9, 64]);
		assert.equal(await child.line(), "ready");
		const asleep = () => only(name).endpoints.find(({ role }) => role === "receiver")?.sleeping;
		const patience = performance.now() + 10_000;
		while (!asleep() && performance.now() < patience) await sleep(1);
		assert.equal(asleep(), true);
		// Longer than a slice of its sleep: it is the same wait.
		const slept = () => only(name).endpoints.find(({ role }) => role === "receiver")?.slept ?? 0;
		while (slept() < 450 && performance.now() < patience) await sleep(10);
		assert.ok(slept() >= 450 && slept() < 20_000, String(slept()));
		assert.equal(only(name).endpoints.find(({ role }) => role === "sender")?.sleeping, false);
		const { wakeups } = only(name);
		sender.send("x");
		assert.ok(only(name).wakeups > wakeups);
	});

	test("counts how often an event loop was woken", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		for (let round = 0; round < 3; round++) {
			const { wakeups } = only(name);
			const message = receiver.recvAsync();
			while (!only(name).endpoints.some(({ role, sleeping }) => role === "receiver" && sleeping)) await sleep(1);
			assert.equal(only(name).wakeups, wakeups);
			sender.send("x");
			assert.equal(only(name).wakeups, wakeups + 1);
			await message;
		}
	});

	test("shows how long an event loop and a lock have been waited for", async () => {
		const [name, lock] = [names.next(), names.next()];
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using owner = Mutex.open(lock, { prefix });
		using waiter = Mutex.open(lock, { prefix });
		owner.lock();
		const controller = new AbortController();
		const { signal } = controller;
		const waits = Promise.allSettled([receiver.recvAsync({ signal }), waiter.lockAsync({ signal })]);
		const waiting = () => [...only(name).endpoints, ...only(lock).endpoints].filter(({ sleeping }) => sleeping);
		while (waiting().length < 2 || waiting().some(({ slept }) => slept < 30)) await sleep(5);
		for (const { slept, age } of waiting()) assert.ok(slept <= age + 20, `${slept} of ${age}`);
		controller.abort();
		await waits;
		owner.unlock();
	});

	test("shows the dead-letter queue of a queue", () => {
		const name = names.next();
		using _receiver = Queue.receiver(name, { prefix, deadLetter: "failed", maxAttempts: 3 });
		assertLike(only(name), { deadLetter: "failed", maxAttempts: 3 });
	});

	test("shows which receiver of a queue holds how many messages", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix, capacity: 4096 });
		using first = Queue.receiver(name, { prefix });
		using second = Queue.receiver(name, { prefix });
		const held = () =>
			only(name)
				.endpoints.filter(({ role }) => role === "receiver")
				.map(({ holds, attempts, lag }) => ({ holds, attempts, lag }));
		const nothing = { holds: 0, attempts: 0, lag: 0 };
		for (let i = 0; i < 4; i++) sender.send("12345678");
		assert.deepEqual(held(), [nothing, nothing]);
		const [a, b] = [first.tryTake(), second.tryTake()];
		const c = first.tryTake();
		if (!a || !b || !c) throw new Error("messages wait");
		// A message takes 24 bytes.
		assert.deepEqual(held(), [
			{ holds: 2, attempts: 1, lag: 96 },
			{ holds: 1, attempts: 1, lag: 72 },
		]);
		a.retry();
		const again = second.tryTake();
		assert.deepEqual(held(), [
			{ holds: 1, attempts: 1, lag: 48 },
			{ holds: 2, attempts: 2, lag: 96 },
		]);
		for (const each of [b, c, again]) each?.done();
		assert.deepEqual(held(), [nothing, nothing]);
	});

	test("a stopped process is alive, also while it sleeps", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		await using child = startProgram("receiver", ["channel", prefix, name, 1e9, 64]);
		assert.equal(await child.line(), "ready");
		const receiver = () => only(name).endpoints.find(({ pid }) => pid === child.pid);
		const patience = performance.now() + 10_000;
		while (!receiver()?.sleeping && performance.now() < patience) await sleep(1);
		assert.equal(receiver()?.sleeping, true);
		child.signal("SIGSTOP");
		while (sender.trySend("x"));
		assert.equal(receiver()?.alive, true);
	});

	test("keeps to a prefix, is sorted, and does not show what was closed", () => {
		const mine = ["b", "a", "B", "ä", "🚀", "a b", "1.x.y", "..", "%s\\", "x".repeat(128)];
		const opened = [
			...mine.map((name) => Channel.receiver(name, { prefix: other, capacity: 4096 })),
			Route.receiver("a", { prefix: other, capacity: 4096 }),
			Route.receiver("a", { prefix: `${other}.`, capacity: 4096 }),
		];
		const listed = list({ prefix: other });
		assert.deepEqual(namesOf(listed), ["a", ...mine].sort());
		assert.deepEqual(
			listed.filter(({ name }) => name === "a").map(({ kind }) => kind),
			["channel", "route"],
		);
		assert.deepEqual(namesOf(list({ prefix: `${other}.` })), ["a"]);
		const all = list().filter((name) => name.prefix.startsWith(other));
		assert.equal(all.length, mine.length + 2);
		assert.deepEqual(
			all.map((name) => name.prefix).sort(),
			all.map((name) => name.prefix),
		);
		for (const each of opened) each.close();
		assert.deepEqual(list({ prefix: other }), []);
	});

	test("a thousand names take less time to list than to open", () => {
		const started = performance.now();
		const opened = Array.from({ length: 1000 }, (_, i) =>
			Channel.receiver(`${i}`, { prefix: other, capacity: 4096, maxReceivers: 1 }),
		);
		const between = performance.now();
		const listed = list({ prefix: other });
		// The fastest of three, because a busy machine may stop the process in one of them.
		const listing = Array.from({ length: 3 }, () => {
			const begun = performance.now();
			list({ prefix: other });
			return performance.now() - begun;
		});
		for (const each of opened) each.close();
		assert.equal(listed.length, 1000);
		for (const { endpoints, state } of listed) {
			assert.equal(state, "live");
			assert.equal(endpoints.length, 1);
		}
		const [opening, fastest] = [between - started, Math.min(...listing)];
		assert.ok(fastest < opening, `${fastest} ms to list, ${opening} ms to open`);
	});
});

describe("clear", () => {
	test("removes and returns what killed programs left, and leaves alone what is in use", async () => {
		const name = names.next();
		const shared = names.next();
		const { kind, pid } = await leaveLeftover(name);
		using receiver = Channel.receiver(shared, { prefix });
		await using child = await holder("channel", "receiver", shared);
		await child.kill();
		// The end of a thread empties its slot in a file.
		const dead = instance.transport === "threads" && instance.engine === "native" ? [] : [{ alive: false }];
		assertLike(only(name), {
			kind,
			state: "leftover",
			endpoints: dead.map((its) => ({ ...its, pid, sleeping: false })),
		});
		assertLike(only(shared), { state: "live", endpoints: [{ alive: true }, ...dead] });

		assert.deepEqual(clear({ prefix: other }), []);
		const asked: string[] = [];
		const refuse = (each: ListedName): boolean => {
			asked.push(each.name);
			return false;
		};
		assert.deepEqual(clear({ prefix, filter: refuse }), []);
		assert.deepEqual(asked, [name]);
		assertLike(clear({ prefix }), [{ name, prefix, state: "leftover", endpoints: dead.map(() => ({ pid })) }]);
		assert.deepEqual(namesOf(list({ prefix })), [shared]);
		assert.deepEqual(clear({ prefix }), []);
		if (instance.engine === "native") assert.equal(existsSync(names.path(kind, name)), false);
		using sender = Channel.sender(shared, { prefix });
		assert.equal(sender.send("still works"), true);
		assert.deepEqual(receiver.recv(), new TextEncoder().encode("still works"));
	});

	test("leaves alone what a stopped process has open", async () => {
		const name = names.next();
		await using child = await holder("channel", "receiver", name);
		child.signal("SIGSTOP");
		assert.deepEqual(clear({ prefix }), []);
		assert.equal(only(name).state, "live");
	});
});

describe("arguments", () => {
	test.each([
		[5, "ERR_IPC_INVALID_ARGUMENT", /options must be an object.*5/],
		[null, "ERR_IPC_INVALID_ARGUMENT", /options/],
		[{ prefix: 5 }, "ERR_IPC_INVALID_ARGUMENT", /prefix must be a string/],
		[{ prefix: null }, "ERR_IPC_INVALID_ARGUMENT", /prefix/],
		[{ prefix: "a/b" }, "ERR_IPC_INVALID_NAME", /"\/"/],
		[{ prefix: "x".repeat(65) }, "ERR_IPC_INVALID_NAME", /65 bytes/],
	])("%j is refused", (options, code, message) => {
		for (const call of [list, clear])
			assert.throws(() => untyped(call, options), { name: "IpcError", code, message: message });
	});

	test("an empty prefix and no prefix are accepted", () => {
		for (const options of [undefined, {}, { prefix: undefined }]) assert.ok(Array.isArray(list(options)));
		for (const { prefix } of list({ prefix: "" })) assert.equal(prefix, "");
	});
});
