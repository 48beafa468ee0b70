/** Timeouts, signals and errors of waits for a permit, and the options of a semaphore. */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { badTimeouts, longTimeouts, untyped } from "@libipc/testing/bad_values";
import { isPending, rejection } from "@libipc/testing/outcome";
import { expectTook, RECOVERY_MS, took } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { semaphoreFixture } from "./semaphore_fixture.ts";
import { Semaphore } from "./under_test.ts";

const { names, open, prefix, start } = semaphoreFixture("semwaits");

describe("waits for a permit", () => {
	test("end with their timeouts, in blocking calls and in the event loop", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 0 });
		for (const timeout of [0, 0.4, 30, 60.5]) {
			expectTook(await took(() => assert.equal(semaphore.acquire({ timeout }), null)), timeout);
			let ticks = 0;
			const timer = setInterval(() => ticks++, 2);
			expectTook(await took(async () => assert.equal(await semaphore.acquireAsync({ timeout }), null)), timeout);
			clearInterval(timer);
			if (timeout > 20) assert.ok(ticks > 0); // a blocking wait would leave none
		}
		const waits = longTimeouts.map((timeout) => semaphore.acquireAsync({ timeout }));
		assert.equal(await isPending(Promise.race(waits)), true);
		semaphore.release(waits.length);
		for (const wait of waits) assert.notEqual(await wait, null);
		semaphore.release(longTimeouts.length);
		for (const timeout of longTimeouts) assert.notEqual(semaphore.acquire({ timeout }), null);
		assert.equal(semaphore.permits, 0);
	});

	test.each(badTimeouts)("the timeout %p is refused, and nothing is acquired", async (timeout, text) => {
		using semaphore = open(names.next());
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(semaphore.acquire.bind(semaphore), { timeout }));
		await expectRejection(
			"ERR_IPC_INVALID_ARGUMENT",
			text,
			untyped(semaphore.acquireAsync.bind(semaphore), { timeout }) as Promise<unknown>,
		);
		assert.equal(semaphore.permits, 1);
	});

	test("end with the reason of their AbortSignal; invalid signals and options are refused", async () => {
		using semaphore = open(names.next(), { initial: 1 });
		assert.equal(await rejection(semaphore.acquireAsync({ signal: AbortSignal.abort("before") })), "before");
		assert.equal(semaphore.permits, 1);
		semaphore.acquire();
		const controller = new AbortController();
		const wait = semaphore.acquireAsync({ signal: controller.signal, timeout: 600_000 });
		assert.equal(await isPending(wait), true);
		controller.abort("enough");
		assert.equal(await rejection(wait), "enough");
		semaphore.release();
		assert.equal(semaphore.permits, 1);
		for (const signal of [5, {}, null])
			await expectRejection(
				"ERR_IPC_INVALID_ARGUMENT",
				/signal must be an AbortSignal/,
				untyped(semaphore.acquireAsync.bind(semaphore), { signal }) as Promise<unknown>,
			);
		for (const bad of [5, "x", null]) {
			const text = /options must be an object/;
			expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(semaphore.acquire.bind(semaphore), bad));
			const call = untyped(semaphore.acquireAsync.bind(semaphore), bad) as Promise<unknown>;
			await expectRejection("ERR_IPC_INVALID_ARGUMENT", text, call);
		}
	});

	test("keep the program alive; it ends by itself afterwards", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 0 });
		await using waiting = await start("waits async", name, "waiting");
		semaphore.release();
		assert.ok((await took(async () => assert.equal(await waiting.report<string>(), "acquired"))) < RECOVERY_MS);
		assert.equal(await waiting.exited, 0);
		assert.equal(semaphore.permits, 1);
	});

	test("end when the handle is closed; a closed handle refuses every call", async () => {
		const semaphore = open(names.next(), { initial: 0 });
		const waits = [semaphore.acquireAsync(), semaphore.acquireAsync({ timeout: 600_000 })];
		assert.equal(await isPending(Promise.race(waits)), true);
		semaphore.close();
		for (const wait of waits) await expectRejection("ERR_IPC_CLOSED", /is closed\. Open a new one/, wait);
		for (const call of [
			() => semaphore.acquire(),
			() => semaphore.acquire({ timeout: 5 }),
			() => semaphore.tryAcquire(),
			() => semaphore.release(),
			() => semaphore.release(5),
		])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
		await expectRejection("ERR_IPC_CLOSED", /is closed/, semaphore.acquireAsync());
	});

	test.each(["the name was cleared", "the file was deleted"])(
		"ERR_IPC_ORPHANED: for all waits and calls after %s",
		async (how) => {
			const name = names.next();
			using semaphore = open(name, { initial: 0 });
			await using sync = await start("waits", name, "waiting");
			await using async = await start("waits async", name, "waiting");
			const waits = [semaphore.acquireAsync(), semaphore.acquireAsync({ timeout: 20_000 })];
			assert.equal(await isPending(Promise.race(waits)), true);
			if (how === "the name was cleared") Semaphore.clear(name, { prefix });
			else rmSync(names.path("semaphore", name));
			const ms = await took(async () => {
				for (const wait of waits) await expectRejection("ERR_IPC_ORPHANED", /removed/, wait);
				assert.equal(await sync.report<string>(), "ERR_IPC_ORPHANED");
				assert.equal(await async.report<string>(), "ERR_IPC_ORPHANED");
			});
			assert.ok(ms < RECOVERY_MS);
			for (const call of [() => semaphore.acquire(), () => semaphore.tryAcquire()])
				expectError("ERR_IPC_ORPHANED", /removed/, call);
			using again = open(name, { initial: 5 });
			assert.equal(again.permits, 5);
		},
	);
});

