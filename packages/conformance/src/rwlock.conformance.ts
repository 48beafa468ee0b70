import assert from "node:assert/strict";
import {
	badTimeouts,
	expectError,
	expectRecoveries,
	expectRejection,
	expectTook,
	HandleNames,
	longTimeouts,
	RECOVERY_MS,
	took,
	until,
	untyped,
} from "./handles.ts";
import { afterEach, describe, test } from "./harness.ts";
import { testLock } from "./lock_tests.ts";
import { Peer } from "./peer.ts";
import { Probe, Word } from "./probe.ts";
import { isPending, rejection } from "./text.ts";
import { type LockGuard, list, RwLock } from "./under_test.ts";

testLock("rwlock");

const names = new HandleNames("readers");
const { prefix } = names;
const open = (name: string) => RwLock.open(name, { prefix });
const child = (program: string, name: string, argument: number | string = "") =>
	new Peer("lock", [program, prefix, name, "rwlock", argument]);

afterEach(() => names.expectNothingLeft());

async function started(program: string, name: string, says: string): Promise<Peer> {
	const process = child(program, name);
	assert.equal(await process.report<string>(), says);
	return process;
}

describe("readers and writers", () => {
	test("8 threads read and write 10,000 times each: no reader sees half a change", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		const children = Array.from({ length: 8 }, () => child("reads and writes", name, 10_000));
		for (const each of children) assert.equal(await each.line(), "ready");
		probe.go();
		for (const each of children) assert.equal(await each.exited, 0);
		assert.equal(probe.get(Word.wrong), 0);
		assert.equal(probe.get(Word.begun), 8 * 2500);
		assert.equal(probe.get(Word.done), 8 * 2500);
	}, 60_000);

	test("many read at once, in several processes; a writer waits for all of them", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		await using reader = await started("reads", name, "held");
		assert.equal(lock.lockShared(), true);
		assert.equal(lock.tryLockShared(), true);
		assert.equal(lock.held, "shared");
		assert.equal(other.held, "none");
		assert.equal(other.tryLock(), false);
		for (let held = 2; held > 0; held--) {
			assert.equal(await other.lockAsync({ timeout: 5 }), false);
			// It would block the very thread that reads by the other handle.
			expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => other.lock({ timeout: 5 }));
			lock.unlockShared();
		}
		assert.equal(other.lock({ timeout: 5 }), false);
		assert.equal(lock.held, "none");
		assert.equal(other.tryLock(), false);
		const wait = other.lockAsync();
		assert.equal(await isPending(wait), true);
		await reader.kill();
		assert.ok((await took(() => wait)) < RECOVERY_MS);
		assert.equal(other.held, "exclusive");
		// A reader leaves nothing half changed.
		assert.equal(other.ownerDied, false);
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
		assert.equal(await isPending(write), true);
		assert.equal(second.tryLockShared(), false);
		const read = second.acquireSharedAsync().then((guard) => {
			order.push("reads");
			return guard;
		});
		assert.equal(await isPending(read), true);
		reading.release();
		(await write).release();
		(await read).release();
		assert.deepEqual(order, ["writes", "reads"]);
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
			assert.equal(second.tryLockShared(), false);
			const read = second.lockSharedAsync();
			if (how === "signal") controller.abort("enough");
			if (how === "closed") writer.close();
			await caught;
			assert.ok((await took(() => read)) < 300);
			second.unlockShared();
			assert.equal(second.tryLockShared(), true);
			second.unlockShared();
			writer.close();
		}
		assert.equal(await second.lockAsync({ timeout: 5 }), false);
		assert.equal(second.tryLock(), false);
		assert.equal(second.tryLockShared(), true);
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
			assert.deepEqual([first.ownerDied, second?.ownerDied], [false, false]);
			second?.release();
			second?.release();
			second?.[Symbol.dispose]();
			assert.equal(lock.held, "shared");
			assert.equal(other.tryLock(), false);
		}
		assert.equal(lock.held, "none");
		assert.equal(other.tryLock(), true);
		assert.equal(lock.tryLockShared(), false);
		assert.equal(await lock.acquireSharedAsync({ timeout: 0 }), null);
		other.unlock();
		{
			using _guard = await lock.acquireSharedAsync();
			using _another = await lock.acquireSharedAsync({ timeout: 5 });
			assert.equal(other.tryLock(), false);
		}
		assert.equal(other.tryLock(), true);
		other.unlock();
		const left = lock.acquireShared();
		lock.close();
		left.release();
		assert.equal(other.tryLock(), true);
		assert.equal(other.ownerDied, false);
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
			assert.equal(writing, false);
			most = Math.max(most, ++readers);
			await turns();
			readers--;
		};
		const write = async () => {
			using _guard: LockGuard = await lock.acquireAsync();
			assert.deepEqual([writing, readers], [false, 0]);
			writing = true;
			await turns();
			writing = false;
		};
		await Promise.all(Array.from({ length: 200 }, (_, i) => (i % 10 === 0 ? write() : read())));
		assert.ok(most > 1);
		assert.equal(lock.held, "none");
	}, 20_000);
});

