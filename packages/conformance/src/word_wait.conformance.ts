/** Waits on a word of shared memory. */

import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { badTimeouts, longTimeouts, untyped } from "@libipc/testing/bad_values";
import { isPending, rejection } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { expectTook, expectWoken, RECOVERY_MS, took, tookUndisturbed, until } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { memoryFixture } from "./memory_fixture.ts";
import type { SharedMemory, WordWait } from "./under_test.ts";
import { KILLS_TIMEOUT, kills, rounds } from "./volume.ts";

const { names, open, program, start } = memoryFixture("words");

/** How often each program counts. */
const COUNTS = rounds(100_000, 10_000);

describe("waits on a word", () => {
	test("a lock made of a word and waits on it: 8 programs count, and no count is lost", async () => {
		const name = names.next();
		using memory = open(name);
		const { words } = memory;
		const children = Array.from({ length: 8 }, () => program("counts", name, COUNTS));
		for (const each of children) assert.equal(await each.report<string>(), "ready");
		Atomics.store(words, 2, 1);
		memory.wake(8);
		for (const each of children) assert.equal(await each.exited, 0);
		assert.deepEqual([words[0], words[1]], [0, 8 * COUNTS]);
	});

	test("wake() ends the oldest waits first, of threads and tasks alike, as many as asked for", async () => {
		const name = names.next();
		using memory = open(name);
		using other = open(name);
		const { words } = memory;
		const order: string[] = [];
		const wait = async (of: SharedMemory, label: string) => {
			assert.equal(await of.waitOnAsync(16, 0), "ok");
			order.push(label);
		};
		assert.equal(memory.wake(16), 0);
		const first = wait(memory, "1");
		const second = wait(other, "2");
		const third = wait(memory, "3");
		const elsewhere = memory.waitOnAsync(0, 0);
		assert.equal(memory.wake(16, 0), 0);
		assert.equal(memory.wake(16, 1), 1);
		await first;
		assert.deepEqual(order, ["1"]);
		assert.equal(other.wake(16, 1), 1);
		await second;
		await using thread = await start("waits", name, "waiting", 16);
		await using loop = await start("waits async", name, "waiting", 16);
		const ends = [thread.report<string>(), loop.report<string>()];
		assert.equal(memory.wake(16, 1), 1);
		await third;
		let woken = 0;
		await until(() => {
			woken += memory.wake(16, Infinity);
			return woken === 2;
		});
		assert.deepEqual(await Promise.all(ends), ["ok", "ok"]);
		assert.equal(await thread.exited, 0);
		assert.equal(await loop.exited, 0);
		assert.equal(await isPending(elsewhere), true);
		assert.equal(memory.wake(0), 1);
		assert.equal(await elsewhere, "ok");
		Atomics.store(words, 4, -5);
		assert.equal(memory.waitOn(16, 0), "not-equal");
		assert.equal(await memory.waitOnAsync(16, 0), "not-equal");
		for (const same of [-5, 2 ** 32 - 5]) assert.equal(memory.waitOn(16, same, { timeout: 0 }), "timed-out");
		assert.equal(memory.wake(16), 0);
	});

	test("a wait that ends just after it was woken passes the wake on", async () => {
		const name = names.next();
		using memory = open(name);
		for (const how of ["abort", "close"]) {
			const leaving = open(name);
			const controller = new AbortController();
			const first = leaving.waitOnAsync(0, 0, { signal: controller.signal });
			const second = memory.waitOnAsync(0, 0);
			assert.equal(await isPending(Promise.race([first, second])), true);
			assert.equal(memory.wake(0, 1), 1);
			if (how === "abort") controller.abort("enough");
			else leaving.close();
			const reason = await rejection(first);
			if (how === "abort") assert.equal(reason, "enough");
			else assertLike(reason, { code: "ERR_IPC_CLOSED" });
			expectWoken(await tookUndisturbed(async () => assert.equal(await second, "ok")));
			leaving.close();
		}
		assert.equal(memory.wake(0), 0);
	});

	test("end with their timeouts, in blocking calls and in the event loop", async () => {
		using memory = open(names.next());
		for (const timeout of [0, 0.4, 30, 60.5]) {
			expectTook(await took(() => assert.equal(memory.waitOn(0, 0, { timeout }), "timed-out")), timeout);
			const wait = () => memory.waitOnAsync(0, 0, { timeout });
			expectTook(await took(async () => assert.equal(await wait(), "timed-out")), timeout);
		}
		assert.equal(memory.wake(0), 0);
		const waits = longTimeouts.map((timeout) => memory.waitOnAsync(0, 0, { timeout }));
		assert.equal(await isPending(Promise.race(waits)), true);
		assert.equal(memory.wake(0), waits.length);
		assert.deepEqual(
			await Promise.all(waits),
			waits.map((): WordWait => "ok"),
		);
	});
});

