/** How a mutex and a reader-writer lock are waited for in the event loop. */

import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { longTimeouts } from "@libipc/testing/bad_values";
import { startClock } from "@libipc/testing/clock";
import { isPending, rejection } from "@libipc/testing/outcome";
import { expectTook, expectWoken, took, tookUndisturbed, turn, until } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { lockFixture, lockKinds, rejectionOr } from "./lock_fixture.ts";
import { type Lock, list } from "./under_test.ts";

describe.each(lockKinds)("tasks that wait for a %s", (kind) => {
	const { isFree, names, open, start } = lockFixture(kind, "tasks");

	test("get a free lock at once", async () => {
		const name = names.next();
		using lock = open(name);
		assert.equal(await lock.lockAsync(), true);
		assert.equal(isFree(name), false);
		lock.unlock();
		assert.equal(await lock.lockAsync({ timeout: 0 }), true);
		lock.unlock();
		assert.equal(isFree(name), true);
	});

	test("of one handle get it in the order of their calls, without those that ended their wait", async () => {
		const name = names.next();
		using lock = open(name);
		using owner = open(name);
		owner.lock();
		const controller = new AbortController();
		const order: string[] = [];
		const wait = async (label: string, options?: Parameters<Lock["lockAsync"]>[0]) => {
			try {
				if (await lock.lockAsync(options)) {
					order.push(label);
					await turn();
					lock.unlock();
				} else order.push(`${label} timed out`);
			} catch (reason) {
				order.push(`${label} ${reason}`);
			}
		};
		const waits = [
			wait("1"),
			wait("2", { signal: controller.signal }),
			wait("3", { timeout: 1 }),
			wait("4", { timeout: 600_000 }),
			wait("5", { timeout: Infinity, signal: new AbortController().signal }),
		];
		await waits[2];
		controller.abort("aborted");
		await waits[1];
		assert.deepEqual(order, ["3 timed out", "2 aborted"]);
		owner.unlock();
		await Promise.all(waits);
		assert.deepEqual(order, ["3 timed out", "2 aborted", "1", "4", "5"]);
		assert.equal(isFree(name), true);
	});

	test("a wait that ends behind the first one does not delay the first one", async () => {
		const name = names.next();
		using lock = open(name);
		await using owner = await start("holds", name, "held");
		for (const how of ["timeout", "signal"]) {
			using other = open(name);
			// Takes it over from the killed one the first time.
			if (how === "timeout") {
				await owner.kill();
				other.lock();
			} else other.lock();
			const first = lock.lockAsync();
			const controller = new AbortController();
			const second = lock.lockAsync(how === "timeout" ? { timeout: 2 } : { signal: controller.signal });
			assert.equal(await isPending(first), true);
			controller.abort("enough");
			assert.equal(await second.catch((reason: unknown) => reason), how === "timeout" ? false : "enough");
			other.unlock();
			// Sooner than the next poll, which comes every 700 ms.
			expectWoken(await tookUndisturbed(() => first));
			lock.unlock();
		}
	});

	test("when the first wait ends, the next one gets the lock at once; so do other handles and programs", async () => {
		const name = names.next();
		using owner = open(name);
		using lock = open(name);
		using other = open(name);
		for (const how of ["timeout", "signal", "closed"]) {
			owner.lock();
			const leaving = open(name);
			const controller = new AbortController();
			const first = rejectionOr(leaving.lockAsync(how === "timeout" ? { timeout: 5 } : { signal: controller.signal }));
			const next = how === "closed" ? other.lockAsync() : leaving.lockAsync();
			await using process = await start("waits async", name, "waiting");
			const elsewhere = lock.lockAsync();
			if (how === "signal") controller.abort("enough");
			if (how === "closed") leaving.close();
			assert.equal(await first, { timeout: false, signal: "enough", closed: "ERR_IPC_CLOSED" }[how] as string);
			assert.equal(await isPending(Promise.race([next, elsewhere])), true);
			const times: number[] = [];
			const clock = startClock();
			const timed = async (wait: Promise<boolean>, of: Lock) => {
				assert.equal(await wait, true);
				times.push(clock());
				of.unlock();
			};
			owner.unlock();
			await Promise.all([timed(next, how === "closed" ? other : leaving), timed(elsewhere, lock)]);
			expectWoken(Math.max(...times));
			assertLike(await process.report<object>(), { ownerDied: false });
			leaving.close();
		}
	});

	test("a wait that is aborted just after it was notified passes the notification on", async () => {
		const name = names.next();
		using owner = open(name);
		using leaving = open(name);
		using next = open(name);
		for (let round = 0; round < 20; round++) {
			owner.lock();
			const controller = new AbortController();
			const first = leaving.lockAsync({ signal: controller.signal });
			const second = next.lockAsync();
			assert.equal(await isPending(first), true);
			// It has been notified, and does not know yet.
			owner.unlock();
			controller.abort("enough");
			assert.equal(await rejection(first), "enough");
			expectWoken(await tookUndisturbed(() => second));
			next.unlock();
		}
	});
});