describe("readers and writers that end inside", () => {
	test("12 killed at random moments, reading or writing: the others go on within a second", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using lock = open(name);
		const victims = Array.from({ length: 4 }, () => child("reads and changes", name));
		const latencies: number[] = [];
		try {
			for (let kill = 0; kill < 12; kill++) {
				const victim = victims.shift() as Peer;
				assert.equal(await victim.report<string>(), "ready");
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
				if (kill < 8) victims.push(child("reads and changes", name));
			}
		} finally {
			for (const victim of victims) await victim.kill();
		}
		assert.equal(probe.get(Word.wrong), 0);
		expectRecoveries(latencies);
	}, 60_000);

	test("a killed writer: readers are told until a writer has unlocked", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		await using writer = await started("holds", name, "held");
		const waits = [lock.acquireSharedAsync(), other.acquireSharedAsync()];
		assert.equal(await isPending(Promise.race(waits)), true);
		await writer.kill();
		const ms = await took(async () => {
			for (const wait of waits) {
				using guard = await wait;
				assert.equal(guard.ownerDied, true);
			}
		});
		assert.ok(ms < RECOVERY_MS);
		assert.equal(lock.lockShared(), true);
		assert.equal(lock.ownerDied, true);
		lock.unlockShared();
		{
			using guard = other.acquire();
			assert.equal(guard.ownerDied, true);
		}
		using guard = lock.acquireShared();
		assert.equal(guard.ownerDied, false);
		assert.equal(lock.ownerDied, false);
	}, 20_000);

	test("a Worker that is terminated while it reads does not keep the writer out", async () => {
		const name = names.next();
		using lock = open(name);
		await using worker = new Peer("handles", ["rwlock: reads", prefix, name]);
		assert.equal(await worker.line(), "ready");
		assert.equal(lock.tryLock(), false);
		await worker.kill();
		const ms = await took(() => {
			using guard = lock.acquire();
			assert.equal(guard.ownerDied, false);
		});
		assert.ok(ms < RECOVERY_MS);
	}, 20_000);
});

