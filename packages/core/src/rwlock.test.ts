import { afterEach, describe, expect, test } from "bun:test";
import { type LockGuard, list, RwLock } from "./index.ts";
import { Child } from "./testing/child.ts";
import {
	badTimeouts,
	expectError,
	expectRecoveries,
	expectRejection,
	expectTook,
	HandleNames,
	HandleWorker,
	longTimeouts,
	RECOVERY_MS,
	took,
	until,
	untyped,
} from "./testing/handles.ts";
import { testLock } from "./testing/lock_tests.ts";
import { Probe, Word } from "./testing/probe.ts";
import { isPending, rejection } from "./testing/text.ts";

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

	test("a writer that waits keeps new readers out, and is not starved by them", async () => {
		const name = names.next();
		using first = open(name);
		using writer = open(name);
		using second = open(name);
		const reading = await first.acquireSharedAsync();
		const order: string[] = [];
		const write = writer.acquireAsync().then((guard) => {
			order.push("writes");
			return guard;
		});
		expect(await isPending(write)).toBe(true);
		expect(second.tryLockShared()).toBe(false);
		const read = second.acquireSharedAsync().then((guard) => {
			order.push("reads");
			return guard;
		});
		expect(await isPending(read)).toBe(true);
		reading.release();
		(await write).release();
		(await read).release();
		expect(order).toEqual(["writes", "reads"]);
	});

	test("a writer that gives up lets the readers in that it kept out", async () => {
		const name = names.next();
		using first = open(name);
		using second = open(name);
		first.lockShared();
		for (const how of ["timeout", "signal", "closed"] as const) {
			const writer = open(name);
			const controller = new AbortController();
			const write = writer.lockAsync(how === "timeout" ? { timeout: 10 } : { signal: controller.signal });
			const caught = write.catch((reason: unknown) => reason);
			expect(second.tryLockShared()).toBe(false);
			const read = second.lockSharedAsync();
			if (how === "signal") controller.abort("enough");
			if (how === "closed") writer.close();
			await caught;
			expect(await took(() => read)).toBeLessThan(300);
			second.unlockShared();
			expect(second.tryLockShared()).toBe(true);
			second.unlockShared();
			writer.close();
		}
		expect(await second.lockAsync({ timeout: 5 })).toBe(false);
		expect(second.tryLock()).toBe(false);
		expect(second.tryLockShared()).toBe(true);
		second.unlockShared();
		first.unlockShared();
	});

	test("guards of readers: each ends one reading, once", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		{
			using first = lock.acquireShared();
			const second = lock.acquireShared({ timeout: 5 });
			expect([first.ownerDied, second?.ownerDied]).toEqual([false, false]);
			second?.release();
			second?.release();
			second?.[Symbol.dispose]();
			expect(lock.held).toBe("shared");
			expect(other.tryLock()).toBe(false);
		}
		expect(lock.held).toBe("none");
		expect(other.tryLock()).toBe(true);
		expect(lock.tryLockShared()).toBe(false);
		expect(await lock.acquireSharedAsync({ timeout: 0 })).toBeNull();
		other.unlock();
		{
			using _guard = await lock.acquireSharedAsync();
			using _another = await lock.acquireSharedAsync({ timeout: 5 });
			expect(other.tryLock()).toBe(false);
		}
		expect(other.tryLock()).toBe(true);
		other.unlock();
		const left = lock.acquireShared();
		lock.close();
		left.release();
		expect(other.tryLock()).toBe(true);
		expect(other.ownerDied).toBe(false);
		other.unlock();
	});

	test("tasks of one handle read together, write alone, in their order", async () => {
		const name = names.next();
		using lock = open(name);
		let readers = 0;
		let most = 0;
		let writing = false;
		const turns = async () => {
			for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
		};
		const read = async () => {
			using _guard: LockGuard = await lock.acquireSharedAsync();
			expect(writing).toBe(false);
			most = Math.max(most, ++readers);
			await turns();
			readers--;
		};
		const write = async () => {
			using _guard: LockGuard = await lock.acquireAsync();
			expect([writing, readers]).toEqual([false, 0]);
			writing = true;
			await turns();
			writing = false;
		};
		await Promise.all(Array.from({ length: 200 }, (_, i) => (i % 10 === 0 ? write() : read())));
		expect(most).toBeGreaterThan(1);
		expect(lock.held).toBe("none");
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
	test("timeouts, signals, close, options that are none", async () => {
		const name = names.next();
		using owner = open(name);
		const lock = open(name);
		owner.lock();
		for (const timeout of [0, 0.4, 30]) {
			expectTook(await took(async () => expect(await lock.lockSharedAsync({ timeout })).toBe(false)), timeout);
			expectTook(await took(async () => expect(await lock.acquireSharedAsync({ timeout })).toBeNull()), timeout);
		}
		const controller = new AbortController();
		const aborted = lock.acquireSharedAsync({ signal: controller.signal });
		expect(await isPending(aborted)).toBe(true);
		controller.abort("enough");
		expect(await rejection(aborted)).toBe("enough");
		expect(await rejection(lock.lockSharedAsync({ signal: AbortSignal.abort("before") }))).toBe("before");
		for (const [timeout, text] of badTimeouts) {
			for (const call of [lock.lockShared, lock.acquireShared])
				expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(call.bind(lock), { timeout }));
			for (const call of [lock.lockSharedAsync, lock.acquireSharedAsync])
				await expectRejection(
					"ERR_IPC_INVALID_ARGUMENT",
					text,
					untyped(call.bind(lock), { timeout }) as Promise<unknown>,
				);
		}
		const waits = longTimeouts.map((timeout) => lock.lockSharedAsync({ timeout }));
		expect(await isPending(Promise.race(waits))).toBe(true);
		owner.unlock();
		for (const wait of waits) expect(await wait).toBe(true);
		for (const _ of waits) lock.unlockShared();
		expect(lock.held).toBe("none");
		for (const timeout of longTimeouts) {
			expect(lock.lockShared({ timeout })).toBe(true);
			lock.unlockShared();
		}
		owner.lock();
		const closing = [lock.lockSharedAsync(), lock.acquireSharedAsync(), lock.lockAsync()];
		expect(await isPending(Promise.race(closing))).toBe(true);
		lock.close();
		const ms = await took(async () => {
			for (const wait of closing) await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
		});
		expect(ms).toBeLessThan(300);
		for (const call of [
			() => lock.lockShared(),
			() => lock.tryLockShared(),
			() => lock.acquireShared(),
			() => lock.unlockShared(),
		])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
		await expectRejection("ERR_IPC_CLOSED", /is closed/, lock.acquireSharedAsync());
		expect(lock.held).toBe("none");
		owner.unlock();
	}, 20_000);

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

	test("a reader that gives up as its notification comes passes it on", async () => {
		const name = names.next();
		using owner = open(name);
		using leaving = open(name);
		using next = open(name);
		for (let round = 0; round < 10; round++) {
			owner.lock();
			const controller = new AbortController();
			const first = leaving.lockSharedAsync({ signal: controller.signal });
			const second = next.lockAsync();
			expect(await isPending(first)).toBe(true);
			owner.unlock();
			controller.abort("enough");
			expect(await rejection(first)).toBe("enough");
			expect(await took(() => second)).toBeLessThan(300);
			next.unlock();
		}
	});

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

	test("what one gave up behind the first does not hold the first up", async () => {
		const name = names.next();
		using owner = open(name);
		using lock = open(name);
		owner.lock();
		const first = lock.lockSharedAsync();
		expect(await lock.lockSharedAsync({ timeout: 2 })).toBe(false);
		owner.unlock();
		expect(await took(() => first)).toBeLessThan(300);
		const write = lock.lockAsync();
		expect(await lock.lockAsync({ timeout: 2 })).toBe(false);
		// The writer is still the next one.
		expect(owner.tryLockShared()).toBe(false);
		lock.unlockShared();
		expect(await took(() => write)).toBeLessThan(300);
		lock.unlock();
	});

	test("who blocks the thread in between gives it to waiting readers and writers afterwards", async () => {
		const name = names.next();
		using lock = open(name);
		using owner = open(name);
		owner.lock();
		const read = lock.acquireSharedAsync();
		const write = lock.acquireAsync();
		expect(await isPending(Promise.race([read, write]))).toBe(true);
		owner.unlock();
		lock.lock();
		expect(await isPending(Promise.race([read, write]))).toBe(true);
		lock.unlock();
		const started = performance.now();
		await Promise.all([read, write].map(async (wait) => (await wait).release()));
		expect(performance.now() - started).toBeLessThan(400);
		expect(lock.held).toBe("none");
	});
});

