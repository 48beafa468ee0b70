import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, statSync } from "node:fs";
import {
	Condition,
	type Handle,
	type HandleKind,
	type HandleOptions,
	Mutex,
	RwLock,
	Semaphore,
	SharedMemory,
} from "./index.ts";
import { Child } from "./testing/child.ts";
import { expectError, HandleNames } from "./testing/handles.ts";

const names = new HandleNames("handles");
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
];

const child = (program: string, name: string, kind: HandleKind) =>
	new Child("handles.child.ts", [program, prefix, name, kind]);

describe.each(kinds)("a handle of a %s", (kind, factory, what) => {
	const open = (name: string, options: HandleOptions = {}) => factory.open(name, { prefix, ...options });

	test("has a name, and a file until the last one is closed", async () => {
		const name = names.next();
		const path = names.path(kind, name);
		const first = open(name);
		const second = open(name);
		expect([first.name, first.closed]).toEqual([name, false]);
		first.close();
		first.close();
		expect([first.name, first.closed, second.closed]).toEqual([name, true, false]);
		expect(existsSync(path)).toBe(true);
		second.close();
		expect(existsSync(path)).toBe(false);
		{
			using third = open(name);
			await using fourth = open(name);
			expect([third.closed, fourth.closed]).toEqual([false, false]);
			expect(existsSync(path)).toBe(true);
		}
		expect(existsSync(path)).toBe(false);
		await using process = child("forgets", name, kind);
		expect(await process.report<object>()).toMatchObject({ code: "opened" });
		expect(await process.exited).toBe(0);
		expect(existsSync(path)).toBe(false);
	});

	test("one more than maxHandles is refused; when one was closed, or killed, there is room", async () => {
		const name = names.next();
		const first = open(name, { maxHandles: 2 });
		await using process = child("keeps", name, kind);
		expect(await process.report<object>()).toMatchObject({ code: "opened" });
		expectError("ERR_IPC_TOO_MANY_HANDLES", /is open 2 times.*larger maxHandles/, () => open(name));
		first.close();
		using _second = open(name);
		expectError("ERR_IPC_TOO_MANY_HANDLES", /2 times/, () => open(name));
		await process.kill();
		using _third = open(name);
	}, 20_000);

	test("permissions are those asked for, whatever the umask; others are kept out", async () => {
		const before = process.umask(0o077);
		const name = names.next();
		using _shared = open(name, { permissions: 0o664 });
		process.umask(before);
		expect(statSync(names.path(kind, name)).mode & 0o777).toBe(0o664);
		const secret = names.next();
		using _private = open(secret);
		expect(statSync(names.path(kind, secret)).mode & 0o777).toBe(0o600);
		if (process.getuid?.() !== 0) chmodSync(names.path(kind, secret), 0);
		await using stranger = child("other user", secret, kind);
		expect(await stranger.report<object>()).toEqual({
			code: "ERR_IPC_PERMISSION",
			message: expect.stringMatching(new RegExp(`may not open or remove ${what}.*permissions`)),
		});
	}, 20_000);

	test("what killed processes had open is made anew, also with other options", async () => {
		const name = names.next();
		await using process = child("keeps", name, kind);
		expect(await process.report<object>()).toMatchObject({ code: "opened" });
		await process.kill();
		expect(existsSync(names.path(kind, name))).toBe(true);
		using _anew = open(name, { maxHandles: 3, permissions: 0o640 });
		expect(statSync(names.path(kind, name)).mode & 0o777).toBe(0o640);
	}, 20_000);
});

test("who waits without a timeout waits for longer than a call into native code lasts", async () => {
	const name = names.next();
	using mutex = Mutex.open(name, { prefix });
	using lock = RwLock.open(name, { prefix });
	using semaphore = Semaphore.open(name, { prefix, initial: 0 });
	using condition = Condition.open(`${name}.condition`, { prefix });
	using guarded = Mutex.open(`${name}.condition.mutex`, { prefix });
	using memory = SharedMemory.open(name, { prefix, size: 4096 });
	mutex.lock();
	lock.lock();
	await using waitsForMutex = new Child("lock.child.ts", ["waits", prefix, name, "mutex"]);
	await using waitsForLock = new Child("lock.child.ts", ["waits", prefix, name, "rwlock"]);
	await using waitsToRead = new Child("lock.child.ts", ["waits to read", prefix, name, "rwlock"]);
	await using waitsForPermit = new Child("semaphore.child.ts", ["waits", prefix, name]);
	await using waitsForNotify = new Child("condition.child.ts", ["waits", prefix, condition.name]);
	await using waitsForWake = new Child("shared_memory.child.ts", ["waits", prefix, name, 0]);
	const children = [waitsForMutex, waitsForLock, waitsToRead, waitsForPermit, waitsForNotify, waitsForWake];
	for (const each of children) expect(await each.report<string>()).toBe("waiting");
	let ended = 0;
	const ends = children.map(async (each) => {
		const report = await each.report<unknown>();
		ended++;
		return report;
	});
	// What is to be seen is that nothing happens.
	await Bun.sleep(1300);
	expect(ended).toBe(0);
	mutex.unlock();
	lock.unlock();
	semaphore.release();
	{
		using _guard = guarded.acquire();
		expect(condition.notify()).toBe(1);
	}
	expect(memory.wake(0)).toBe(1);
	const told = { ownerDied: false };
	expect(await Promise.all(ends)).toEqual([told, told, told, "acquired", { notified: true, held: true }, "ok"]);
	for (const each of children) expect(await each.exited).toBe(0);
}, 20_000);
