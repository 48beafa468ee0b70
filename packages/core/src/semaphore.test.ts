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
	expectTook,
	HandleNames,
	HandleWorker,
	longTimeouts,
	RECOVERY_MS,
	took,
	turn,
	until,
	untyped,
} from "./testing/handles.ts";
import { Probe, Word } from "./testing/probe.ts";
import { isPending, rejection } from "./testing/text.ts";

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

	test("are taken until there are none, and given back once each", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust });
		using other = open(name);
		expect([semaphore.permits, other.permits]).toEqual([2, 2]);
		const first = semaphore.acquire();
		expect(other.permits).toBe(1);
		const second = semaphore.tryAcquire();
		expect(semaphore.tryAcquire()).toBeNull();
		expect(semaphore.acquire({ timeout: 0 })).toBeNull();
		expect(await other.acquireAsync({ timeout: 0 })).toBeNull();
		first.release();
		first.release();
		first[Symbol.dispose]();
		expect(semaphore.permits).toBe(1);
		second?.[Symbol.dispose]();
		expect(semaphore.permits).toBe(2);
		{
			using _permit = await semaphore.acquireAsync();
			using _another = await semaphore.acquireAsync({ timeout: 5 });
			expect(semaphore.permits).toBe(0);
		}
		expect(semaphore.permits).toBe(2);
		semaphore.acquire();
		semaphore.acquire();
		semaphore.release(2);
		expect(semaphore.permits).toBe(2);
		const closing = open(name);
		const left = closing.acquire();
		closing.close();
		left.release();
		expect(other.permits).toBe(robust ? 2 : 1);
		expect(closing.permits).toBe(0);
		expect(closing.recovered).toBe(0);
	});

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

	test("tasks of one handle are served in their order, without those that gave up", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using other = open(name);
		const held = semaphore.acquire();
		const controller = new AbortController();
		const order: string[] = [];
		const wait = async (who: string, options?: Parameters<Semaphore["acquireAsync"]>[0]) => {
			try {
				using permit = await other.acquireAsync(options);
				order.push(permit ? who : `${who} timed out`);
				await turn();
			} catch (reason) {
				order.push(`${who} ${reason}`);
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
		expect(await took(() => Promise.all(waits))).toBeLessThan(300);
		expect(order).toEqual(["3 timed out", "2 aborted", "1", "4", "5"]);
		expect(semaphore.permits).toBe(1);
	});

	test("a wait that ends as its notification comes passes it on", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using leaving = open(name);
		using next = open(name);
		for (let round = 0; round < 20; round++) {
			const held = semaphore.acquire();
			const controller = new AbortController();
			const first = leaving.acquireAsync({ signal: controller.signal });
			const second = next.acquireAsync();
			expect(await isPending(first)).toBe(true);
			held.release();
			controller.abort("enough");
			expect(await rejection(first)).toBe("enough");
			expect(await took(async () => (await second).release())).toBeLessThan(300);
		}
		expect(semaphore.permits).toBe(1);
	});

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

	test("who blocks the thread in between leaves the next permit to the tasks", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using other = open(name);
		const held = semaphore.acquire();
		const waits = [other.acquireAsync(), other.acquireAsync()];
		expect(await isPending(Promise.race(waits))).toBe(true);
		held.release();
		const taken = other.acquire();
		expect(await isPending(Promise.race(waits))).toBe(true);
		taken.release();
		const ms = await took(async () => {
			for (const wait of waits) (await wait).release();
		});
		expect(ms).toBeLessThan(300);
		expect(semaphore.permits).toBe(1);
	});
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

	test("ERR_IPC_OVERFLOW: no more than 2^31 - 1", () => {
		const name = names.next();
		const most = 2 ** 31 - 1;
		using semaphore = open(name, { initial: most });
		const text = new RegExp(`too many .*"${name}".*it can have ${most}\\. Nothing has changed`);
		expectError("ERR_IPC_OVERFLOW", text, () => semaphore.release());
		expect(semaphore.permits).toBe(most);
		semaphore.acquire();
		expectError("ERR_IPC_OVERFLOW", text, () => semaphore.release(2));
		expectError("ERR_IPC_OVERFLOW", text, () => semaphore.release(most));
		expect(semaphore.permits).toBe(most - 1);
		semaphore.release();
		expect(semaphore.permits).toBe(most);
	});
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

	test("ERR_IPC_NOT_OWNER: only who has acquired can release", () => {
		const name = names.next();
		using semaphore = open(name, { initial: 3, robust: true });
		using other = open(name);
		const text = /does not hold 1 permits of .* robust.*Nothing has changed/;
		expectError("ERR_IPC_NOT_OWNER", text, () => semaphore.release());
		other.acquire();
		other.acquire();
		expectError("ERR_IPC_NOT_OWNER", text, () => semaphore.release());
		expectError("ERR_IPC_NOT_OWNER", /hold 3 permits/, () => other.release(3));
		expect(semaphore.permits).toBe(1);
		other.release(2);
		expect(semaphore.permits).toBe(3);
		expectError("ERR_IPC_NOT_OWNER", text, () => other.release());
		expect(semaphore.permits).toBe(3);
	});
});

