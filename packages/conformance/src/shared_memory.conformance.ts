import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import {
	badTimeouts,
	expectError,
	expectRejection,
	expectTook,
	HandleNames,
	longTimeouts,
	RECOVERY_MS,
	took,
	until,
	untyped,
} from "./handles.ts";
import { afterEach, describe, test } from "./harness.ts";
import { Peer } from "./peer.ts";
import { isPending, rejection } from "./text.ts";
import { SharedMemory, type SharedMemoryOptions, type WordWait } from "./under_test.ts";

const names = new HandleNames("memories");
const { prefix } = names;
const open = (name: string, size = 4096, options: Partial<SharedMemoryOptions> = {}) =>
	SharedMemory.open(name, { prefix, size, ...options });
const joinOnly = (name: string, size?: number) => SharedMemory.open(name, { prefix, size, mode: "open" });
const child = (program: string, name: string, argument: number | string = "") =>
	new Peer("shared_memory", [program, prefix, name, argument]);

afterEach(() => names.expectNothingLeft());

async function started(program: string, name: string, says: string, argument: number | string = ""): Promise<Peer> {
	const process = child(program, name, argument);
	assert.equal(await process.report<string>(), says);
	return process;
}

/** Wakes, again and again, until somebody was. */
async function wakeOne(memory: SharedMemory, offset: number): Promise<void> {
	await until(() => memory.wake(offset, 1) === 1);
}

describe("bytes", () => {
	test("are zeros at first, and the same for all handles, threads and processes", async () => {
		const name = names.next();
		using memory = open(name);
		using other = joinOnly(name);
		const bytes = memory.bytes;
		assert.equal(bytes.byteLength, 4096);
		assert.equal(
			bytes.every((byte) => byte === 0),
			true,
		);
		assert.equal(memory.bytes, memory.bytes);
		assert.equal(memory.words, memory.words);
		const { words } = memory;
		Atomics.store(other.words, 3, 42);
		assert.equal(Atomics.load(words, 3), 42);
		await using process = await started("holds", name, "held");
		assert.deepEqual([...bytes.subarray(99, 104)], [0, 7, 8, 9, 0]);
		assert.equal(memory.referenceCount, 3);
		await process.kill();
		assert.equal(memory.referenceCount, 2);
		other.close();
		assert.equal(memory.referenceCount, 1);
	}, 20_000);

	test("8 threads count 80,000 under a lock made of a word and waits on it", async () => {
		const name = names.next();
		using memory = open(name);
		const { words } = memory;
		const children = Array.from({ length: 8 }, () => child("counts", name, 10_000));
		for (const each of children) assert.equal(await each.report<string>(), "ready");
		Atomics.store(words, 2, 1);
		memory.wake(8);
		for (const each of children) assert.equal(await each.exited, 0);
		assert.deepEqual([words[0], words[1]], [0, 80_000]);
	}, 60_000);

	test.each([1, 3, 4, 4095, 4097, 70_001])("%d are as many as asked for", (size) => {
		const name = names.next();
		using memory = open(name, size);
		assert.deepEqual([memory.byteLength, memory.bytes.byteLength], [size, size]);
		const bytes = memory.bytes;
		bytes[size - 1] = 9;
		assert.equal(memory.words.length, size >>> 2);
		assert.equal(memory.words.at(-1) ?? 0, size % 4 === 0 ? 9 << 24 : 0);
		using other = open(name, 1);
		assert.equal(other.bytes[size - 1], 9);
		assert.equal(other.byteLength, size);
	});

	test("growing leaves older views the same memory, for everybody", async () => {
		const name = names.next();
		using memory = open(name, 100);
		using other = open(name, 100);
		const before = memory.bytes;
		const others = other.bytes;
		const { words } = memory;
		before[99] = 1;
		assert.equal(memory.grow(10_001), 10_001);
		assert.equal(memory.grow(50), 10_001);
		assert.equal(memory.grow(10_001), 10_001);
		assert.deepEqual([memory.byteLength, other.byteLength], [10_001, 10_001]);
		assert.deepEqual([before.byteLength, others.byteLength], [100, 100]);
		const after = memory.bytes;
		words[1] = 0x0102;
		assert.deepEqual([words.length, memory.words.length, memory.words[1], after[4]], [25, 2500, 0x0102, 2]);
		assert.deepEqual([after.byteLength, after[99], after[100]], [10_001, 1, 0]);
		before[0] = 2;
		after[1] = 3;
		other.bytes[10_000] = 4;
		assert.deepEqual([others[0], others[1], after[0], before[1], after[10_000]], [2, 3, 2, 3, 4]);
		await using process = child("grows", name, 200_000);
		assert.deepEqual(await process.report<object>(), { size: 200_000, byteLength: 200_000 });
		assert.deepEqual([memory.byteLength, memory.bytes.byteLength], [200_000, 200_000]);
		// A word in the part that this handle has not mapped.
		assert.equal(other.waitOn(199_996, 1), "not-equal");
		assert.equal(other.waitOn(199_996, 0, { timeout: 0 }), "timed-out");
	}, 20_000);

	test("4 GiB is the most", () => {
		const name = names.next();
		const most = 2 ** 32;
		for (const size of [most + 1, 0, -1, 1.5, Number.NaN, Infinity, "4096", null])
			expectError("ERR_IPC_INVALID_ARGUMENT", /size must be an integer from 1 to 4294967296 \(4 GiB\), not /, () =>
				untyped(SharedMemory.open, name, { prefix, size }),
			);
		assert.deepEqual(names.existing(), []);
		using memory = open(name, 8);
		for (const size of [most + 1, 0, -1, 1.5, Number.NaN, "4096", null])
			expectError("ERR_IPC_INVALID_ARGUMENT", /byteLength must be an integer from 1 to 4294967296, not /, () =>
				untyped(memory.grow.bind(memory), size),
			);
		expectError("ERR_IPC_INVALID_ARGUMENT", /byteLength.*left out/, () => untyped(memory.grow.bind(memory)));
		assert.equal(memory.byteLength, 8);
	});
});