describe("errors", () => {
	test("ERR_IPC_DEADLOCK: a thread that would wait for itself", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		lock.lockShared();
		for (const call of [() => lock.lock(), () => lock.lock({ timeout: 5 }), () => lock.acquire()])
			expectError("ERR_IPC_DEADLOCK", /This thread holds/, call);
		for (const wait of [lock.lockAsync(), lock.acquireAsync(), lock.acquireSharedAsync(), lock.lockSharedAsync()])
			await expectRejection("ERR_IPC_DEADLOCK", /This thread holds/, wait);
		expect(other.tryLock()).toBe(false);
		lock.unlockShared();
		lock.lock();
		for (const call of [
			() => lock.lockShared(),
			() => lock.lockShared({ timeout: 5 }),
			() => lock.acquireShared(),
			() => other.lockShared(),
			() => other.acquireShared({ timeout: 5 }),
		])
			expectError("ERR_IPC_DEADLOCK", /This thread holds/, call);
		await expectRejection("ERR_IPC_DEADLOCK", /This thread holds/, lock.acquireSharedAsync());
		await expectRejection("ERR_IPC_DEADLOCK", /This thread holds/, lock.lockSharedAsync());
		expect(other.tryLockShared()).toBe(false);
		lock.unlock();
		// What was read, is not counted for ever.
		expect(await lock.lockAsync()).toBe(true);
		lock.unlock();
	});

	test("ERR_IPC_DEADLOCK: read once more while a writer waits for this very reader", async () => {
		const name = names.next();
		using lock = open(name);
		using writer = open(name);
		using guard = lock.acquireShared();
		const write = writer.lockAsync();
		expect(await isPending(write)).toBe(true);
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.lockShared());
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.acquireShared({ timeout: 5 }));
		expect(lock.tryLockShared()).toBe(false);
		guard.release();
		expect(await write).toBe(true);
		writer.unlock();
	});

	test("ERR_IPC_DEADLOCK: blocking for tasks of the same handle that read, also while another is the next writer", async () => {
		const name = names.next();
		using lock = open(name);
		const guard = await lock.acquireSharedAsync();
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.lock({ timeout: 300 }));
		const write = lock.lockAsync();
		expect(await isPending(write)).toBe(true);
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.lock({ timeout: 300 }));
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.acquire({ timeout: 300 }));
		guard.release();
		expect(await took(() => write)).toBeLessThan(300);
		lock.unlock();
	});

	test("ERR_IPC_NOT_OWNER: each way of holding is given back its own way", () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		expectError("ERR_IPC_NOT_OWNER", /does not hold .* for reading: /, () => lock.unlockShared());
		expectError("ERR_IPC_NOT_OWNER", /does not hold .* for writing: /, () => lock.unlock());
		lock.lockShared();
		expectError("ERR_IPC_NOT_OWNER", /for writing/, () => lock.unlock());
		expectError("ERR_IPC_NOT_OWNER", /for writing/, () => lock.markUnusable());
		expectError("ERR_IPC_NOT_OWNER", /for reading/, () => other.unlockShared());
		lock.unlockShared();
		expectError("ERR_IPC_NOT_OWNER", /for reading/, () => lock.unlockShared());
		lock.lock();
		expectError("ERR_IPC_NOT_OWNER", /for reading/, () => lock.unlockShared());
		expect(lock.held).toBe("exclusive");
		lock.unlock();
	});

	test("ERR_IPC_UNUSABLE and ERR_IPC_ORPHANED: readers that wait or come", async () => {
		for (const code of ["ERR_IPC_UNUSABLE", "ERR_IPC_ORPHANED"] as const) {
			const name = names.next();
			using lock = open(name);
			using other = open(name);
			lock.lock();
			const waits = [other.lockSharedAsync(), other.acquireSharedAsync({ timeout: 20_000 })];
			expect(await isPending(Promise.race(waits))).toBe(true);
			if (code === "ERR_IPC_UNUSABLE") lock.markUnusable();
			else {
				RwLock.clear(name, { prefix });
				lock.unlock();
			}
			for (const wait of waits) await expectRejection(code, /given up|removed/, wait);
			for (const call of [() => other.lockShared(), () => other.tryLockShared(), () => other.acquireShared()])
				expectError(code, /given up|removed/, call);
			expect(other.held).toBe("none");
		}
	});
});