describe("waiting for a permit", () => {
	test("timeouts of blocking calls and of the event loop", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 0 });
		for (const timeout of [0, 0.4, 30, 60.5]) {
			expectTook(await took(() => expect(semaphore.acquire({ timeout })).toBeNull()), timeout);
			let ticks = 0;
			const timer = setInterval(() => ticks++, 2);
			expectTook(await took(async () => expect(await semaphore.acquireAsync({ timeout })).toBeNull()), timeout);
			clearInterval(timer);
			if (timeout > 20) expect(ticks).toBeGreaterThan(2);
		}
		const waits = longTimeouts.map((timeout) => semaphore.acquireAsync({ timeout }));
		expect(await isPending(Promise.race(waits))).toBe(true);
		semaphore.release(waits.length);
		for (const wait of waits) expect(await wait).not.toBeNull();
		semaphore.release(longTimeouts.length);
		for (const timeout of longTimeouts) expect(semaphore.acquire({ timeout })).not.toBeNull();
		expect(semaphore.permits).toBe(0);
	});

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

	test("signals, and what is none; options that are none", async () => {
		using semaphore = open(names.next(), { initial: 1 });
		expect(await rejection(semaphore.acquireAsync({ signal: AbortSignal.abort("before") }))).toBe("before");
		expect(semaphore.permits).toBe(1);
		semaphore.acquire();
		const controller = new AbortController();
		const wait = semaphore.acquireAsync({ signal: controller.signal, timeout: 600_000 });
		expect(await isPending(wait)).toBe(true);
		controller.abort("enough");
		expect(await rejection(wait)).toBe("enough");
		semaphore.release();
		expect(semaphore.permits).toBe(1);
		for (const signal of [5, {}, null])
			await expectRejection(
				"ERR_IPC_INVALID_ARGUMENT",
				/signal must be an AbortSignal/,
				untyped(semaphore.acquireAsync.bind(semaphore), { signal }) as Promise<unknown>,
			);
		for (const bad of [5, "x", null]) {
			const text = /options must be an object/;
			expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(semaphore.acquire.bind(semaphore), bad));
			const call = untyped(semaphore.acquireAsync.bind(semaphore), bad) as Promise<unknown>;
			await expectRejection("ERR_IPC_INVALID_ARGUMENT", text, call);
		}
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

	test("close ends it; a closed one refuses everything", async () => {
		const semaphore = open(names.next(), { initial: 0 });
		const waits = [semaphore.acquireAsync(), semaphore.acquireAsync({ timeout: 600_000 })];
		expect(await isPending(Promise.race(waits))).toBe(true);
		semaphore.close();
		for (const wait of waits) await expectRejection("ERR_IPC_CLOSED", /is closed\. Open a new one/, wait);
		for (const call of [
			() => semaphore.acquire(),
			() => semaphore.acquire({ timeout: 5 }),
			() => semaphore.tryAcquire(),
			() => semaphore.release(),
			() => semaphore.release(5),
		])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
		await expectRejection("ERR_IPC_CLOSED", /is closed/, semaphore.acquireAsync());
	});

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

	test("others than the creator's are ERR_IPC_OPTIONS_MISMATCH; the same, or none, are fine", () => {
		const name = names.next();
		using creator = open(name, { initial: 4, robust: true });
		creator.acquire();
		const mismatch = "ERR_IPC_OPTIONS_MISMATCH";
		expectError(mismatch, /with initial 4, and was opened here with 0/, () => open(name, { initial: 0 }));
		expectError(mismatch, /with initial 4, .* with 3/, () => open(name, { initial: 3 }));
		expectError(mismatch, /with robust true, .* with false/, () => open(name, { robust: false }));
		using same = open(name, { initial: 4, robust: true });
		using none = open(name);
		expect([same.permits, none.permits]).toEqual([3, 3]);
		const another = names.next();
		using plain = open(another);
		expectError(mismatch, /with robust false, .* with true/, () => open(another, { robust: true }));
		expectError(mismatch, /with initial 1, .* with 2147483647/, () => open(another, { initial: 2 ** 31 - 1 }));
		using _same = open(another, { initial: 1, robust: false });
		expect(plain.permits).toBe(1);
		using empty = open(names.next(), { initial: 0 });
		expect(empty.tryAcquire()).toBeNull();
	});
});
