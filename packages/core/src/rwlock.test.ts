import { afterEach, describe, expect, test } from "bun:test";
import { list, RwLock } from "./index.ts";
import { Child } from "./testing/child.ts";
import {
	expectError,
	expectRecoveries,
	expectTook,
	HandleNames,
	HandleWorker,
	RECOVERY_MS,
	took,
	until,
} from "./testing/handles.ts";
import { testLock } from "./testing/lock_tests.ts";
import { Probe, Word } from "./testing/probe.ts";
import { isPending } from "./testing/text.ts";

testLock("rwlock");

const names = new HandleNames("readers");
const { prefix } = names;
const open = (name: string) => RwLock.open(name, { prefix });
const child = (program: string, name: string, argument: number | string = "") =>
	new Child("lock.child.ts", [program, prefix, name, "rwlock", argument]);

afterEach(() => names.expectNothingLeft());

async function started(program: string, name: string, says: string): Promise<Child> {
	const process = child(program, name);
	expect(await process.report<string>()).toBe(says);
	return process;
}

describe("readers and writers", () => {
	test("8 processes read and write 100,000 times each: no reader sees half a change", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		const children = Array.from({ length: 8 }, () => child("reads and writes", name, 100_000));
		for (const each of children) expect(await each.line()).toBe("ready");
		probe.go();
		for (const each of children) expect(await each.exited).toBe(0);
		expect(probe.get(Word.wrong)).toBe(0);
		expect(probe.get(Word.begun)).toBe(8 * 25_000);
		expect(probe.get(Word.done)).toBe(8 * 25_000);
	}, 60_000);

	test("many read at once, in several processes; a writer waits for all of them", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		await using reader = await started("reads", name, "held");
		expect(lock.lockShared()).toBe(true);
		expect(lock.tryLockShared()).toBe(true);
		expect(lock.held).toBe("shared");
		expect(other.held).toBe("none");
		expect(other.tryLock()).toBe(false);
		for (let held = 2; held > 0; held--) {
			expect(await other.lockAsync({ timeout: 5 })).toBe(false);
			// It would block the very thread that reads by the other handle.
			expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => other.lock({ timeout: 5 }));
			lock.unlockShared();
		}
		expect(other.lock({ timeout: 5 })).toBe(false);
		expect(lock.held).toBe("none");
		expect(other.tryLock()).toBe(false);
		const wait = other.lockAsync();
		expect(await isPending(wait)).toBe(true);
		await reader.kill();
		expect(await took(() => wait)).toBeLessThan(RECOVERY_MS);
		expect(other.held).toBe("exclusive");
		// A reader leaves nothing half changed.
		expect(other.ownerDied).toBe(false);
		other.unlock();
	}, 20_000);
});

describe("readers and writers that end inside", () => {
	test("100 killed at random moments, reading or writing: the others go on within a second", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using lock = open(name);
		const victims = Array.from({ length: 4 }, () => child("reads and changes", name));
		const latencies: number[] = [];
		try {
			for (let kill = 0; kill < 100; kill++) {
				const victim = victims.shift() as Child;
				expect(await victim.report<string>()).toBe("ready");
				const seen = probe.get(Word.begun);
				await until(() => probe.get(Word.begun) - seen > kill % 7);
				await victim.kill();
				const started = performance.now();
				{
					using guard = kill % 2 === 0 ? lock.acquireShared({ timeout: 20_000 }) : await lock.acquireSharedAsync();
					if (!guard) throw new Error(`nothing within 20 s after kill ${kill}`);
					// All are told until somebody has written.
					if (!guard.ownerDied) probe.check();
				}
				{
					using guard = kill % 4 < 2 ? lock.acquire({ timeout: 20_000 }) : await lock.acquireAsync({ timeout: 20_000 });
					if (!guard) throw new Error(`nothing within 20 s after kill ${kill}`);
					probe.change(guard.ownerDied);
				}
				latencies.push(performance.now() - started);
				if (kill < 96) victims.push(child("reads and changes", name));
			}
		} finally {
			for (const victim of victims) await victim.kill();
		}
		expect(probe.get(Word.wrong)).toBe(0);
		expect(probe.get(Word.told)).toBeGreaterThan(5);
		expectRecoveries(latencies);
	}, 60_000);

	test("a killed writer: readers are told until a writer has unlocked", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		await using writer = await started("holds", name, "held");
		const waits = [lock.acquireSharedAsync(), other.acquireSharedAsync()];
		expect(await isPending(Promise.race(waits))).toBe(true);
		await writer.kill();
		const ms = await took(async () => {
			for (const wait of waits) {
				using guard = await wait;
				expect(guard.ownerDied).toBe(true);
			}
		});
		expect(ms).toBeLessThan(RECOVERY_MS);
		expect(lock.lockShared()).toBe(true);
		expect(lock.ownerDied).toBe(true);
		lock.unlockShared();
		{
			using guard = other.acquire();
			expect(guard.ownerDied).toBe(true);
		}
		using guard = lock.acquireShared();
		expect(guard.ownerDied).toBe(false);
		expect(lock.ownerDied).toBe(false);
	}, 20_000);

	test("a Worker that is terminated while it reads does not keep the writer out", async () => {
		const name = names.next();
		using lock = open(name);
		await using worker = new HandleWorker("rwlock: reads", prefix, name);
		expect(await worker.next()).toBe("ready");
		expect(lock.tryLock()).toBe(false);
		await worker.terminate();
		const ms = await took(() => {
			using guard = lock.acquire();
			expect(guard.ownerDied).toBe(false);
		});
		expect(ms).toBeLessThan(RECOVERY_MS);
	}, 20_000);
});

describe("waiting to read in the event loop", () => {
	test("blocking calls keep their timeouts", async () => {
		const name = names.next();
		using lock = open(name);
		await using writer = await started("holds", name, "held");
		for (const timeout of [0, 0.4, 30]) {
			expectTook(await took(() => expect(lock.lockShared({ timeout })).toBe(false)), timeout);
			expectTook(await took(() => expect(lock.acquireShared({ timeout })).toBeNull()), timeout);
		}
		await writer.kill();
		const reader = await started("reads", name, "held");
		await using _reader = reader;
		for (const timeout of [0, 0.4, 30])
			expectTook(await took(() => expect(lock.lock({ timeout })).toBe(false)), timeout);
	}, 20_000);

	test("a thread that reads, past others that were to be next, leaves its reading tasks in line", async () => {
		const name = names.next();
		using owner = open(name);
		using lock = open(name);
		owner.lock();
		await using process = await started("waits", name, "waiting");
		await until(() => list({ prefix }).some(({ endpoints }) => endpoints.some(({ sleeping }) => sleeping)));
		const wait = lock.lockSharedAsync();
		expect(await isPending(wait)).toBe(true);
		owner.unlock();
		lock.lockShared();
		lock.unlockShared();
		expect(await took(() => wait)).toBeLessThan(400);
		lock.unlockShared();
		expect(await process.report<object>()).toEqual({ ownerDied: false });
		await process.exited;
	}, 20_000);
});
