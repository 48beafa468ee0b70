/** Waits for a condition that end without a notification, and errors. */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { assertLike } from "@libipc/testing/assert_like";
import { badTimeouts, untyped } from "@libipc/testing/bad_values";
import { isPending, rejection } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { RECOVERY_MS, took } from "@libipc/testing/timing";
import { conditionFixture } from "./condition_fixture.ts";
import { expectError, expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { Probe, Word } from "./probe.ts";
import { Condition, Mutex } from "./under_test.ts";
import { KILLS_TIMEOUT, kills } from "./volume.ts";

const { names, openBoth, prefix, program, startWaiting } = conditionFixture("condends");

describe("waits for a condition whose program is killed", () => {
	test(
		"waiters killed at random moments: notifications reach the others within a second",
		async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			using mutex = Mutex.open(`${name}.mutex`, { prefix });
			using filled = Condition.open(`${name}.filled`, { prefix });
			using emptied = Condition.open(`${name}.emptied`, { prefix });
			await using survivor = program("takes", name);
			assert.equal(await survivor.report<string>(), "ready");
			const victims = Array.from({ length: 3 }, () => program("takes", name));
			let slowest = 0;
			try {
				for (let kill = 0; kill < kills; kill++) {
					const victim = victims.shift() as TestProgram;
					assert.equal(await victim.report<string>(), "ready");
					mutex.lock();
					probe.words[Word.count] = (probe.words[Word.count] as number) + 1 + (kill % 5);
					filled.notify();
					filled.notify();
					mutex.unlock();
					await victim.kill();
					if (kill < kills - 3) victims.push(program("takes", name));
					const started = performance.now();
					{
						using _guard = kill % 8 === 0 ? await mutex.acquireAsync() : mutex.acquire();
						while (probe.words[Word.count] !== 0) {
							// The victim may have consumed a notification without taking the thing: notify another.
							filled.notify();
							const inTime =
								kill % 8 === 0
									? await emptied.waitAsync(mutex, { timeout: 10_000 })
									: emptied.wait(mutex, { timeout: 10_000 });
							assert.equal(inTime, true);
						}
					}
					slowest = Math.max(slowest, performance.now() - started);
				}
			} finally {
				for (const victim of victims) await victim.kill();
			}
			assert.ok(slowest < RECOVERY_MS);
		},
		KILLS_TIMEOUT,
	);

	test("a stopped waiter is notified and killed: the waits of another program and of this event loop end", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		await using stopped = await startWaiting("waits", name, mutex);
		await using next = await startWaiting("waits", name, mutex);
		stopped.signal("SIGSTOP");
		mutex.lock();
		const wait = condition.waitAsync(mutex, { timeout: 20_000 });
		assert.equal(condition.notify(), 1);
		await stopped.kill();
		assert.ok((await took(async () => assert.equal(await wait, true))) < RECOVERY_MS);
		mutex.unlock();
		const ms = await took(async () => assertLike(await next.report<object>(), { held: true }));
		assert.ok(ms < RECOVERY_MS);
		assert.equal(await next.exited, 0);
	});

	test("a stopped waiter is notified and killed: the only other wait, of an event loop, ends", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		await using stopped = await startWaiting("waits", name, mutex);
		stopped.signal("SIGSTOP");
		mutex.lock();
		const wait = condition.waitAsync(mutex, { timeout: 20_000 });
		assert.equal(condition.notify(), 1);
		await stopped.kill();
		assert.ok((await took(async () => assert.equal(await wait, true))) < RECOVERY_MS);
	});
});