describe("options of a semaphore", () => {
	test.each([
		[{ initial: -1 }, /initial must be an integer from 0 to 2147483647, not -1/],
		[{ initial: 2 ** 31 }, /initial.*2147483648/],
		[{ initial: 0.5 }, /initial.*0\.5/],
		[{ initial: Number.NaN }, /initial.*NaN/],
		[{ initial: "1" }, /initial.*"1"/],
		[{ initial: null }, /initial.*null/],
		[{ robust: 1 }, /robust must be true or false, not 1/],
		[{ robust: "yes" }, /robust.*"yes"/],
		[{ robust: null }, /robust.*null/],
	])("%j are refused", (options, text) => {
		const name = names.next();
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(Semaphore.open, name, { prefix, ...options }));
		assert.deepEqual(names.existing(), []);
	});

	test.each([
		[0, /count must be an integer from 1 to 2147483647, not 0/],
		[-1, /-1/],
		[1.5, /1\.5/],
		[Number.NaN, /NaN/],
		[Infinity, /Infinity/],
		[2 ** 31, /2147483648/],
		["1", /"1"/],
		[null, /null/],
	])("release(%p) is refused", (count, text) => {
		using semaphore = open(names.next());
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(semaphore.release.bind(semaphore), count));
		assert.equal(semaphore.permits, 1);
	});

	test("that differ from those of its creator are ERR_IPC_OPTIONS_MISMATCH; equal ones, or none, are valid", () => {
		const name = names.next();
		using creator = open(name, { initial: 4, robust: true });
		creator.acquire();
		const mismatch = "ERR_IPC_OPTIONS_MISMATCH";
		expectError(mismatch, /with initial 4, and was opened here with 0/, () => open(name, { initial: 0 }));
		expectError(mismatch, /with initial 4, .* with 3/, () => open(name, { initial: 3 }));
		expectError(mismatch, /with robust true, .* with false/, () => open(name, { robust: false }));
		using same = open(name, { initial: 4, robust: true });
		using none = open(name);
		assert.deepEqual([same.permits, none.permits], [3, 3]);
		const another = names.next();
		using plain = open(another);
		expectError(mismatch, /with robust false, .* with true/, () => open(another, { robust: true }));
		expectError(mismatch, /with initial 1, .* with 2147483647/, () => open(another, { initial: 2 ** 31 - 1 }));
		using _same = open(another, { initial: 1, robust: false });
		assert.equal(plain.permits, 1);
		using empty = open(names.next(), { initial: 0 });
		assert.equal(empty.tryAcquire(), null);
	});
});
