import { afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { list, type Permit, Semaphore } from "./index.ts";
import { Child } from "./testing/child.ts";
import {
	badTimeouts,
	expectError,
	expectRecoveries,
	expectRejection,
	HandleNames,
	HandleWorker,
	RECOVERY_MS,
	took,
	until,
	untyped,
} from "./testing/handles.ts";
import { Probe, Word } from "./testing/probe.ts";
import { isPending } from "./testing/text.ts";

const names = new HandleNames("semaphores");
const { prefix } = names;
const open = (name: string, options: { initial?: number; robust?: boolean } = {}) =>
	Semaphore.open(name, { prefix, ...options });
const child = (program: string, name: string, argument: number | string = "") =>
	new Child("semaphore.child.ts", [program, prefix, name, argument]);

afterEach(() => names.expectNothingLeft());

async function started(program: string, name: string, says: string, argument: number | string = ""): Promise<Child> {
	const process = child(program, name, argument);
	expect(await process.report<string>()).toBe(says);
	return process;
}

async function all(children: Child[], probe: Probe): Promise<void> {
	for (const each of children) expect(await each.line()).toBe("ready");
	probe.go();
	for (const each of children) expect(await each.exited).toBe(0);
}

describe.each([false, true])("permits, robust: %p", (robust) => {
	test("one permit excludes: 8 processes count 800,000 together", async () => {
		const name = names.next();
		const each = robust ? 50_000 : 100_000;
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { robust });
		await all(
			Array.from({ length: 8 }, () => child("counts alone", name, each)),
			probe,
		);
		expect(probe.get(Word.count)).toBe(8 * each);
		expect([semaphore.permits, semaphore.recovered]).toEqual([1, 0]);
	}, 60_000);

	test("three permits: never more inside, in threads and tasks of 5 processes", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { initial: 3, robust });
		const children = [
			...Array.from({ length: 3 }, () => child("counts together", name, 10_000)),
			...Array.from({ length: 2 }, () => child("counts in tasks", name, 200)),
		];
		await all(children, probe);
		expect(probe.get(Word.count)).toBe(34_000);
		expect(probe.get(Word.most)).toBeLessThanOrEqual(3);
		expect(probe.get(Word.most)).toBeGreaterThan(1);
		expect([semaphore.permits, semaphore.recovered]).toEqual([3, 0]);
	}, 60_000);

	test("one process lets several go on that wait, each once", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust });
		const held = [semaphore.acquire(), semaphore.acquire()];
		using other = open(name);
		const waits = [other.acquireAsync(), other.acquireAsync(), other.acquireAsync()];
		await using process = await started("waits", name, "waiting");
		expect(await isPending(Promise.race(waits))).toBe(true);
		semaphore.release(2);
		expect(held.length).toBe(2);
		const got: Permit[] = [];
		const ms = await took(async () => {
			got.push(await (waits[0] as Promise<Permit>));
			got.push(await (waits[1] as Promise<Permit>));
			expect(await isPending(waits[2] as Promise<Permit>)).toBe(true);
			got.shift()?.release();
			got.shift()?.release();
			(await (waits[2] as Promise<Permit>)).release();
			expect(await process.report<string>()).toBe("acquired");
		});
		expect(ms).toBeLessThan(RECOVERY_MS);
		await process.exited;
		expect(semaphore.permits).toBe(2);
	}, 20_000);

	test("who blocks the thread, past others that were to be next, leaves its tasks in line", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using other = open(name);
		const held = other.acquire();
		await using process = await started("waits", name, "waiting");
		await until(() =>
			list({ prefix }).some((each) => each.name === name && each.endpoints.some(({ sleeping }) => sleeping)),
		);
		const wait = semaphore.acquireAsync();
		expect(await isPending(wait)).toBe(true);
		held.release();
		const taken = semaphore.acquire();
		expect(await isPending(wait)).toBe(true);
		taken.release();
		expect(await took(async () => (await wait).release())).toBeLessThan(400);
		expect(await process.report<string>()).toBe("acquired");
		await process.exited;
	}, 20_000);
});

