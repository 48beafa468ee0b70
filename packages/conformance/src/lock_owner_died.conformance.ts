/** What a mutex and a reader-writer lock do when the program that holds them, or waits for them, ends. */

import assert from "node:assert/strict";
import { isPending } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { expectRecoveries, RECOVERY_MS, took, tookUndisturbed, turn, until } from "@libipc/testing/timing";
import { transport } from "@libipc/testing/transport";
import { describe, test } from "./harness.ts";
import { lockFixture, lockKinds } from "./lock_fixture.ts";
import { Probe, Word } from "./probe.ts";
import { KILLS_TIMEOUT, kills } from "./volume.ts";

describe.each(lockKinds)("the owner of a %s ends", (kind) => {
	const { names, open, prefix, program, start } = lockFixture(kind, "owners");

	test(
		"killed at random moments: the others continue within a second, and the next owner sees ownerDied",
		async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			using lock = open(name);
			const victims = Array.from({ length: 4 }, () => program("changes", name));
			const latencies: number[] = [];
			try {
				for (let kill = 0; kill < kills; kill++) {
					const victim = victims.shift() as TestProgram;
					assert.equal(await victim.report<string>(), "ready");
					const seen = probe.get(Word.begun);
					await until(() => probe.get(Word.begun) - seen > kill % 7);
					await victim.kill();
					const started = performance.now();
					using guard =
						kill % 2 === 0 ? lock.acquire({ timeout: 20_000 }) : await lock.acquireAsync({ timeout: 20_000 });
					latencies.push(performance.now() - started);
					if (!guard) throw new Error(`nothing within 20 s after kill ${kill}`);
					probe.change(guard.ownerDied);
					if (kill < kills - 4) victims.push(program("changes", name));
				}
			} finally {
				for (const victim of victims) await victim.kill();
			}
			assert.equal(probe.get(Word.wrong), 0);
			assert.ok(probe.get(Word.told) > (kills >= 100 ? kills / 10 : 0));
			expectRecoveries(latencies);
		},
		KILLS_TIMEOUT,
	);

	test("killed: the next owner sees ownerDied, also one that waits in its event loop; the owner after it does not", async () => {
		const name = names.next();
		using lock = open(name);
		for (const how of ["sync", "async", "waiting", "try"] as const) {
			await using owner = await start("holds", name, "held");
			assert.equal(lock.tryLock(), false);
			const waits = how === "waiting" ? lock.acquireAsync() : undefined;
			if (waits) assert.equal(await isPending(waits), true);
			await owner.kill();
			const ms = await took(async () => {
				if (how === "sync") lock.lock();
				else if (how === "try") await until(() => lock.tryLock());
				else {
					using guard = await (waits ?? lock.acquireAsync());
					assert.equal(guard.ownerDied, true);
					assert.equal(lock.ownerDied, true);
					return;
				}
				assert.equal(lock.ownerDied, true);
				lock.unlock();
			});
			assert.ok(ms < RECOVERY_MS);
			using guard = lock.acquire();
			assert.equal(guard.ownerDied, false);
			assert.equal(lock.ownerDied, false);
		}
	});

	test("killed: other programs that wait for the lock continue", async () => {
		const name = names.next();
		await using owner = await start("holds", name, "held");
		await using first = await start("waits", name, "waiting");
		await using second = await start("waits async", name, "waiting");
		await owner.kill();
		const ms = await took(async () => {
			const reports = [await first.report<{ ownerDied: boolean }>(), await second.report<{ ownerDied: boolean }>()];
			assert.deepEqual(reports.map(({ ownerDied }) => ownerDied).sort(), [false, true]);
		});
		assert.ok(ms < RECOVERY_MS);
		assert.equal(await first.exited, 0);
		assert.equal(await second.exited, 0);
	});
});

describe.each(lockKinds)("the owner of a %s exits, throws, is collected or closed", (kind) => {
	const { names, open, program, start } = lockFixture(kind, "exits");

	test("process.exit(), an uncaught exception: the next owner sees ownerDied", async () => {
		const name = names.next();
		using lock = open(name);
		for (const [what, status] of [
			["holds and exits", 3],
			["holds and throws", 1],
		] as const) {
			await using owner = program(what, name);
			// Bun's threads end with 0 after an exception.
			const ended = await owner.exited;
			if (transport === "processes") assert.equal(ended, status);
			const ms = await took(() => {
				using guard = lock.acquire();
				assert.equal(guard.ownerDied, true);
			});
			assert.ok(ms < RECOVERY_MS);
		}
	});

	test("a handle that is no longer reachable is closed when it is collected: the next owner sees ownerDied", async () => {
		const name = names.next();
		await using owner = program("holds and forgets", name);
		assert.deepEqual(await owner.report<object>(), { got: true, ownerDied: true });
		assert.equal(await owner.exited, 0);
		assert.deepEqual(names.existing(), []);
	});

	test("closed while it is held: the next owner sees ownerDied, also one that waits", async () => {
		const name = names.next();
		const a = open(name);
		using b = open(name);
		a.lock();
		a.close();
		assert.equal(b.tryLock(), true);
		assert.equal(b.ownerDied, true);
		b.unlock();
		// At once: a poll of the event loop finds it too, but only every 700 ms, so twenty of them would take 14 s.
		const rounds = await tookUndisturbed(async () => {
			for (let round = 0; round < 20; round++) {
				const closing = open(name);
				closing.lock();
				const wait = b.acquireAsync();
				assert.equal(await isPending(wait), true);
				closing.close();
				(await wait).release();
			}
		});
		assert.ok(rounds < 7000, `twenty rounds took ${rounds} ms`);
		const c = open(name);
		using d = open(name);
		c.lock();
		const waits = [b.acquireAsync(), d.acquireAsync()];
		await using process = await start("waits", name, "waiting");
		assert.equal(await isPending(Promise.race(waits)), true);
		c.close();
		const seen: boolean[] = [];
		const ms = await took(async () => {
			for (const wait of waits) {
				using guard = await wait;
				seen.push(guard.ownerDied);
			}
			seen.push((await process.report<{ ownerDied: boolean }>()).ownerDied);
		});
		assert.ok(ms < RECOVERY_MS);
		// The first new owner, whichever of the three it was.
		assert.deepEqual(seen.sort(), [false, false, true]);
		assert.equal(await process.exited, 0);
	});
});

describe.each(lockKinds)("a program that waits for a %s ends", (kind) => {
	const { names, open, start } = lockFixture(kind, "waiters");

	test.each(["waits", "waits async"])("killed while it %s: the next waiter gets the lock", async (program) => {
		const name = names.next();
		using lock = open(name);
		lock.lock();
		{
			await using _waiting = await start(program, name, "waiting");
			await turn();
		}
		await using next = await start("waits", name, "waiting");
		lock.unlock();
		const ms = await took(async () => assert.deepEqual(await next.report<object>(), { ownerDied: false }));
		assert.ok(ms < RECOVERY_MS);
		assert.equal(await next.exited, 0);
	});
});
