/** What readers of a reader-writer lock have beyond what a mutex has. */

import assert from "node:assert/strict";
import { isPending } from "@libipc/testing/outcome";
import { expectWoken, RECOVERY_MS, took, tookUndisturbed } from "@libipc/testing/timing";
import { expectError } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { rwlockFixture } from "./lock_fixture.ts";
import { Probe, Word } from "./probe.ts";
import type { LockGuard } from "./under_test.ts";
import { rounds } from "./volume.ts";

const { names, open, prefix, program, start } = rwlockFixture("readers");

/** How often each program reads or writes. */
const COUNTS = rounds(100_000, 10_000);

describe("readers and writers", () => {
	test("8 programs read and write: no reader sees half a change", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		const children = Array.from({ length: 8 }, () => program("reads and writes", name, COUNTS));
		for (const each of children) assert.equal(await each.line(), "ready");
		probe.go();
		for (const each of children) assert.equal(await each.exited, 0);
		assert.equal(probe.get(Word.wrong), 0);
		assert.equal(probe.get(Word.begun), 8 * (COUNTS / 4));
		assert.equal(probe.get(Word.done), 8 * (COUNTS / 4));
	});

	test("several programs read at once; a writer waits for all of them", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		await using reader = await start("reads", name, "held");
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
	});

	test("a writer that waits keeps new readers out, so that they do not starve it", async () => {
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

	test("a writer that ends its wait lets in the readers that it kept out", async () => {
		const name = names.next();
		using first = open(name);
		using second = open(name);
		first.lockShared();
		for (const how of ["timeout", "signal", "closed"] as const) {
			const writer = open(name);
			const controller = new AbortController();
			const write = writer.lockAsync(how === "timeout" ? { timeout: 200 } : { signal: controller.signal });
			const caught = write.catch((reason: unknown) => reason);
			// An event loop that has just served others for a while tries it in its next turn.
			assert.equal(await isPending(write), true);
			assert.equal(second.tryLockShared(), false);
			const read = second.lockSharedAsync();
			if (how === "signal") controller.abort("enough");
			if (how === "closed") writer.close();
			await caught;
			expectWoken(await tookUndisturbed(() => read));
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

	test("tasks of one handle read together and write alone, in the order of their calls", async () => {
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
	});
});

describe("guards of readers", () => {
	test("end one reading each, once", async () => {
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
});