describe("waiting to read in the event loop", () => {
	test("timeouts, signals, close, options that are none", async () => {
		const name = names.next();
		using owner = open(name);
		const lock = open(name);
		owner.lock();
		for (const timeout of [0, 0.4, 30]) {
			expectTook(await took(async () => assert.equal(await lock.lockSharedAsync({ timeout }), false)), timeout);
			expectTook(await took(async () => assert.equal(await lock.acquireSharedAsync({ timeout }), null)), timeout);
		}
		const controller = new AbortController();
		const aborted = lock.acquireSharedAsync({ signal: controller.signal });
		assert.equal(await isPending(aborted), true);
		controller.abort("enough");
		assert.equal(await rejection(aborted), "enough");
		assert.equal(await rejection(lock.lockSharedAsync({ signal: AbortSignal.abort("before") })), "before");
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
		assert.equal(await isPending(Promise.race(waits)), true);
		owner.unlock();
		for (const wait of waits) assert.equal(await wait, true);
		for (const _ of waits) lock.unlockShared();
		assert.equal(lock.held, "none");
		for (const timeout of longTimeouts) {
			assert.equal(lock.lockShared({ timeout }), true);
			lock.unlockShared();
		}
		owner.lock();
		const closing = [lock.lockSharedAsync(), lock.acquireSharedAsync(), lock.lockAsync()];
		assert.equal(await isPending(Promise.race(closing)), true);
		lock.close();
		const ms = await took(async () => {
			for (const wait of closing) await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
		});
		assert.ok(ms < 300);
		for (const call of [
			() => lock.lockShared(),
			() => lock.tryLockShared(),
			() => lock.acquireShared(),
			() => lock.unlockShared(),
		])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
		await expectRejection("ERR_IPC_CLOSED", /is closed/, lock.acquireSharedAsync());
		assert.equal(lock.held, "none");
		owner.unlock();
	}, 20_000);

	test("blocking calls keep their timeouts", async () => {
		const name = names.next();
		using lock = open(name);
		await using writer = await started("holds", name, "held");
		for (const timeout of [0, 0.4, 30]) {
			expectTook(await took(() => assert.equal(lock.lockShared({ timeout }), false)), timeout);
			expectTook(await took(() => assert.equal(lock.acquireShared({ timeout }), null)), timeout);
		}
		await writer.kill();
		const reader = await started("reads", name, "held");
		await using _reader = reader;
		for (const timeout of [0, 0.4, 30])
			expectTook(await took(() => assert.equal(lock.lock({ timeout }), false)), timeout);
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
			assert.equal(await isPending(first), true);
			owner.unlock();
			controller.abort("enough");
			assert.equal(await rejection(first), "enough");
			assert.ok((await took(() => second)) < 300);
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
		assert.equal(await isPending(wait), true);
		owner.unlock();
		lock.lockShared();
		lock.unlockShared();
		assert.ok((await took(() => wait)) < 400);
		lock.unlockShared();
		assert.deepEqual(await process.report<object>(), { ownerDied: false });
		await process.exited;
	}, 20_000);

	test("what one gave up behind the first does not hold the first up", async () => {
		const name = names.next();
		using owner = open(name);
		using lock = open(name);
		owner.lock();
		const first = lock.lockSharedAsync();
		assert.equal(await lock.lockSharedAsync({ timeout: 2 }), false);
		owner.unlock();
		assert.ok((await took(() => first)) < 300);
		const write = lock.lockAsync();
		assert.equal(await lock.lockAsync({ timeout: 2 }), false);
		// The writer is still the next one.
		assert.equal(owner.tryLockShared(), false);
		lock.unlockShared();
		assert.ok((await took(() => write)) < 300);
		lock.unlock();
	});

	test("who blocks the thread in between gives it to waiting readers and writers afterwards", async () => {
		const name = names.next();
		using lock = open(name);
		using owner = open(name);
		owner.lock();
		const read = lock.acquireSharedAsync();
		const write = lock.acquireAsync();
		assert.equal(await isPending(Promise.race([read, write])), true);
		owner.unlock();
		lock.lock();
		assert.equal(await isPending(Promise.race([read, write])), true);
		lock.unlock();
		const started = performance.now();
		await Promise.all([read, write].map(async (wait) => (await wait).release()));
		assert.ok(performance.now() - started < 400);
		assert.equal(lock.held, "none");
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
		assert.equal(other.tryLock(), false);
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
		assert.equal(other.tryLockShared(), false);
		lock.unlock();
		// What was read, is not counted for ever.
		assert.equal(await lock.lockAsync(), true);
		lock.unlock();
	});

	test("ERR_IPC_DEADLOCK: read once more while a writer waits for this very reader", async () => {
		const name = names.next();
		using lock = open(name);
		using writer = open(name);
		using guard = lock.acquireShared();
		const write = writer.lockAsync();
		assert.equal(await isPending(write), true);
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.lockShared());
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.acquireShared({ timeout: 5 }));
		assert.equal(lock.tryLockShared(), false);
		guard.release();
		assert.equal(await write, true);
		writer.unlock();
	});

	test("ERR_IPC_DEADLOCK: blocking for tasks of the same handle that read, also while another is the next writer", async () => {
		const name = names.next();
		using lock = open(name);
		const guard = await lock.acquireSharedAsync();
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.lock({ timeout: 300 }));
		const write = lock.lockAsync();
		assert.equal(await isPending(write), true);
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.lock({ timeout: 300 }));
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.acquire({ timeout: 300 }));
		guard.release();
		assert.ok((await took(() => write)) < 300);
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
		assert.equal(lock.held, "exclusive");
		lock.unlock();
	});

	test("ERR_IPC_UNUSABLE and ERR_IPC_ORPHANED: readers that wait or come", async () => {
		for (const code of ["ERR_IPC_UNUSABLE", "ERR_IPC_ORPHANED"] as const) {
			const name = names.next();
			using lock = open(name);
			using other = open(name);
			lock.lock();
			const waits = [other.lockSharedAsync(), other.acquireSharedAsync({ timeout: 20_000 })];
			assert.equal(await isPending(Promise.race(waits)), true);
			if (code === "ERR_IPC_UNUSABLE") lock.markUnusable();
			else {
				RwLock.clear(name, { prefix });
				lock.unlock();
			}
			for (const wait of waits) await expectRejection(code, /given up|removed/, wait);
			for (const call of [() => other.lockShared(), () => other.tryLockShared(), () => other.acquireShared()])
				expectError(code, /given up|removed/, call);
			assert.equal(other.held, "none");
		}
	});
});
