/** The errors of a mutex and of a reader-writer lock. */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { assertLike } from "@libipc/testing/assert_like";
import { isPending } from "@libipc/testing/outcome";
import { RECOVERY_MS, took } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { lockFixture, lockKinds } from "./lock_fixture.ts";

describe.each(lockKinds)("errors of a %s", (kind) => {
	const { isFree, names, open, prefix } = lockFixture(kind, "errors");

	test("ERR_IPC_DEADLOCK: a thread that holds the lock and waits for it", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		const text = new RegExp(`This thread holds .*"${name}" \\(prefix "${prefix}"\\) already.*not recursive`);
		for (const hold of [() => lock.lock(), () => lock.acquire(), () => lock.tryLock()]) {
			hold();
			for (const call of [
				() => lock.lock(),
				() => lock.lock({ timeout: 5 }),
				() => lock.lock({ timeout: 0 }),
				() => lock.tryLock(),
				() => lock.acquire(),
				() => lock.acquire({ timeout: 5 }),
				() => other.lock(),
				() => other.acquire({ timeout: 5 }),
			])
				expectError("ERR_IPC_DEADLOCK", text, call);
			await expectRejection("ERR_IPC_DEADLOCK", text, lock.lockAsync());
			await expectRejection("ERR_IPC_DEADLOCK", text, lock.acquireAsync({ timeout: 5 }));
			assert.equal(other.tryLock(), false);
			lock.unlock();
		}
	});

	test("no ERR_IPC_DEADLOCK for tasks, nor for other handles that wait in the event loop", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		for (const hold of [() => lock.lockAsync(), () => lock.acquireAsync()]) {
			await hold();
			expectError("ERR_IPC_DEADLOCK", /this thread/i, () => lock.lock());
			expectError("ERR_IPC_DEADLOCK", /this thread/i, () => other.lock());
			const waits = [lock.lockAsync(), other.lockAsync()];
			assert.equal(await isPending(Promise.race(waits)), true);
			lock.unlock();
			for (const [i, wait] of waits.entries()) {
				assert.equal(await wait, true);
				(i === 0 ? lock : other).unlock();
			}
		}
		// The thread waits for it in the event loop, by another handle.
		lock.lock();
		const wait = other.lockAsync();
		assert.equal(await isPending(wait), true);
		lock.unlock();
		assert.equal(await wait, true);
		other.unlock();
	});

	test("ERR_IPC_NOT_OWNER: unlock() and markUnusable() of a handle that does not hold the lock change nothing", () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		const text = /This handle does not hold .* Nothing has changed/;
		for (const call of [() => lock.unlock(), () => lock.markUnusable()]) expectError("ERR_IPC_NOT_OWNER", text, call);
		lock.lock();
		for (const call of [() => other.unlock(), () => other.markUnusable()]) expectError("ERR_IPC_NOT_OWNER", text, call);
		assert.equal(other.tryLock(), false);
		lock.unlock();
		expectError("ERR_IPC_NOT_OWNER", text, () => lock.unlock());
		assert.equal(isFree(name), true);
	});

	test("ERR_IPC_CLOSED: every call of a closed handle", async () => {
		const lock = open(names.next());
		lock.close();
		lock.close();
		for (const call of [
			() => lock.lock(),
			() => lock.lock({ timeout: 5 }),
			() => lock.tryLock(),
			() => lock.acquire(),
			() => lock.unlock(),
			() => lock.markUnusable(),
		])
			expectError("ERR_IPC_CLOSED", /This handle of .* is closed\. Open a new one/, call);
		await expectRejection("ERR_IPC_CLOSED", /is closed/, lock.lockAsync());
		await expectRejection("ERR_IPC_CLOSED", /is closed/, lock.acquireAsync({ timeout: 0 }));
	});
});

describe.each(lockKinds)("a %s that can no longer be used", (kind) => {
	const { factory, names, open, prefix, start } = lockFixture(kind, "unusable");

	test("ERR_IPC_UNUSABLE: for all waits and calls, until the lock is created again", async () => {
		const name = names.next();
		for (const how of ["closed", "cleared"]) {
			const lock = open(name);
			const other = open(name);
			lock.lock();
			await using sync = await start("waits", name, "waiting");
			await using async = await start("waits async", name, "waiting");
			const waits = [other.lockAsync(), other.acquireAsync()];
			assert.equal(await isPending(Promise.race(waits)), true);
			lock.markUnusable();
			expectError("ERR_IPC_NOT_OWNER", /does not hold/, () => lock.unlock());
			for (const wait of waits) await expectRejection("ERR_IPC_UNUSABLE", /given up.*markUnusable.*clear/, wait);
			assert.deepEqual(await sync.report<object>(), { code: "ERR_IPC_UNUSABLE" });
			assertLike(await async.report<object>(), { code: "ERR_IPC_UNUSABLE" });
			await sync.exited;
			await async.exited;
			using late = open(name);
			for (const of of [lock, other, late])
				for (const call of [() => of.lock(), () => of.tryLock(), () => of.acquire({ timeout: 5 })])
					expectError("ERR_IPC_UNUSABLE", /given up/, call);
			await expectRejection("ERR_IPC_UNUSABLE", /given up/, lock.lockAsync());
			await expectRejection("ERR_IPC_UNUSABLE", /given up/, lock.lockAsync({ timeout: 0 }));
			if (how === "cleared") factory.clear(name, { prefix });
			lock.close();
			other.close();
			late.close();
			using another = open(name);
			assert.equal(another.tryLock(), true);
			assert.equal(another.ownerDied, false);
		}
	});

	test("ERR_IPC_ORPHANED: for all waits and calls after the name was cleared", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		lock.lock();
		await using sync = await start("waits", name, "waiting");
		await using async = await start("waits async", name, "waiting");
		const waits = [other.lockAsync(), other.acquireAsync({ timeout: 20_000 })];
		assert.equal(await isPending(Promise.race(waits)), true);
		factory.clear(name, { prefix });
		const ms = await took(async () => {
			for (const wait of waits) await expectRejection("ERR_IPC_ORPHANED", /removed \(clear.*open the name again/, wait);
			assert.deepEqual(await sync.report<object>(), { code: "ERR_IPC_ORPHANED" });
			assertLike(await async.report<object>(), { code: "ERR_IPC_ORPHANED" });
		});
		assert.ok(ms < RECOVERY_MS);
		// The holder can still unlock it.
		lock.unlock();
		for (const call of [() => lock.lock(), () => other.tryLock(), () => other.acquire({ timeout: 5 })])
			expectError("ERR_IPC_ORPHANED", /removed/, call);
		using again = open(name);
		assert.equal(again.tryLock(), true);
		assert.deepEqual(names.existing(), [name]);
	});

	test("ERR_IPC_ORPHANED: for all waits after the file was deleted", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		lock.lock();
		const wait = other.lockAsync({ timeout: 20_000 });
		await using sync = await start("waits", name, "waiting");
		assert.equal(await isPending(wait), true);
		rmSync(names.path(kind, name));
		const ms = await took(async () => {
			assert.deepEqual(await sync.report<object>(), { code: "ERR_IPC_ORPHANED" });
			await expectRejection("ERR_IPC_ORPHANED", /deleted/, wait);
		});
		assert.ok(ms < RECOVERY_MS);
	});
});