describe("a semaphore that is not robust", () => {
	test("signals: 4 processes release, tasks and threads of others take exactly as many", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { initial: 0 });
		using other = open(name);
		const children = Array.from({ length: 4 }, () => child("signals", name, 5000));
		for (const each of children) expect(await each.line()).toBe("ready");
		probe.go();
		const task = async (of: Semaphore) => {
			for (let i = 0; i < 1000; i++) await of.acquireAsync();
		};
		await Promise.all([semaphore, semaphore, semaphore, other, other].map(task));
		for (let i = 0; i < 15_000; i++) expect(semaphore.acquire({ timeout: 10_000 })).not.toBeNull();
		for (const each of children) expect(await each.exited).toBe(0);
		expect(semaphore.tryAcquire()).toBeNull();
		expect(semaphore.permits).toBe(0);
	}, 30_000);

	test("keeps what a killed or closed handle held", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust: false });
		await using owner = await started("holds", name, "held");
		await owner.kill();
		const another = open(name);
		another.acquire();
		another.close();
		expect(semaphore.acquire({ timeout: 900 })).toBeNull();
		expect([semaphore.permits, semaphore.recovered]).toEqual([0, 0]);
		// Whoever knows better gives it back.
		semaphore.release(2);
		expect(semaphore.permits).toBe(2);
	}, 20_000);
});

describe("a robust semaphore", () => {
	test("100 holders killed at random moments: the others go on within a second, and all permits come back", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { initial: 2, robust: true });
		const victims = Array.from({ length: 4 }, () => child("changes", name));
		const latencies: number[] = [];
		try {
			for (let kill = 0; kill < 100; kill++) {
				const victim = victims.shift() as Child;
				expect(await victim.report<string>()).toBe("ready");
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
				if (kill < 96) victims.push(child("changes", name));
			}
		} finally {
			for (const victim of victims) await victim.kill();
		}
		expectRecoveries(latencies);
		const both = [semaphore.acquire(), semaphore.acquire()];
		expect(semaphore.permits).toBe(0);
		for (const permit of both) permit.release();
		expect(semaphore.permits).toBe(2);
		expect(semaphore.recovered).toBeGreaterThan(10);
		expect(semaphore.recovered).toBeLessThanOrEqual(100);
	}, 60_000);

	test("killed: its permits come back to who waits, sync, async and in other processes", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 3, robust: true });
		await using owner = await started("holds", name, "held", 3);
		await using sync = await started("waits", name, "waiting");
		await using async = await started("waits async", name, "waiting");
		const wait = semaphore.acquireAsync();
		expect(await isPending(wait)).toBe(true);
		await owner.kill();
		const ms = await took(async () => {
			(await wait).release();
			expect(await sync.report<string>()).toBe("acquired");
			expect(await async.report<string>()).toBe("acquired");
		});
		expect(ms).toBeLessThan(RECOVERY_MS);
		expect(await sync.exited).toBe(0);
		expect(await async.exited).toBe(0);
		expect([semaphore.permits, semaphore.recovered]).toEqual([3, 3]);
		await using another = await started("holds", name, "held", 3);
		await another.kill();
		expect(await took(() => expect(semaphore.acquire({ timeout: 10_000 })).not.toBeNull())).toBeLessThan(RECOVERY_MS);
		expect([semaphore.permits, semaphore.recovered]).toEqual([2, 6]);
		semaphore.release();
		await using last = await started("holds", name, "held", 3);
		await last.kill();
		expect(await took(() => until(() => semaphore.tryAcquire() !== null))).toBeLessThan(RECOVERY_MS);
	}, 30_000);

	test("process.exit, an exception, a Worker that is terminated, a forgotten handle, close", async () => {
		const name = names.next();
		using semaphore = open(name, { robust: true });
		for (const program of ["holds and exits", "holds and throws"]) {
			const file = fileURLToPath(new URL("testing/semaphore.child.ts", import.meta.url));
			const { exited } = Bun.spawn([process.execPath, file, program, prefix, name], { stderr: "ignore" });
			expect(await exited).toBe(program === "holds and exits" ? 3 : 1);
			expect(await took(() => semaphore.acquire().release())).toBeLessThan(RECOVERY_MS);
		}
		{
			await using worker = new HandleWorker("semaphore: holds", prefix, name);
			expect(await worker.next()).toBe("ready");
			expect(semaphore.tryAcquire()).toBeNull();
			const wait = semaphore.acquireAsync();
			await worker.terminate();
			expect(await took(async () => (await wait).release())).toBeLessThan(RECOVERY_MS);
		}
		await using forgetful = child("holds and forgets", name);
		expect(await forgetful.report<object>()).toEqual({ got: true });
		expect(await forgetful.exited).toBe(0);
		const closing = open(name);
		closing.acquire();
		const wait = semaphore.acquireAsync();
		expect(await isPending(wait)).toBe(true);
		closing.close();
		expect(await took(async () => (await wait).release())).toBeLessThan(300);
		expect(semaphore.permits).toBe(1);
	}, 30_000);

	test("a Worker that is terminated while it waits swallows no permit", async () => {
		const name = names.next();
		using semaphore = open(name, { robust: true });
		const held = semaphore.acquire();
		await using worker = new HandleWorker("semaphore: waits", prefix, name);
		expect(await worker.next()).toBe("ready");
		await worker.terminate();
		await using next = await started("waits", name, "waiting");
		held.release();
		expect(await took(async () => expect(await next.report<string>()).toBe("acquired"))).toBeLessThan(RECOVERY_MS);
		await next.exited;
		expect(semaphore.permits).toBe(1);
	}, 20_000);
});

