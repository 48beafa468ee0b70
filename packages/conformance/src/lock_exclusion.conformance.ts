/** What a mutex and a reader-writer lock that is locked for writing do alike: one holder at a time, and guards. */

import assert from "node:assert/strict";
import { turn } from "@libipc/testing/timing";
import { describe, test } from "./harness.ts";
import { lockFixture, lockKinds } from "./lock_fixture.ts";
import { Probe, Word } from "./probe.ts";
import type { Lock } from "./under_test.ts";
import { rounds } from "./volume.ts";

/** How often each program counts. */
const COUNTS = rounds(100_000, 10_000);

describe.each(lockKinds)("a %s excludes", (kind) => {
	const { isFree, names, open, prefix, program } = lockFixture(kind, "excludes");

	test("8 programs count under the lock, and no count is lost", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		const children = Array.from({ length: 8 }, () => program("counts", name, COUNTS));
		for (const each of children) assert.equal(await each.line(), "ready");
		probe.go();
		for (const each of children) assert.equal(await each.exited, 0);
		assert.equal(probe.get(Word.count), 8 * COUNTS);
	});

	test("blocking calls and tasks of several programs count under the same lock", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		await using first = program("counts in tasks", name, 150);
		await using second = program("counts in tasks", name, 150);
		await using third = program("counts", name, 5000);
		for (const each of [first, second, third]) assert.equal(await each.line(), "ready");
		probe.go();
		using lock = open(name);
		using another = open(name);
		const { words } = probe;
		const task = async (of: Lock): Promise<void> => {
			for (let i = 0; i < 100; i++) {
				assert.equal(await of.lockAsync(), true);
				const count = words[Word.count] as number;
				if (i % 5 === 0) await turn();
				words[Word.count] = count + 1;
				of.unlock();
			}
		};
		await Promise.all([lock, lock, another, another, another].map(task));
		for (const each of [first, second, third]) assert.equal(await each.exited, 0);
		assert.equal(probe.get(Word.count), 2 * 1500 + 5000 + 500);
	});

	test("one handle excludes the other handles of its thread", () => {
		const name = names.next();
		using a = open(name);
		using b = open(name);
		assert.equal(a.lock(), true);
		assert.equal(b.tryLock(), false);
		assert.equal(b.lock({ timeout: 0 }), false);
		assert.equal(b.acquire({ timeout: 0 }), null);
		a.unlock();
		assert.equal(b.tryLock(), true);
		assert.equal(a.tryLock(), false);
		b.unlock();
		assert.equal(isFree(name), true);
	});
});

describe.each(lockKinds)("a guard of a %s", (kind) => {
	const { isFree, names, open } = lockFixture(kind, "guards");

	test("unlocks at the end of its block, also if the block throws", async () => {
		const name = names.next();
		using lock = open(name);
		{
			using guard = lock.acquire();
			assert.equal(guard.ownerDied, false);
			assert.equal(isFree(name), false);
		}
		assert.equal(isFree(name), true);
		assert.throws(() => {
			using _guard = lock.acquire();
			throw new Error("inside");
		}, /inside/);
		assert.equal(isFree(name), true);
		{
			using _guard = await lock.acquireAsync({ timeout: 5 });
			assert.equal(isFree(name), false);
		}
		assert.equal(isFree(name), true);
	});

	test("unlocks once, and does not end a later lock of the same handle", () => {
		const name = names.next();
		using lock = open(name);
		const guard = lock.acquire();
		guard.release();
		assert.equal(isFree(name), true);
		lock.lock();
		guard.release();
		assert.equal(isFree(name), false);
		lock.unlock();
		const second = lock.acquire();
		lock.unlock();
		const third = lock.acquire();
		second[Symbol.dispose]();
		assert.equal(isFree(name), false);
		third.release();
		assert.equal(isFree(name), true);
		third.release();
	});

	test("does nothing after the handle is closed or the lock is marked unusable", () => {
		const name = names.next();
		const lock = open(name);
		const guard = lock.acquire();
		lock.close();
		guard.release();
		using another = open(name);
		const last = another.acquire();
		another.markUnusable();
		last.release();
	});
});
