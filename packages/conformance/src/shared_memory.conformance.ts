/** The bytes of shared memory, its size and its names. */

import assert from "node:assert/strict";
import { untyped } from "@libipc/testing/bad_values";
import { collectGarbage } from "@libipc/testing/garbage";
import { isPending } from "@libipc/testing/outcome";
import { sleep } from "@libipc/testing/timing";
import { expectError } from "./expect_error.ts";
import { describe, test } from "./harness.ts";
import { memoryFixture } from "./memory_fixture.ts";
import { SharedMemory } from "./under_test.ts";

const { names, open, openExisting, prefix, program, start } = memoryFixture("memories");

/** Checks that bytes of a closed handle still are those of the memory, after garbage collections and after `keeper` is closed. */
async function expectKept(keeper: SharedMemory, kept: Uint8Array): Promise<void> {
	for (let i = 0; i < 10; i++) {
		collectGarbage();
		await sleep(1);
	}
	keeper.bytes[1] = 12;
	assert.deepEqual([kept[0], kept[1]], [11, 12]);
	keeper.close();
	assert.deepEqual([kept[0], kept[1]], [11, 12]);
}

describe("bytes of shared memory", () => {
	test("are zeros at first, and the same for all handles, threads and programs", async () => {
		const name = names.next();
		using memory = open(name);
		using other = openExisting(name);
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
		await using process = await start("holds", name, "held");
		assert.deepEqual([...bytes.subarray(99, 104)], [0, 7, 8, 9, 0]);
		assert.equal(memory.referenceCount, 3);
		await process.kill();
		assert.equal(memory.referenceCount, 2);
		other.close();
		assert.equal(memory.referenceCount, 1);
	});

	test.each([1, 3, 4, 4095, 4097, 70_001])("%d bytes are as many as the caller asked for", (size) => {
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

	test("grow: older views show the same memory, in every program", async () => {
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
		await using process = program("grows", name, 200_000);
		assert.deepEqual(await process.report<object>(), { size: 200_000, byteLength: 200_000 });
		assert.deepEqual([memory.byteLength, memory.bytes.byteLength], [200_000, 200_000]);
		// A word in the part that this handle has not mapped.
		assert.equal(other.waitOn(199_996, 1), "not-equal");
		assert.equal(other.waitOn(199_996, 0, { timeout: 0 }), "timed-out");
	});

	test("a transferred buffer and a new view of the handle show the same memory, also after close and garbage collection", async () => {
		const name = names.next();
		using keeper = open(name);
		const kept = (() => {
			const memory = open(name);
			const first = memory.bytes;
			const { words } = memory;
			const transferred = structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
			assert.deepEqual([first.byteLength, words.byteLength], [0, 0]);
			assert.notEqual(memory.bytes, first);
			assert.deepEqual([memory.bytes.byteLength, memory.words.byteLength], [4096, 4096]);
			transferred[0] = 11;
			assert.equal(memory.bytes[0], 11);
			memory.close();
			return transferred;
		})();
		await expectKept(keeper, kept);
	});

	test("remain valid after close and garbage collection", async () => {
		const name = names.next();
		using keeper = open(name);
		const kept = (() => {
			const memory = open(name);
			const { bytes } = memory;
			bytes[0] = 11;
			memory.close();
			return bytes;
		})();
		await expectKept(keeper, kept);
	});

	test('in a handler of "exit" the handle is closed, and views of it can still be read', async () => {
		await using exiting = program("exits", names.next());
		assert.deepEqual(await exiting.report<object>(), { codes: Array(8).fill("ERR_IPC_CLOSED"), byte: 5 });
		assert.equal(await exiting.exited, 0);
	});

	test("are at most 4 GiB", () => {
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

describe("names of shared memory", () => {
	test("the modes create, open and create-or-open", async () => {
		const name = names.next();
		const exists = () => open(name, 10, { mode: "create" });
		expectError("ERR_IPC_NOT_FOUND", /it is not open anywhere/, () => openExisting(name));
		assert.deepEqual(names.existing(), []);
		{
			using _memory = exists();
			expectError("ERR_IPC_EXISTS", /it is open already/, exists);
			expectError("ERR_IPC_OPTIONS_MISMATCH", /with 10 bytes, fewer than the 11 asked for.*grow/, () => open(name, 11));
			expectError("ERR_IPC_OPTIONS_MISMATCH", /fewer than the 11/, () => openExisting(name, 11));
			using small = open(name, 9);
			using whole = openExisting(name);
			assert.deepEqual([small.byteLength, whole.byteLength], [10, 10]);
		}
		expectError("ERR_IPC_NOT_FOUND", /it is not open anywhere/, () => openExisting(name, 10));
		// The handles of killed programs do not count.
		for (const mode of ["open", "create"] as const) {
			await using process = await start("holds", name, "held");
			await process.kill();
			if (mode === "open") expectError("ERR_IPC_NOT_FOUND", /not open anywhere/, () => openExisting(name));
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
	});

	test.each(["unlink", "clear"])(
		"%s: open handles keep the memory, and the next open() creates other memory",
		async (how) => {
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
			using again = open(name, 128);
			assert.deepEqual([again.bytes[0], bytes[0]], [0, 1]);
			assert.deepEqual([memory.referenceCount, again.referenceCount], [2, 1]);
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
		},
	);
});