describe("killed waiters of a word", () => {
	test(
		"waiters killed at random moments: wakes reach the others within a second",
		async () => {
			const name = names.next();
			using memory = open(name);
			const { words } = memory;
			await using survivor = program("copies", name);
			assert.equal(await survivor.report<string>(), "ready");
			const victims = Array.from({ length: 3 }, () => program("copies", name));
			let slowest = 0;
			try {
				for (let kill = 1; kill <= kills; kill++) {
					const victim = victims.shift() as TestProgram;
					assert.equal(await victim.report<string>(), "ready");
					Atomics.store(words, 0, kill);
					memory.wake(0, 1);
					await victim.kill();
					if (kill <= kills - 3) victims.push(program("copies", name));
					const wait = async () => {
						for (let seen = Atomics.load(words, 1); seen !== kill; seen = Atomics.load(words, 1)) {
							const options = { timeout: 10_000 };
							const end = kill % 8 === 0 ? await memory.waitOnAsync(4, seen, options) : memory.waitOn(4, seen, options);
							assert.notEqual(end, "timed-out");
						}
					};
					slowest = Math.max(slowest, await took(wait));
				}
			} finally {
				for (const victim of victims) await victim.kill();
			}
			assert.ok(slowest < RECOVERY_MS);
			await survivor.kill();
			assert.equal(memory.referenceCount, 1);
		},
		KILLS_TIMEOUT,
	);

	test("a killed waiter leaves no wait and no handle", async () => {
		const name = names.next();
		using memory = open(name);
		{
			await using _waiting = await start("waits", name, "waiting", 0);
		}
		const wait = memory.waitOnAsync(0, 0);
		await until(() => memory.referenceCount === 1);
		await until(() => memory.wake(0, 1) === 1);
		assert.ok((await took(() => wait)) < RECOVERY_MS);
	});
});

describe("errors of waits on a word", () => {
	test("ERR_IPC_TOO_MANY_WAITS: more than four waits for each possible handle", async () => {
		using memory = open(names.next(), 64, { maxHandles: 1 });
		const waits = [0, 0, 4, 4].map((offset) => memory.waitOnAsync(offset, 0));
		await expectRejection("ERR_IPC_TOO_MANY_WAITS", /four for each handle/, memory.waitOnAsync(0, 0));
		expectError("ERR_IPC_TOO_MANY_WAITS", /larger maxHandles/, () => memory.waitOn(8, 0));
		assert.deepEqual([memory.wake(0), memory.wake(4)], [2, 2]);
		assert.deepEqual(await Promise.all(waits), ["ok", "ok", "ok", "ok"]);
		assert.equal(memory.waitOn(8, 0, { timeout: 0 }), "timed-out");
	});

	test("ERR_IPC_CLOSED: waits end when the handle is closed, and a closed handle refuses every call", async () => {
		const memory = open(names.next());
		const waits = [memory.waitOnAsync(0, 0), memory.waitOnAsync(4, 0, { timeout: 600_000 })];
		assert.equal(await isPending(Promise.race(waits)), true);
		memory.close();
		for (const wait of waits) await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
		for (const call of [
			() => memory.bytes,
			() => memory.words,
			() => memory.byteLength,
			() => memory.referenceCount,
			() => memory.grow(8192),
			() => memory.unlink(),
			() => memory.waitOn(0, 0),
			() => memory.wake(0),
		])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
		await expectRejection("ERR_IPC_CLOSED", /is closed/, memory.waitOnAsync(0, 0));
	});

	test("invalid offsets, values, counts, timeouts, signals and options are refused", async () => {
		using memory = open(names.next(), 10);
		const invalid = "ERR_IPC_INVALID_ARGUMENT";
		const sync = (...args: unknown[]) => untyped(memory.waitOn.bind(memory), ...args);
		const async = (...args: unknown[]) => untyped(memory.waitOnAsync.bind(memory), ...args) as Promise<unknown>;
		const wake = (...args: unknown[]) => untyped(memory.wake.bind(memory), ...args);
		for (const offset of [-4, 1, 2, 8, 12, 2 ** 32, Number.NaN, 0.5, "0", null, undefined]) {
			const text = /offset must be a multiple of 4 from 0 to 4, the last whole word of .*, not /;
			expectError(invalid, text, () => sync(offset, 0));
			expectError(invalid, text, () => wake(offset));
			await expectRejection(invalid, text, async(offset, 0));
		}
		for (const expected of [0.5, -(2 ** 31) - 1, 2 ** 32, Number.NaN, "0", null, undefined]) {
			expectError(invalid, /expected must be an integer from -2147483648 to 4294967295/, () => sync(0, expected));
			await expectRejection(invalid, /expected must be/, async(0, expected));
		}
		for (const count of [-1, 0.5, Number.NaN, "1", null, 2 ** 32])
			expectError(invalid, /count must be an integer from 0 to 4294967295, not /, () => wake(0, count));
		for (const [timeout, text] of badTimeouts) {
			expectError(invalid, text, () => sync(0, 0, { timeout }));
			await expectRejection(invalid, text, async(0, 0, { timeout }));
		}
		for (const bad of [5, "x", null]) {
			expectError(invalid, /options must be an object/, () => sync(0, 0, bad));
			await expectRejection(invalid, /options must be an object/, async(0, 0, bad));
		}
		for (const signal of [5, {}, null])
			await expectRejection(invalid, /signal must be an AbortSignal/, async(0, 0, { signal }));
		assert.equal(await rejection(memory.waitOnAsync(0, 0, { signal: AbortSignal.abort("before") })), "before");
		assert.equal(memory.wake(0), 0);
	});
});