describe("waits for a condition whose handle, mutex or name ends", () => {
	test("closed: waits in the event loop end, and the mutex is held again", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		const waits: Promise<boolean>[] = [];
		for (let i = 0; i < 3; i++) {
			await mutex.lockAsync();
			waits.push(condition.waitAsync(mutex));
		}
		assert.equal(await isPending(Promise.race(waits)), true);
		condition.close();
		for (const wait of waits) {
			await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
			assert.equal(mutex.held, true);
			mutex.unlock();
		}
		mutex.lock();
		for (const call of [() => condition.wait(mutex), () => condition.notify(), () => condition.notifyAll()])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
		await expectRejection("ERR_IPC_CLOSED", /is closed/, condition.waitAsync(mutex));
		assert.equal(mutex.held, true);
	});

	test("the mutex is closed or marked unusable during the wait: the wait fails", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { condition } = both;
		const closing = Mutex.open(`${name}.mutex`, { prefix });
		closing.lock();
		const wait = condition.waitAsync(closing, { timeout: 5 });
		closing.close();
		await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
		expectError("ERR_IPC_CLOSED", /not held/, () => condition.wait(closing));
		using owner = Mutex.open(`${name}.mutex`, { prefix });
		both.mutex.lock();
		const another = condition.waitAsync(both.mutex);
		owner.lock();
		owner.markUnusable();
		condition.notify();
		await expectRejection("ERR_IPC_UNUSABLE", /given up/, another);
		assert.equal(both.mutex.held, false);
	});

	test.each(["name is cleared", "file is deleted"])(
		"ERR_IPC_ORPHANED: the %s during the wait; the mutex is held again",
		async (how) => {
			const name = names.next();
			using both = openBoth(name);
			const { mutex, condition } = both;
			await using sync = await startWaiting("waits", name, mutex);
			await using async = await startWaiting("waits async", name, mutex);
			mutex.lock();
			const wait = condition.waitAsync(mutex);
			if (how === "name is cleared") Condition.clear(name, { prefix });
			else rmSync(names.path("condition", name));
			const ms = await took(async () => {
				const report = { code: "ERR_IPC_ORPHANED", held: true };
				await expectRejection("ERR_IPC_ORPHANED", /removed/, wait);
				assert.equal(mutex.held, true);
				mutex.unlock();
				assert.deepEqual(await sync.report<object>(), report);
				assert.deepEqual(await async.report<object>(), report);
			});
			assert.ok(ms < RECOVERY_MS);
			mutex.lock();
			expectError("ERR_IPC_ORPHANED", /removed/, () => condition.wait(mutex));
			assert.equal(mutex.held, true);
			mutex.unlock();
		},
	);
});

describe("errors of a condition", () => {
	test("ERR_IPC_TOO_MANY_WAITS: more than four waits for each possible handle; the mutex stays held", async () => {
		const name = names.next();
		using both = openBoth(name, 1);
		const { mutex, condition } = both;
		const waits: Promise<boolean>[] = [];
		for (let i = 0; i < 4; i++) {
			await mutex.lockAsync();
			waits.push(condition.waitAsync(mutex));
		}
		await mutex.lockAsync();
		const text = /four for each handle.*larger maxHandles/;
		await expectRejection("ERR_IPC_TOO_MANY_WAITS", text, condition.waitAsync(mutex));
		expectError("ERR_IPC_TOO_MANY_WAITS", text, () => condition.wait(mutex));
		assert.equal(mutex.held, true);
		assert.equal(condition.notifyAll(), 4);
		mutex.unlock();
		for (const wait of waits) {
			assert.equal(await wait, true);
			mutex.unlock();
		}
		mutex.lock();
		assert.equal(condition.wait(mutex, { timeout: 0 }), false);
	});

	test("ERR_IPC_NOT_OWNER: a mutex that is not held, or held by another handle", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		using other = Mutex.open(mutex.name, { prefix });
		const text = /not held by the handle that was passed/;
		for (const locked of [false, true]) {
			if (locked) other.lock();
			expectError("ERR_IPC_NOT_OWNER", text, () => condition.wait(mutex, { timeout: 0 }));
			await expectRejection("ERR_IPC_NOT_OWNER", text, condition.waitAsync(mutex));
		}
		assert.equal(condition.notifyAll(), 0);
	});

	test("invalid mutexes, timeouts, signals and options are refused", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		const invalid = "ERR_IPC_INVALID_ARGUMENT";
		const sync = (...args: unknown[]) => untyped(condition.wait.bind(condition), ...args);
		const async = (...args: unknown[]) => untyped(condition.waitAsync.bind(condition), ...args) as Promise<unknown>;
		for (const bad of [undefined, null, 5, {}, condition]) {
			expectError(invalid, /as Mutex\.open\(\) of the same copy of libipc returns it, not with/, () => sync(bad));
			await expectRejection(invalid, /waits with a mutex/, async(bad));
		}
		mutex.lock();
		for (const [timeout, text] of badTimeouts) {
			expectError(invalid, text, () => sync(mutex, { timeout }));
			await expectRejection(invalid, text, async(mutex, { timeout }));
		}
		for (const bad of [5, "x", null]) {
			expectError(invalid, /options must be an object/, () => sync(mutex, bad));
			await expectRejection(invalid, /options must be an object/, async(mutex, bad));
		}
		for (const signal of [5, {}, null])
			await expectRejection(invalid, /signal must be an AbortSignal/, async(mutex, { signal }));
		const aborted = condition.waitAsync(mutex, { signal: AbortSignal.abort("before") });
		assert.equal(await rejection(aborted), "before");
		assert.equal(mutex.held, true);
		assert.equal(condition.notifyAll(), 0);
	});
});
