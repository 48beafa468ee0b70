/** What a reader-writer lock does when a reader or a writer ends. */

import assert from "node:assert/strict";
import { isPending } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { expectRecoveries, RECOVERY_MS, took, until } from "@libipc/testing/timing";
import { describe, test } from "./harness.ts";
import { rwlockFixture } from "./lock_fixture.ts";
import { Probe, Word } from "./probe.ts";
import { KILLS_TIMEOUT, kills } from "./volume.ts";

const { names, open, prefix, program, start } = rwlockFixture("rwends");

describe("readers and writers that end while they hold the lock", () => {
	test(
		"killed at random moments, while they read or write: the others continue within a second",
		async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			using lock = open(name);
			const victims = Array.from({ length: 4 }, () => program("reads and changes", name));
			const latencies: number[] = [];
			try {
				for (let kill = 0; kill < kills; kill++) {
					const victim = victims.shift() as TestProgram;
					assert.equal(await victim.report<string>(), "ready");
					const seen = probe.get(Word.begun);
					await until(() => probe.get(Word.begun) - seen > kill % 7);
					await victim.kill();
					const started = performance.now();
					{
						using guard = kill % 2 === 0 ? lock.acquireShared({ timeout: 20_000 }) : await lock.acquireSharedAsync();
						if (!guard) throw new Error(`nothing within 20 s after kill ${kill}`);
						// Every reader sees ownerDied until a writer has unlocked.
						if (!guard.ownerDied) probe.check();
					}
					{
						using guard =
							kill % 4 < 2 ? lock.acquire({ timeout: 20_000 }) : await lock.acquireAsync({ timeout: 20_000 });
						if (!guard) throw new Error(`nothing within 20 s after kill ${kill}`);
						probe.change(guard.ownerDied);
					}
					latencies.push(performance.now() - started);
					if (kill < kills - 4) victims.push(program("reads and changes", name));
				}
			} finally {
				for (const victim of victims) await victim.kill();
			}
			assert.equal(probe.get(Word.wrong), 0);
			if (kills >= 100) assert.ok(probe.get(Word.told) > kills / 20);
			expectRecoveries(latencies);
		},
		KILLS_TIMEOUT,
	);

	test("a killed writer: readers see ownerDied until a writer has unlocked", async () => {
		const name = names.next();
		using lock = open(name);
		using other = open(name);
		await using writer = await start("holds", name, "held");
		const waits = [lock.acquireSharedAsync(), other.acquireSharedAsync()];
		assert.equal(await isPending(Promise.race(waits)), true);
		await writer.kill();
		const ms = await took(async () => {
			for (const wait of waits) {
				using guard = await wait;
				assert.equal(guard.ownerDied, true);
			}
		});
		assert.ok(ms < RECOVERY_MS);
		assert.equal(lock.lockShared(), true);
		assert.equal(lock.ownerDied, true);
		lock.unlockShared();
		{
			using guard = other.acquire();
			assert.equal(guard.ownerDied, true);
		}
		using guard = lock.acquireShared();
		assert.equal(guard.ownerDied, false);
		assert.equal(lock.ownerDied, false);
	});

	test("a killed reader does not keep the writer out", async () => {
		const name = names.next();
		using lock = open(name);
		await using reader = await start("reads", name, "held");
		assert.equal(lock.tryLock(), false);
		await reader.kill();
		const ms = await took(() => {
			using guard = lock.acquire();
			assert.equal(guard.ownerDied, false);
		});
		assert.ok(ms < RECOVERY_MS);
	});
});