describe("names", () => {
	test("create, open and create-or-open", async () => {
		const name = names.next();
		const exists = () => open(name, 10, { mode: "create" });
		expectError("ERR_IPC_NOT_FOUND", /nobody has it open/, () => joinOnly(name));
		assert.deepEqual(names.existing(), []);
		{
			using _memory = exists();
			expectError("ERR_IPC_EXISTS", /somebody has it open/, exists);
			expectError("ERR_IPC_OPTIONS_MISMATCH", /with 10 bytes, fewer than the 11 asked for.*grow/, () => open(name, 11));
			expectError("ERR_IPC_OPTIONS_MISMATCH", /fewer than the 11/, () => joinOnly(name, 11));
			using small = open(name, 9);
			using whole = joinOnly(name);
			assert.deepEqual([small.byteLength, whole.byteLength], [10, 10]);
		}
		expectError("ERR_IPC_NOT_FOUND", /nobody has it open/, () => joinOnly(name, 10));
		// What killed processes had open does not count.
		for (const mode of ["open", "create"] as const) {
			await using process = await started("holds", name, "held");
			await process.kill();
			if (mode === "open") expectError("ERR_IPC_NOT_FOUND", /nobody/, () => joinOnly(name));
			else {
				using memory = exists();
				assert.equal(
					memory.bytes.every((byte) => byte === 0),
					true,
				);
			}
		}
		for (const mode of ["Create", "", 1, null])
			expectError("ERR_IPC_INVALID_ARGUMENT", /mode must be "create", "open" or "create-or-open", not /, () =>
				untyped(SharedMemory.open, name, { prefix, size: 10, mode }),
			);
		expectError("ERR_IPC_INVALID_ARGUMENT", /size is needed/, () => untyped(SharedMemory.open, name, { prefix }));
		expectError("ERR_IPC_INVALID_ARGUMENT", /size is needed/, () => untyped(SharedMemory.open, name));
	}, 20_000);

	test.each(["unlink", "clear"])("%s: who has it open keeps it, the next to open gets other memory", async (how) => {
		const name = names.next();
		using memory = open(name, 64);
		using late = open(name, 64);
		const bytes = memory.bytes;
		bytes[0] = 1;
		const wait = memory.waitOnAsync(4, 0);
		assert.equal(await isPending(wait), true);
		if (how === "unlink") {
			memory.unlink();
			memory.unlink();
		} else SharedMemory.clear(name, { prefix });
		assert.deepEqual(names.existing(), []);
		using anew = open(name, 128);
		assert.deepEqual([anew.bytes[0], bytes[0]], [0, 1]);
		assert.deepEqual([memory.referenceCount, anew.referenceCount], [2, 1]);
		assert.equal(await isPending(wait), true);
		assert.equal(late.wake(4), 1);
		assert.equal(await wait, "ok");
		assert.equal(memory.bytes.byteLength, 64);
		expectError("ERR_IPC_ORPHANED", /was removed.*cannot grow/, () => memory.grow(100));
		// It has had it since it was opened.
		assert.equal(late.bytes[0], 1);
		assert.equal(memory.byteLength, 64);
		memory.unlink();
		assert.equal(names.existing().length, 1);
	});
});