describe("waiting for a permit", () => {
	test.each(badTimeouts)("a timeout of %p is refused, and nothing taken", async (timeout, text) => {
		using semaphore = open(names.next());
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(semaphore.acquire.bind(semaphore), { timeout }));
		await expectRejection(
			"ERR_IPC_INVALID_ARGUMENT",
			text,
			untyped(semaphore.acquireAsync.bind(semaphore), { timeout }) as Promise<unknown>,
		);
		expect(semaphore.permits).toBe(1);
	});

	test("the process stays alive for it, and ends by itself", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 0 });
		await using waiting = await started("waits async", name, "waiting");
		semaphore.release();
		expect(await took(async () => expect(await waiting.report<string>()).toBe("acquired"))).toBeLessThan(RECOVERY_MS);
		expect(await waiting.exited).toBe(0);
		expect(semaphore.permits).toBe(1);
	}, 20_000);

	test.each(["clear", "deleted"])(
		"ERR_IPC_ORPHANED: %s while others wait",
		async (how) => {
			const name = names.next();
			using semaphore = open(name, { initial: 0 });
			await using sync = await started("waits", name, "waiting");
			await using async = await started("waits async", name, "waiting");
			const waits = [semaphore.acquireAsync(), semaphore.acquireAsync({ timeout: 20_000 })];
			expect(await isPending(Promise.race(waits))).toBe(true);
			if (how === "clear") Semaphore.clear(name, { prefix });
			else rmSync(names.path("semaphore", name));
			const ms = await took(async () => {
				for (const wait of waits) await expectRejection("ERR_IPC_ORPHANED", /removed/, wait);
				expect(await sync.report<string>()).toBe("ERR_IPC_ORPHANED");
				expect(await async.report<string>()).toBe("ERR_IPC_ORPHANED");
			});
			expect(ms).toBeLessThan(RECOVERY_MS);
			for (const call of [() => semaphore.acquire(), () => semaphore.tryAcquire()])
				expectError("ERR_IPC_ORPHANED", /removed/, call);
			using anew = open(name, { initial: 5 });
			expect(anew.permits).toBe(5);
		},
		20_000,
	);
});

describe("arguments", () => {
	test.each([
		[{ initial: -1 }, /initial must be an integer from 0 to 2147483647, not -1/],
		[{ initial: 2 ** 31 }, /initial.*2147483648/],
		[{ initial: 0.5 }, /initial.*0\.5/],
		[{ initial: Number.NaN }, /initial.*NaN/],
		[{ initial: "1" }, /initial.*"1"/],
		[{ initial: null }, /initial.*null/],
		[{ robust: 1 }, /robust must be true or false, not 1/],
		[{ robust: "yes" }, /robust.*"yes"/],
		[{ robust: null }, /robust.*null/],
	])("%j are refused", (options, text) => {
		const name = names.next();
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(Semaphore.open, name, { prefix, ...options }));
		expect(names.files()).toEqual([]);
	});

	test.each([
		[0, /count must be an integer from 1 to 2147483647, not 0/],
		[-1, /-1/],
		[1.5, /1\.5/],
		[Number.NaN, /NaN/],
		[Infinity, /Infinity/],
		[2 ** 31, /2147483648/],
		["1", /"1"/],
		[null, /null/],
	])("release(%p) is refused", (count, text) => {
		using semaphore = open(names.next());
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(semaphore.release.bind(semaphore), count));
		expect(semaphore.permits).toBe(1);
	});
});
