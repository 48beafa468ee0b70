import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler } from "../../../scripts/lib/toolchain.ts";
import { SharedMemory, type SharedMemoryOptions } from "./index.ts";
import { Child } from "./testing/child.ts";
import { expectError, HandleNames, HandleWorker, RECOVERY_MS, took, until, untyped } from "./testing/handles.ts";
import { isPending } from "./testing/text.ts";

const names = new HandleNames("memories");
const { prefix } = names;
const open = (name: string, size = 4096, options: Partial<SharedMemoryOptions> = {}) =>
	SharedMemory.open(name, { prefix, size, ...options });
const joinOnly = (name: string, size?: number) => SharedMemory.open(name, { prefix, size, mode: "open" });
const child = (program: string, name: string, argument: number | string = "", env: Record<string, string> = {}) =>
	new Child("shared_memory.child.ts", [program, prefix, name, argument], env);
const directory = mkdtempSync(join(tmpdir(), "libipc-test-"));

afterEach(() => names.expectNothingLeft());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function started(program: string, name: string, says: string, argument: number | string = ""): Promise<Child> {
	const process = child(program, name, argument);
	expect(await process.report<string>()).toBe(says);
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
		expect(bytes.byteLength).toBe(4096);
		expect(bytes.every((byte) => byte === 0)).toBe(true);
		expect(memory.bytes).toBe(memory.bytes);
		expect(memory.words).toBe(memory.words);
		const { words } = memory;
		Atomics.store(other.words, 3, 42);
		expect(Atomics.load(words, 3)).toBe(42);
		await using process = await started("holds", name, "held");
		expect([...bytes.subarray(99, 104)]).toEqual([0, 7, 8, 9, 0]);
		expect(memory.referenceCount).toBe(3);
		await process.kill();
		expect(memory.referenceCount).toBe(2);
		other.close();
		expect(memory.referenceCount).toBe(1);
	}, 20_000);

	test("8 processes count 800,000 under a lock made of a word and waits on it", async () => {
		const name = names.next();
		using memory = open(name);
		const { words } = memory;
		const children = Array.from({ length: 8 }, () => child("counts", name, 100_000));
		for (const each of children) expect(await each.report<string>()).toBe("ready");
		Atomics.store(words, 2, 1);
		memory.wake(8);
		for (const each of children) expect(await each.exited).toBe(0);
		expect([words[0], words[1]]).toEqual([0, 800_000]);
	}, 60_000);

	test.each([1, 3, 4, 4095, 4097, 70_001])("%d are as many as asked for", (size) => {
		const name = names.next();
		using memory = open(name, size);
		expect([memory.byteLength, memory.bytes.byteLength]).toEqual([size, size]);
		const bytes = memory.bytes;
		bytes[size - 1] = 9;
		expect(memory.words.length).toBe(size >>> 2);
		expect(memory.words.at(-1) ?? 0).toBe(size % 4 === 0 ? 9 << 24 : 0);
		using other = open(name, 1);
		expect(other.bytes[size - 1]).toBe(9);
		expect(other.byteLength).toBe(size);
	});

	test("growing leaves older views the same memory, for everybody", async () => {
		const name = names.next();
		using memory = open(name, 100);
		using other = open(name, 100);
		const before = memory.bytes;
		const others = other.bytes;
		const { words } = memory;
		before[99] = 1;
		expect(memory.grow(10_001)).toBe(10_001);
		expect(memory.grow(50)).toBe(10_001);
		expect(memory.grow(10_001)).toBe(10_001);
		expect([memory.byteLength, other.byteLength]).toEqual([10_001, 10_001]);
		expect([before.byteLength, others.byteLength]).toEqual([100, 100]);
		const after = memory.bytes;
		words[1] = 0x0102;
		expect([words.length, memory.words.length, memory.words[1], after[4]]).toEqual([25, 2500, 0x0102, 2]);
		expect([after.byteLength, after[99], after[100]]).toEqual([10_001, 1, 0]);
		before[0] = 2;
		after[1] = 3;
		other.bytes[10_000] = 4;
		expect([others[0], others[1], after[0], before[1], after[10_000]]).toEqual([2, 3, 2, 3, 4]);
		await using process = child("grows", name, 200_000);
		expect(await process.report<object>()).toEqual({ size: 200_000, byteLength: 200_000 });
		expect([memory.byteLength, memory.bytes.byteLength]).toEqual([200_000, 200_000]);
		// A word in the part that this handle has not mapped.
		expect(other.waitOn(199_996, 1)).toBe("not-equal");
		expect(other.waitOn(199_996, 0, { timeout: 0 })).toBe("timed-out");
	}, 20_000);

	test("too little space: growing changes nothing", async () => {
		const name = names.next();
		const library = join(directory, "no_space.so");
		const source = fileURLToPath(new URL("testing/no_space.c", import.meta.url));
		expect(Bun.spawnSync([findCompiler(), "-shared", "-fPIC", source, "-o", library]).exitCode).toBe(0);
		using memory = open(name, 100);
		const size = statSync(names.path("memory", name)).size;
		await using process = child("grows", name, 2 ** 32, { LD_PRELOAD: library });
		expect(await process.report<object>()).toEqual({ code: "ERR_IPC_NO_SPACE", byteLength: 100, mapped: 100 });
		expect(memory.byteLength).toBe(100);
		expect(statSync(names.path("memory", name)).size).toBe(size);
		expect(memory.grow(200)).toBe(200);
	}, 20_000);

	test("live on after close, when transferred, and when their buffer is collected", async () => {
		const name = names.next();
		using keeper = open(name);
		const kept = (() => {
			const memory = open(name);
			const first = memory.bytes;
			const { words } = memory;
			const taken = structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
			expect([first.byteLength, words.byteLength]).toEqual([0, 0]);
			expect(memory.bytes).not.toBe(first);
			expect([memory.bytes.byteLength, memory.words.byteLength]).toEqual([4096, 4096]);
			taken[0] = 11;
			expect(memory.bytes[0]).toBe(11);
			memory.close();
			return taken;
		})();
		for (let i = 0; i < 10; i++) {
			Bun.gc(true);
			await new Promise((resolve) => setTimeout(resolve, 1));
		}
		keeper.bytes[1] = 12;
		expect([kept[0], kept[1]]).toEqual([11, 12]);
		keeper.close();
		expect([kept[0], kept[1]]).toEqual([11, 12]);
	});
});

