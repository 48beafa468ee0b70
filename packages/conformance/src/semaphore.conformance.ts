/** Permits, of semaphores that are robust and of those that are not. */

import assert from "node:assert/strict";
import { isPending, rejection } from "@libipc/testing/outcome";
import { expectWoken, RECOVERY_MS, took, tookUndisturbed, turn, until } from "@libipc/testing/timing";
import { describe, test } from "./harness.ts";
import { Probe, Word } from "./probe.ts";
import { allBegin, semaphoreFixture } from "./semaphore_fixture.ts";
import { list, type Permit, type Semaphore } from "./under_test.ts";
import { rounds } from "./volume.ts";

const { names, open, prefix, program, start } = semaphoreFixture("permits");

describe.each([false, true])("permits, robust: %p", (robust) => {
	test("one permit excludes: 8 programs count together", async () => {
		const name = names.next();
		const each = robust ? rounds(50_000, 10_000) : rounds(100_000, 20_000);
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { robust });
		await allBegin(
			Array.from({ length: 8 }, () => program("counts alone", name, each)),
			probe,
		);
		assert.equal(probe.get(Word.count), 8 * each);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [1, 0]);
	});

	test("three permits: never more than three holders, among threads and tasks of 5 programs", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { initial: 3, robust });
		const children = [
			...Array.from({ length: 3 }, () => program("counts together", name, 10_000)),
			...Array.from({ length: 2 }, () => program("counts in tasks", name, 200)),
		];
		await allBegin(children, probe);
		assert.equal(probe.get(Word.count), 34_000);
		assert.ok(probe.get(Word.most) <= 3);
		assert.ok(probe.get(Word.most) > 1);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [3, 0]);
	});

	test("are taken until there are none, and returned once each", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust });
		using other = open(name);
		assert.deepEqual([semaphore.permits, other.permits], [2, 2]);
		const first = semaphore.acquire();
		assert.equal(other.permits, 1);
		const second = semaphore.tryAcquire();
		assert.equal(semaphore.tryAcquire(), null);
		assert.equal(semaphore.acquire({ timeout: 0 }), null);
		assert.equal(await other.acquireAsync({ timeout: 0 }), null);
		first.release();
		first.release();
		first[Symbol.dispose]();
		assert.equal(semaphore.permits, 1);
		second?.[Symbol.dispose]();
		assert.equal(semaphore.permits, 2);
		{
			using _permit = await semaphore.acquireAsync();
			using _another = await semaphore.acquireAsync({ timeout: 5 });
			assert.equal(semaphore.permits, 0);
		}
		assert.equal(semaphore.permits, 2);
		semaphore.acquire();
		semaphore.acquire();
		semaphore.release(2);
		assert.equal(semaphore.permits, 2);
		const closing = open(name);
		const left = closing.acquire();
		closing.close();
		left.release();
		assert.equal(other.permits, robust ? 2 : 1);
		assert.equal(closing.permits, 0);
		assert.equal(closing.recovered, 0);
	});
});

describe.each([false, true])("waits for a permit, robust: %p", (robust) => {
	test("release(2) ends two waits, each once", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust });
		const held = [semaphore.acquire(), semaphore.acquire()];
		using other = open(name);
		const waits = [other.acquireAsync(), other.acquireAsync(), other.acquireAsync()];
		await using process = await start("waits", name, "waiting");
		assert.equal(await isPending(Promise.race(waits)), true);
		semaphore.release(2);
		assert.equal(held.length, 2);
		const got: Permit[] = [];
		const ms = await took(async () => {
			got.push(await (waits[0] as Promise<Permit>));
			got.push(await (waits[1] as Promise<Permit>));
			assert.equal(await isPending(waits[2] as Promise<Permit>), true);
			got.shift()?.release();
			got.shift()?.release();
			(await (waits[2] as Promise<Permit>)).release();
			assert.equal(await process.report<string>(), "acquired");
		});
		assert.ok(ms < RECOVERY_MS);
		await process.exited;
		assert.equal(semaphore.permits, 2);
	});

	test("tasks of one handle get permits in the order of their calls, without those that ended their wait", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using other = open(name);
		const held = semaphore.acquire();
		const controller = new AbortController();
		const order: string[] = [];
		const wait = async (label: string, options?: Parameters<Semaphore["acquireAsync"]>[0]) => {
			try {
				using permit = await other.acquireAsync(options);
				order.push(permit ? label : `${label} timed out`);
				await turn();
			} catch (reason) {
				order.push(`${label} ${reason}`);
			}
		};
		const waits = [
			wait("1"),
			wait("2", { signal: controller.signal }),
			wait("3", { timeout: 1 }),
			wait("4", { timeout: 600_000 }),
			wait("5"),
		];
		await waits[2];
		controller.abort("aborted");
		await waits[1];
		held.release();
		expectWoken(await tookUndisturbed(() => Promise.all(waits)));
		assert.deepEqual(order, ["3 timed out", "2 aborted", "1", "4", "5"]);
		assert.equal(semaphore.permits, 1);
	});

	test("a wait that is aborted just after it was notified passes the notification on", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using leaving = open(name);
		using next = open(name);
		for (let round = 0; round < 20; round++) {
			const held = semaphore.acquire();
			const controller = new AbortController();
			const first = leaving.acquireAsync({ signal: controller.signal });
			const second = next.acquireAsync();
			assert.equal(await isPending(first), true);
			held.release();
			controller.abort("enough");
			assert.equal(await rejection(first), "enough");
			expectWoken(await tookUndisturbed(async () => (await second).release()));
		}
		assert.equal(semaphore.permits, 1);
	});

	test("a thread that acquires before another program that was next: its tasks keep their position", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using other = open(name);
		const held = other.acquire();
		await using process = await start("waits", name, "waiting");
		await until(() =>
			list({ prefix }).some((each) => each.name === name && each.endpoints.some(({ sleeping }) => sleeping)),
		);
		const wait = semaphore.acquireAsync();
		assert.equal(await isPending(wait), true);
		held.release();
		const taken = semaphore.acquire();
		assert.equal(await isPending(wait), true);
		taken.release();
		expectWoken(await tookUndisturbed(async () => (await wait).release()));
		assert.equal(await process.report<string>(), "acquired");
		await process.exited;
	});

	test("a thread that acquires before its tasks: they get the next permits", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using other = open(name);
		const held = semaphore.acquire();
		const waits = [other.acquireAsync(), other.acquireAsync()];
		assert.equal(await isPending(Promise.race(waits)), true);
		held.release();
		const taken = other.acquire();
		assert.equal(await isPending(Promise.race(waits)), true);
		taken.release();
		const ms = await tookUndisturbed(async () => {
			for (const wait of waits) (await wait).release();
		});
		expectWoken(ms);
		assert.equal(semaphore.permits, 1);
	});
});