describe("waiting on a word", () => {
	test("who came first is woken first, threads and tasks alike, as many as asked for", async () => {
		const name = names.next();
		using memory = open(name);
		using other = open(name);
		const { words } = memory;
		const order: string[] = [];
		const wait = async (of: SharedMemory, who: string) => {
			assert.equal(await of.waitOnAsync(16, 0), "ok");
			order.push(who);
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
		await using thread = await started("waits", name, "waiting", 16);
		await using loop = await started("waits async", name, "waiting", 16);
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
	}, 20_000);

	test("a wake of a wait that is aborted, or closed, is passed on", async () => {
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
			assert.ok((await took(async () => assert.equal(await second, "ok"))) < 300);
			leaving.close();
		}
		assert.equal(memory.wake(0), 0);
	});

	test("timeouts, of threads and in the event loop", async () => {
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

	test("12 waiters killed at random moments: wakes reach the others within a second", async () => {
		const name = names.next();
		using memory = open(name);
		const { words } = memory;
		await using survivor = child("copies", name);
		assert.equal(await survivor.report<string>(), "ready");
		const victims = Array.from({ length: 3 }, () => child("copies", name));
		let slowest = 0;
		try {
			for (let kill = 1; kill <= 12; kill++) {
				const victim = victims.shift() as Peer;
				assert.equal(await victim.report<string>(), "ready");
				Atomics.store(words, 0, kill);
				memory.wake(0, 1);
				await victim.kill();
				if (kill <= 9) victims.push(child("copies", name));
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
	}, 60_000);

	test("a Worker that is terminated while it waits leaves nothing", async () => {
		const name = names.next();
		using memory = open(name);
		{
			await using worker = new Peer("handles", ["memory: waits", prefix, name]);
			assert.equal(await worker.line(), "ready");
		}
		const wait = memory.waitOnAsync(0, 0);
		await until(() => memory.referenceCount === 1);
		await wakeOne(memory, 0);
		assert.ok((await took(() => wait)) < RECOVERY_MS);
	}, 20_000);

	test("ERR_IPC_TOO_MANY_WAITS: four for each handle there may be", async () => {
		using memory = open(names.next(), 64, { maxHandles: 1 });
		const waits = [0, 0, 4, 4].map((offset) => memory.waitOnAsync(offset, 0));
		await expectRejection("ERR_IPC_TOO_MANY_WAITS", /four for each handle/, memory.waitOnAsync(0, 0));
		expectError("ERR_IPC_TOO_MANY_WAITS", /larger maxHandles/, () => memory.waitOn(8, 0));
		assert.deepEqual([memory.wake(0), memory.wake(4)], [2, 2]);
		assert.deepEqual(await Promise.all(waits), ["ok", "ok", "ok", "ok"]);
		assert.equal(memory.waitOn(8, 0, { timeout: 0 }), "timed-out");
	});

	test("close ends it; a closed one refuses everything", async () => {
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

	test("offsets, values, counts, timeouts, signals and options that are none", async () => {
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