describe("names", () => {
	test("create, open and create-or-open", async () => {
		const name = names.next();
		const exists = () => open(name, 10, { mode: "create" });
		expectError("ERR_IPC_NOT_FOUND", /nobody has it open/, () => joinOnly(name));
		expect(names.files()).toEqual([]);
		{
			using _memory = exists();
			expectError("ERR_IPC_EXISTS", /somebody has it open/, exists);
			expectError("ERR_IPC_OPTIONS_MISMATCH", /with 10 bytes, fewer than the 11 asked for.*grow/, () => open(name, 11));
			expectError("ERR_IPC_OPTIONS_MISMATCH", /fewer than the 11/, () => joinOnly(name, 11));
			using small = open(name, 9);
			using whole = joinOnly(name);
			expect([small.byteLength, whole.byteLength]).toEqual([10, 10]);
		}
		expectError("ERR_IPC_NOT_FOUND", /nobody has it open/, () => joinOnly(name, 10));
		// What killed processes had open does not count.
		for (const mode of ["open", "create"] as const) {
			await using process = await started("holds", name, "held");
			await process.kill();
			if (mode === "open") expectError("ERR_IPC_NOT_FOUND", /nobody/, () => joinOnly(name));
			else {
				using memory = exists();
				expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
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
		expect(await isPending(wait)).toBe(true);
		if (how === "unlink") {
			memory.unlink();
			memory.unlink();
		} else SharedMemory.clear(name, { prefix });
		expect(names.files()).toEqual([]);
		using anew = open(name, 128);
		expect([anew.bytes[0], bytes[0]]).toEqual([0, 1]);
		expect([memory.referenceCount, anew.referenceCount]).toEqual([2, 1]);
		expect(await isPending(wait)).toBe(true);
		expect(late.wake(4)).toBe(1);
		expect(await wait).toBe("ok");
		expect(memory.bytes.byteLength).toBe(64);
		expectError("ERR_IPC_ORPHANED", /was removed.*cannot grow/, () => memory.grow(100));
		// It has had it since it was opened.
		expect(late.bytes[0]).toBe(1);
		expect(memory.byteLength).toBe(64);
		memory.unlink();
		expect(names.files().length).toBe(1);
	});

	test("an exit handler finds it closed, not freed", async () => {
		await using process = child("exits", names.next());
		expect(await process.report<object>()).toEqual({ codes: Array(8).fill("ERR_IPC_CLOSED"), byte: 5 });
		expect(await process.exited).toBe(0);
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
			expect(await of.waitOnAsync(16, 0)).toBe("ok");
			order.push(who);
		};
		expect(memory.wake(16)).toBe(0);
		const first = wait(memory, "1");
		const second = wait(other, "2");
		const third = wait(memory, "3");
		const elsewhere = memory.waitOnAsync(0, 0);
		expect(memory.wake(16, 0)).toBe(0);
		expect(memory.wake(16, 1)).toBe(1);
		await first;
		expect(order).toEqual(["1"]);
		expect(other.wake(16, 1)).toBe(1);
		await second;
		await using thread = await started("waits", name, "waiting", 16);
		await using loop = await started("waits async", name, "waiting", 16);
		const ends = [thread.report<string>(), loop.report<string>()];
		expect(memory.wake(16, 1)).toBe(1);
		await third;
		let woken = 0;
		await until(() => {
			woken += memory.wake(16, Infinity);
			return woken === 2;
		});
		expect(await Promise.all(ends)).toEqual(["ok", "ok"]);
		expect(await thread.exited).toBe(0);
		expect(await loop.exited).toBe(0);
		expect(await isPending(elsewhere)).toBe(true);
		expect(memory.wake(0)).toBe(1);
		expect(await elsewhere).toBe("ok");
		Atomics.store(words, 4, -5);
		expect(memory.waitOn(16, 0)).toBe("not-equal");
		expect(await memory.waitOnAsync(16, 0)).toBe("not-equal");
		for (const same of [-5, 2 ** 32 - 5]) expect(memory.waitOn(16, same, { timeout: 0 })).toBe("timed-out");
		expect(memory.wake(16)).toBe(0);
	}, 20_000);

	test("100 waiters killed at random moments: wakes reach the others within a second", async () => {
		const name = names.next();
		using memory = open(name);
		const { words } = memory;
		await using survivor = child("copies", name);
		expect(await survivor.report<string>()).toBe("ready");
		const victims = Array.from({ length: 3 }, () => child("copies", name));
		let slowest = 0;
		try {
			for (let kill = 1; kill <= 100; kill++) {
				const victim = victims.shift() as Child;
				expect(await victim.report<string>()).toBe("ready");
				Atomics.store(words, 0, kill);
				memory.wake(0, 1);
				await victim.kill();
				if (kill <= 97) victims.push(child("copies", name));
				const wait = async () => {
					for (let seen = Atomics.load(words, 1); seen !== kill; seen = Atomics.load(words, 1)) {
						const options = { timeout: 10_000 };
						const end = kill % 8 === 0 ? await memory.waitOnAsync(4, seen, options) : memory.waitOn(4, seen, options);
						expect(end).not.toBe("timed-out");
					}
				};
				slowest = Math.max(slowest, await took(wait));
			}
		} finally {
			for (const victim of victims) await victim.kill();
		}
		expect(slowest).toBeLessThan(RECOVERY_MS);
		await survivor.kill();
		expect(memory.referenceCount).toBe(1);
	}, 60_000);

	test("a Worker that is terminated while it waits leaves nothing", async () => {
		const name = names.next();
		using memory = open(name);
		{
			await using worker = new HandleWorker("memory: waits", prefix, name);
			expect(await worker.next()).toBe("ready");
		}
		const wait = memory.waitOnAsync(0, 0);
		await until(() => memory.referenceCount === 1);
		await wakeOne(memory, 0);
		expect(await took(() => wait)).toBeLessThan(RECOVERY_MS);
	}, 20_000);
});