describe.each(lockKinds)("tasks that wait for a %s while their thread blocks for it", (kind) => {
	const { isFree, names, open, prefix, start } = lockFixture(kind, "blocking");

	test("300 tasks of one handle, with calls of the thread in between", async () => {
		const name = names.next();
		using lock = open(name);
		let inside = 0;
		let done = 0;
		const task = async () => {
			using _guard = await lock.acquireAsync();
			assert.equal(++inside, 1);
			await turn();
			inside--;
			done++;
		};
		const tasks = Array.from({ length: 300 }, task);
		while (done < 300) {
			await turn();
			// Between tasks the thread may have it, too; while a task is inside, it would wait for itself.
			if (inside > 0) expectError("ERR_IPC_DEADLOCK", /never end/, () => lock.lock({ timeout: 5 }));
			else if (lock.tryLock()) {
				assert.equal(inside, 0);
				lock.unlock();
			}
		}
		await Promise.all(tasks);
		assert.equal(isFree(name), true);
	});

	test("the thread locks and unlocks before them: they get the lock afterwards", async () => {
		const name = names.next();
		using lock = open(name);
		using owner = open(name);
		owner.lock();
		const waits = [lock.lockAsync(), lock.lockAsync()];
		assert.equal(await isPending(waits[0] as Promise<boolean>), true);
		owner.unlock();
		lock.lock();
		assert.equal(await isPending(Promise.race(waits)), true);
		lock.unlock();
		expectWoken(await tookUndisturbed(() => waits[0]));
		assert.equal(await isPending(waits[1] as Promise<boolean>), true);
		lock.unlock();
		expectWoken(await tookUndisturbed(() => waits[1]));
		lock.unlock();
	});

	test("the thread locks before another program that was next: its tasks keep their position", async () => {
		const name = names.next();
		using owner = open(name);
		using lock = open(name);
		owner.lock();
		await using process = await start("waits", name, "waiting");
		await until(() =>
			list({ prefix }).some((each) => each.name === name && each.endpoints.some(({ sleeping }) => sleeping)),
		);
		const wait = lock.lockAsync();
		assert.equal(await isPending(wait), true);
		owner.unlock();
		lock.lock();
		assert.equal(await isPending(wait), true);
		lock.unlock();
		expectWoken(await tookUndisturbed(() => wait));
		lock.unlock();
		assert.deepEqual(await process.report<object>(), { ownerDied: false });
		await process.exited;
	});
});

describe.each(lockKinds)("a wait for a %s in the event loop ends", (kind) => {
	const { isFree, names, open, program, start } = lockFixture(kind, "ends");

	test("after its timeout, not early and not much later, and the event loop runs meanwhile", async () => {
		const name = names.next();
		using lock = open(name);
		using owner = open(name);
		owner.lock();
		for (const timeout of [0, 0.4, 30, 60.5]) {
			let ticks = 0;
			const timer = setInterval(() => ticks++, 2);
			expectTook(await took(async () => assert.equal(await lock.lockAsync({ timeout }), false)), timeout);
			expectTook(await took(async () => assert.equal(await lock.acquireAsync({ timeout }), null)), timeout);
			clearInterval(timer);
			if (timeout > 20) assert.ok(ticks > 0); // a blocking wait would leave none
		}
		const waits = longTimeouts.map((timeout) => lock.lockAsync({ timeout }));
		assert.equal(await isPending(Promise.race(waits)), true);
		owner.unlock();
		for (const wait of waits) {
			assert.equal(await wait, true);
			lock.unlock();
		}
	});

	test("with the reason of its AbortSignal, also of one that is already aborted", async () => {
		const name = names.next();
		using lock = open(name);
		using owner = open(name);
		const reason = new Error("the reason");
		const aborted = AbortSignal.abort(reason);
		assert.equal(await rejection(lock.lockAsync({ signal: aborted })), reason);
		assert.equal(await rejection(lock.acquireAsync({ signal: aborted, timeout: 0 })), reason);
		assert.equal(isFree(name), true);
		owner.lock();
		const controller = new AbortController();
		const wait = lock.acquireAsync({ signal: controller.signal });
		assert.equal(await isPending(wait), true);
		controller.abort(reason);
		assert.equal(await rejection(wait), reason);
		assertLike(await rejection(lock.lockAsync({ signal: AbortSignal.timeout(5) })), {
			name: "TimeoutError",
		});
		owner.unlock();
		assert.equal(isFree(name), true);
	});

	test("when its handle is closed, for all tasks", async () => {
		const name = names.next();
		using owner = open(name);
		const lock = open(name);
		owner.lock();
		const waits = [lock.lockAsync(), lock.acquireAsync(), lock.lockAsync({ timeout: 600_000 })];
		assert.equal(await isPending(Promise.race(waits)), true);
		lock.close();
		const ms = await tookUndisturbed(async () => {
			for (const wait of waits) await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
		});
		expectWoken(ms);
		owner.unlock();
		assert.equal(isFree(name), true);
	});

	test("the program stays alive for the wait, and ends by itself after it", async () => {
		const name = names.next();
		using lock = open(name);
		lock.lock();
		await using waiting = await start("waits async", name, "waiting");
		await using aborted = program("waited, aborted", name);
		assert.equal(await aborted.report<string>(), "enough");
		assert.equal(await aborted.exited, 0);
		lock.unlock();
		assertLike(await waiting.report<object>(), { ownerDied: false });
		assert.equal(await waiting.exited, 0);
	});
});
