/** The errors of readers and writers. */

import assert from "node:assert/strict";
import { isPending } from "@libipc/testing/outcome";
import { expectWoken, tookUndisturbed } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { rwlockFixture } from "./lock_fixture.ts";
import { RwLock } from "./under_test.ts";

const { names, open, prefix } = rwlockFixture("rwerrors");

describe("errors of readers and writers", () => {
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

	test("ERR_IPC_DEADLOCK: a thread that reads again while a writer waits for its first reading", async () => {
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

	test("ERR_IPC_DEADLOCK: a thread that blocks while tasks of the same handle read, also if another writer is next", async () => {
		const name = names.next();
		using lock = open(name);
		const guard = await lock.acquireSharedAsync();
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.lock({ timeout: 300 }));
		const write = lock.lockAsync();
		assert.equal(await isPending(write), true);
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.lock({ timeout: 300 }));
		expectError("ERR_IPC_DEADLOCK", /This thread holds/, () => lock.acquire({ timeout: 300 }));
		guard.release();
		expectWoken(await tookUndisturbed(() => write));
		lock.unlock();
	});

	test("ERR_IPC_NOT_OWNER: unlock() ends writing only, unlockShared() reading only", () => {
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

	test("ERR_IPC_UNUSABLE and ERR_IPC_ORPHANED: for readers, waiting or not", async () => {
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
