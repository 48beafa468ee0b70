/** Timeouts and other arguments of a mutex and of a reader-writer lock. */

import assert from "node:assert/strict";
import { badTimeouts, longTimeouts, untyped } from "@libipc/testing/bad_values";
import { expectTook, took } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { lockFixture, lockKinds } from "./lock_fixture.ts";

describe.each(lockKinds)("arguments of a %s", (kind) => {
	const { isFree, names, open, start } = lockFixture(kind, "arguments");

	test.each(badTimeouts)("the timeout %p is refused, and nothing is locked", async (timeout, text) => {
		const name = names.next();
		using lock = open(name);
		const options = { timeout };
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(lock.lock.bind(lock), options));
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(lock.acquire.bind(lock), options));
		for (const wait of [lock.lockAsync, lock.acquireAsync])
			await expectRejection("ERR_IPC_INVALID_ARGUMENT", text, untyped(wait.bind(lock), options) as Promise<unknown>);
		assert.equal(isFree(name), true);
	});

	test("invalid options and signals are refused", async () => {
		using lock = open(names.next());
		for (const bad of [5, "x", null, true]) {
			for (const call of [lock.lock, lock.acquire])
				expectError("ERR_IPC_INVALID_ARGUMENT", /options must be an object/, () => untyped(call.bind(lock), bad));
			for (const call of [lock.lockAsync, lock.acquireAsync])
				await expectRejection(
					"ERR_IPC_INVALID_ARGUMENT",
					/options must be an object/,
					untyped(call.bind(lock), bad) as Promise<unknown>,
				);
		}
		for (const signal of [5, {}, null])
			await expectRejection(
				"ERR_IPC_INVALID_ARGUMENT",
				/signal must be an AbortSignal/,
				untyped(lock.lockAsync.bind(lock), { signal }) as Promise<unknown>,
			);
		assert.equal(lock.tryLock(), true);
	});

	test("blocking calls keep their timeouts; very long and infinite ones are valid", async () => {
		const name = names.next();
		using lock = open(name);
		for (const timeout of [0, 0.5, ...longTimeouts]) {
			assert.equal(lock.lock({ timeout }), true);
			lock.unlock();
			lock.acquire({ timeout })?.release();
			assert.equal(isFree(name), true);
		}
		await using owner = await start("holds", name, "held");
		for (const timeout of [0, 0.4, 30, 60.5]) {
			expectTook(await took(() => assert.equal(lock.lock({ timeout }), false)), timeout);
			expectTook(await took(() => assert.equal(lock.acquire({ timeout }), null)), timeout);
		}
		await owner.kill();
		assert.equal(lock.lock({ timeout: 1e12 }), true);
	});
});
