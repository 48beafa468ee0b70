/** What a semaphore does when a holder ends: a robust one gets its permits back, another one does not. */

import assert from "node:assert/strict";
import { isPending } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { expectRecoveries, expectWoken, RECOVERY_MS, took, tookUndisturbed, until } from "@libipc/testing/timing";
import { transport } from "@libipc/testing/transport";
import { expectError } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { Probe, Word } from "./probe.ts";
import { semaphoreFixture } from "./semaphore_fixture.ts";
import type { Semaphore } from "./under_test.ts";
import { KILLS_TIMEOUT, kills } from "./volume.ts";

const { names, open, prefix, program, start } = semaphoreFixture("semends");

describe("a semaphore that is not robust", () => {
	test("counts signals: 4 programs release, and tasks and threads of another take exactly as many", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { initial: 0 });
		using other = open(name);
		const children = Array.from({ length: 4 }, () => program("signals", name, 5000));
		for (const each of children) assert.equal(await each.line(), "ready");
		probe.go();
		const task = async (of: Semaphore) => {
			for (let i = 0; i < 1000; i++) await of.acquireAsync();
		};
		await Promise.all([semaphore, semaphore, semaphore, other, other].map(task));
		for (let i = 0; i < 15_000; i++) assert.notEqual(semaphore.acquire({ timeout: 10_000 }), null);
		for (const each of children) assert.equal(await each.exited, 0);
		assert.equal(semaphore.tryAcquire(), null);
		assert.equal(semaphore.permits, 0);
	});

	test("does not get back the permits of a killed or closed handle", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust: false });
		await using owner = await start("holds", name, "held");
		await owner.kill();
		const another = open(name);
		another.acquire();
		another.close();
		assert.equal(semaphore.acquire({ timeout: 900 }), null);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [0, 0]);
		// A program that knows about it may release them.
		semaphore.release(2);
		assert.equal(semaphore.permits, 2);
	});

	test("ERR_IPC_OVERFLOW: no more than 2^31 - 1 permits", () => {
		const name = names.next();
		const most = 2 ** 31 - 1;
		using semaphore = open(name, { initial: most });
		const text = new RegExp(`too many .*"${name}".*it can have ${most}\\. Nothing has changed`);
		expectError("ERR_IPC_OVERFLOW", text, () => semaphore.release());
		assert.equal(semaphore.permits, most);
		semaphore.acquire();
		expectError("ERR_IPC_OVERFLOW", text, () => semaphore.release(2));
		expectError("ERR_IPC_OVERFLOW", text, () => semaphore.release(most));
		assert.equal(semaphore.permits, most - 1);
		semaphore.release();
		assert.equal(semaphore.permits, most);
	});
});

describe("a robust semaphore", () => {
	test(
		"holders killed at random moments: the others continue within a second, and all permits come back",
		async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			using semaphore = open(name, { initial: 2, robust: true });
			const victims = Array.from({ length: 4 }, () => program("changes", name));
			const latencies: number[] = [];
			try {
				for (let kill = 0; kill < kills; kill++) {
					const victim = victims.shift() as TestProgram;
					assert.equal(await victim.report<string>(), "ready");
					const seen = probe.get(Word.count);
					await until(() => probe.get(Word.count) - seen > kill % 7);
					await victim.kill();
					const started = performance.now();
					for (const wait of [0, 1]) {
						using permit =
							kill % 2 === wait
								? semaphore.acquire({ timeout: 20_000 })
								: await semaphore.acquireAsync({ timeout: 20_000 });
						if (!permit) throw new Error(`nothing within 20 s after kill ${kill}`);
					}
					latencies.push(performance.now() - started);
					if (kill < kills - 4) victims.push(program("changes", name));
				}
			} finally {
				for (const victim of victims) await victim.kill();
			}
			expectRecoveries(latencies);
			const both = [semaphore.acquire(), semaphore.acquire()];
			assert.equal(semaphore.permits, 0);
			for (const permit of both) permit.release();
			assert.equal(semaphore.permits, 2);
			assert.ok(semaphore.recovered <= kills);
			if (kills >= 100) assert.ok(semaphore.recovered > kills / 10);
		},
		KILLS_TIMEOUT,
	);

	test("killed: its permits go to the waits of threads, of event loops and of other programs", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 3, robust: true });
		await using owner = await start("holds", name, "held", 3);
		await using sync = await start("waits", name, "waiting");
		await using async = await start("waits async", name, "waiting");
		const wait = semaphore.acquireAsync();
		assert.equal(await isPending(wait), true);
		await owner.kill();
		const ms = await took(async () => {
			(await wait).release();
			assert.equal(await sync.report<string>(), "acquired");
			assert.equal(await async.report<string>(), "acquired");
		});
		assert.ok(ms < RECOVERY_MS);
		assert.equal(await sync.exited, 0);
		assert.equal(await async.exited, 0);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [3, 3]);
		await using another = await start("holds", name, "held", 3);
		await another.kill();
		assert.ok((await took(() => assert.notEqual(semaphore.acquire({ timeout: 10_000 }), null))) < RECOVERY_MS);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [2, 6]);
		semaphore.release();
		await using last = await start("holds", name, "held", 3);
		await last.kill();
		assert.ok((await took(() => until(() => semaphore.tryAcquire() !== null))) < RECOVERY_MS);
	});
});

