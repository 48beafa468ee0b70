/** Waits for a condition, and notifications. */

import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { longTimeouts } from "@libipc/testing/bad_values";
import { isPending, rejection } from "@libipc/testing/outcome";
import { expectTook, expectWoken, sleep, took, tookUndisturbed } from "@libipc/testing/timing";
import { conditionFixture } from "./condition_fixture.ts";
import { expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { Probe } from "./probe.ts";
import { Condition, Mutex } from "./under_test.ts";
import { rounds } from "./volume.ts";

const { names, openBoth, prefix, program, startWaiting } = conditionFixture("conditions");

/** How many numbers each producer puts. */
const NUMBERS = rounds(5000, 1000);

describe("notifications", () => {
	test("a bounded buffer: 4 producers, 4 consumers, every number once, the numbers of each producer in order", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		const producers = [1, 2, 3, 4].map((i) => program("produces", name, i));
		const consumers = ["sync", "async", "sync", "async"].map((how) => program("consumes", name, how));
		const children = [...producers, ...consumers];
		for (const each of children) assert.equal(await each.line(), "ready");
		probe.go();
		const got = await Promise.all(consumers.map((each) => each.report<number[]>()));
		for (const each of children) assert.equal(await each.exited, 0);
		for (const one of got)
			for (const producer of [1, 2, 3, 4]) {
				const its = one.filter((number) => Math.floor(number / 10_000) === producer);
				assert.deepEqual(
					its,
					its.toSorted((a, b) => a - b),
				);
			}
		const wanted = [1, 2, 3, 4].flatMap((producer) => Array.from({ length: NUMBERS }, (_, i) => producer * 10_000 + i));
		assert.deepEqual(
			got.flat().sort((a, b) => a - b),
			wanted,
		);
	});

	test("notify() ends the oldest wait, of threads and of event loops; notifyAll() ends the others", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		assert.equal(condition.notify(), 0);
		assert.equal(condition.notifyAll(), 0);
		await using first = await startWaiting("waits", name, mutex);
		const order: string[] = [];
		const wait = async (label: string) => {
			using _guard = await mutex.acquireAsync();
			assert.equal(await condition.waitAsync(mutex), true);
			assert.equal(mutex.held, true);
			order.push(label);
		};
		const second = wait("second");
		assert.equal(await isPending(second), true);
		const third = wait("third");
		assert.equal(await isPending(third), true);
		await using fourth = await startWaiting("waits async", name, mutex);
		await using fifth = await startWaiting("waits", name, mutex);
		assert.equal(condition.notify(), 1);
		assert.deepEqual(await first.report<object>(), { notified: true, held: true });
		await first.exited;
		assert.equal(await isPending(second), true);
		assert.equal(condition.notify(), 1);
		await second;
		assert.deepEqual(order, ["second"]);
		assert.equal(condition.notifyAll(), 3);
		await third;
		for (const each of [fourth, fifth]) {
			assert.deepEqual(await each.report<object>(), { notified: true, held: true });
			assert.equal(await each.exited, 0);
		}
		assert.equal(condition.notifyAll(), 0);
		assert.equal(mutex.tryLock(), true);
		mutex.unlock();
	});

	test("a wait in the event loop counts as one wait, and nothing of it is left afterwards", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		mutex.lock();
		const wait = condition.waitAsync(mutex);
		assert.equal(await isPending(wait), true);
		assert.equal(mutex.held, false);
		assert.equal(condition.notifyAll(), 1);
		assert.equal(await wait, true);
		assert.equal(condition.notifyAll(), 0);
		assert.equal(await condition.waitAsync(mutex, { timeout: 5 }), false);
		assert.equal(mutex.held, true);
		assert.equal(condition.notifyAll(), 0);
		const controller = new AbortController();
		const aborted = condition.waitAsync(mutex, { signal: controller.signal });
		assert.equal(await isPending(aborted), true);
		controller.abort("enough");
		assert.equal(await rejection(aborted), "enough");
		assert.equal(mutex.held, true);
		assert.equal(condition.notifyAll(), 0);
	});

	test("a wait that ends just after it was notified passes the notification on", async () => {
		for (const how of ["abort", "close"] as const) {
			const name = names.next();
			using both = openBoth(name);
			const { mutex, condition } = both;
			const leaving = Condition.open(name, { prefix });
			const controller = new AbortController();
			mutex.lock();
			const first = leaving.waitAsync(mutex, { signal: controller.signal });
			assert.equal(await mutex.lockAsync(), true);
			const second = condition.waitAsync(mutex);
			assert.equal(await isPending(Promise.race([first, second])), true);
			assert.equal(condition.notify(), 1);
			// It has been notified, and does not know yet.
			if (how === "abort") controller.abort("enough");
			else leaving.close();
			const reason = await rejection(first);
			if (how === "abort") assert.equal(reason, "enough");
			else assertLike(reason, { code: "ERR_IPC_CLOSED" });
			assert.equal(mutex.held, true);
			mutex.unlock();
			expectWoken(await tookUndisturbed(async () => assert.equal(await second, true)));
			mutex.unlock();
			leaving.close();
		}
	});
});

describe("the mutex after a wait", () => {
	test("is held again after a timeout, of a blocking call and in the event loop", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		using other = Mutex.open(mutex.name, { prefix });
		mutex.lock();
		for (const timeout of [0, 0.4, 30, 60.5]) {
			expectTook(await took(() => assert.equal(condition.wait(mutex, { timeout }), false)), timeout);
			assert.deepEqual([mutex.held, other.tryLock()], [true, false]);
			expectTook(await took(async () => assert.equal(await condition.waitAsync(mutex, { timeout }), false)), timeout);
			assert.deepEqual([mutex.held, other.tryLock()], [true, false]);
		}
		for (const timeout of longTimeouts) {
			const wait = condition.waitAsync(mutex, { timeout });
			assert.equal(await isPending(wait), true);
			assert.equal(condition.notify(), 1);
			assert.equal(await wait, true);
		}
		await using process = program("waits async", both.condition.name);
		mutex.unlock();
		assert.equal(await process.report<string>(), "waiting");
		// Another handle holds the mutex when the time is up: the wait lasts until it is unlocked.
		mutex.lock();
		const wait = condition.waitAsync(mutex, { timeout: 5 });
		await other.lockAsync();
		await sleep(10);
		assert.equal(await isPending(wait), true);
		other.unlock();
		assert.equal(await wait, false);
		assert.equal(condition.notifyAll(), 1);
		mutex.unlock();
		assert.deepEqual(await process.report<object>(), { notified: true, held: true });
		assert.equal(await process.exited, 0);
	});

	test("is held by the thread or the task that held it before", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		mutex.lock();
		condition.wait(mutex, { timeout: 0 });
		await expectRejection("ERR_IPC_DEADLOCK", /already/, mutex.lockAsync());
		mutex.unlock();
		await mutex.lockAsync();
		condition.wait(mutex, { timeout: 1 });
		const next = mutex.lockAsync();
		assert.equal(await isPending(next), true);
		mutex.unlock();
		assert.equal(await next, true);
		mutex.unlock();
		{
			using guard = mutex.acquire();
			const wait = condition.waitAsync(mutex, { timeout: 5 });
			// Does not hold it now.
			guard.release();
			assert.equal(await wait, false);
			assert.equal(mutex.held, true);
			await expectRejection("ERR_IPC_DEADLOCK", /already/, mutex.lockAsync());
		}
		assert.equal(mutex.held, false);
	});
});
