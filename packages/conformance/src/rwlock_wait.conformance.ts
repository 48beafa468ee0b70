/** How readers wait for a reader-writer lock. */

import assert from "node:assert/strict";
import { badTimeouts, longTimeouts, untyped } from "@libipc/testing/bad_values";
import { startClock } from "@libipc/testing/clock";
import { isPending, rejection } from "@libipc/testing/outcome";
import { expectTook, expectWoken, took, tookUndisturbed, until } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { rwlockFixture } from "./lock_fixture.ts";
import { list } from "./under_test.ts";

const { names, open, prefix, start } = rwlockFixture("rwwaits");

describe("waits of readers", () => {
	test("end with their timeout or signal and when the handle is closed; invalid options are refused", async () => {
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
		const ms = await tookUndisturbed(async () => {
			for (const wait of closing) await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
		});
		expectWoken(ms);
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
	});

	test("blocking calls keep their timeouts", async () => {
		const name = names.next();
		using lock = open(name);
		await using writer = await start("holds", name, "held");
		for (const timeout of [0, 0.4, 30]) {
			expectTook(await took(() => assert.equal(lock.lockShared({ timeout }), false)), timeout);
			expectTook(await took(() => assert.equal(lock.acquireShared({ timeout }), null)), timeout);
		}
		await writer.kill();
		const reader = await start("reads", name, "held");
		await using _reader = reader;
		for (const timeout of [0, 0.4, 30])
			expectTook(await took(() => assert.equal(lock.lock({ timeout }), false)), timeout);
	});

	test("a reader that is aborted just after it was notified passes the notification on", async () => {
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
			expectWoken(await tookUndisturbed(() => second));
			next.unlock();
		}
	});

	test("a wait that ends behind the first one does not delay the first one", async () => {
		const name = names.next();
		using owner = open(name);
		using lock = open(name);
		owner.lock();
		const first = lock.lockSharedAsync();
		assert.equal(await lock.lockSharedAsync({ timeout: 2 }), false);
		owner.unlock();
		expectWoken(await tookUndisturbed(() => first));
		const write = lock.lockAsync();
		assert.equal(await lock.lockAsync({ timeout: 2 }), false);
		// The writer is still the next one.
		assert.equal(owner.tryLockShared(), false);
		lock.unlockShared();
		expectWoken(await tookUndisturbed(() => write));
		lock.unlock();
	});
});

describe("reading tasks while their thread blocks for the lock", () => {
	test("the thread reads before another program that was next: its tasks keep their position", async () => {
		const name = names.next();
		using owner = open(name);
		using lock = open(name);
		owner.lock();
		await using process = await start("waits", name, "waiting");
		await until(() => list({ prefix }).some(({ endpoints }) => endpoints.some(({ sleeping }) => sleeping)));
		const wait = lock.lockSharedAsync();
		assert.equal(await isPending(wait), true);
		owner.unlock();
		lock.lockShared();
		lock.unlockShared();
		expectWoken(await tookUndisturbed(() => wait));
		lock.unlockShared();
		assert.deepEqual(await process.report<object>(), { ownerDied: false });
		await process.exited;
	});

	test("the thread locks before waiting readers and writers: they get the lock afterwards", async () => {
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
		const clock = startClock();
		await Promise.all([read, write].map(async (wait) => (await wait).release()));
		expectWoken(clock());
		assert.equal(lock.held, "none");
	});
});