describe("a robust semaphore whose holder exits, throws, is collected or closed", () => {
	test("process.exit(), an uncaught exception, a kill during a wait of another: the permit comes back", async () => {
		const name = names.next();
		using semaphore = open(name, { robust: true });
		for (const [what, status] of [
			["holds and exits", 3],
			["holds and throws", 1],
		] as const) {
			await using owner = program(what, name);
			// Bun's threads end with 0 after an exception.
			const ended = await owner.exited;
			if (transport === "processes") assert.equal(ended, status);
			assert.ok((await took(() => semaphore.acquire().release())) < RECOVERY_MS);
		}
		await using owner = await start("holds", name, "held");
		assert.equal(semaphore.tryAcquire(), null);
		const wait = semaphore.acquireAsync();
		await owner.kill();
		assert.ok((await took(async () => (await wait).release())) < RECOVERY_MS);
		assert.equal(semaphore.permits, 1);
	});

	test("a handle that is no longer reachable is closed when it is collected: its permit comes back", async () => {
		const name = names.next();
		using semaphore = open(name, { robust: true });
		await using owner = program("holds and forgets", name);
		assert.deepEqual(await owner.report<object>(), { got: true });
		assert.equal(await owner.exited, 0);
		assert.equal(semaphore.permits, 1);
	});

	test("closed: its permits go to the next wait", async () => {
		const name = names.next();
		using semaphore = open(name, { robust: true });
		const closing = open(name);
		closing.acquire();
		const wait = semaphore.acquireAsync();
		assert.equal(await isPending(wait), true);
		closing.close();
		expectWoken(await tookUndisturbed(async () => (await wait).release()));
		assert.equal(semaphore.permits, 1);
	});

	test("killed while it waits: the next waiter gets the permit", async () => {
		const name = names.next();
		using semaphore = open(name, { robust: true });
		const held = semaphore.acquire();
		await using waiting = await start("waits", name, "waiting");
		await waiting.kill();
		await using next = await start("waits", name, "waiting");
		held.release();
		assert.ok((await took(async () => assert.equal(await next.report<string>(), "acquired"))) < RECOVERY_MS);
		await next.exited;
		assert.equal(semaphore.permits, 1);
	});

	test("ERR_IPC_NOT_OWNER: only the handle that acquired a permit can release it", () => {
		const name = names.next();
		using semaphore = open(name, { initial: 3, robust: true });
		using other = open(name);
		const text = /does not hold 1 permits of .* robust.*Nothing has changed/;
		expectError("ERR_IPC_NOT_OWNER", text, () => semaphore.release());
		other.acquire();
		other.acquire();
		expectError("ERR_IPC_NOT_OWNER", text, () => semaphore.release());
		expectError("ERR_IPC_NOT_OWNER", /hold 3 permits/, () => other.release(3));
		assert.equal(semaphore.permits, 1);
		other.release(2);
		assert.equal(semaphore.permits, 3);
		expectError("ERR_IPC_NOT_OWNER", text, () => other.release());
		assert.equal(semaphore.permits, 3);
	});
});
