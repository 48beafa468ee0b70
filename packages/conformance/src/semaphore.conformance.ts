import assert from "node:assert/strict";
import {
	badTimeouts,
	expectError,
	expectRecoveries,
	expectRejection,
	expectTook,
	HandleNames,
	longTimeouts,
	RECOVERY_MS,
	took,
	turn,
	until,
	untyped,
} from "./handles.ts";
import { afterEach, describe, test } from "./harness.ts";
import { Peer } from "./peer.ts";
import { Probe, Word } from "./probe.ts";
import { isPending, rejection } from "./text.ts";
import { list, type Permit, Semaphore } from "./under_test.ts";

const names = new HandleNames("semaphores");
const { prefix } = names;
const open = (name: string, options: { initial?: number; robust?: boolean } = {}) =>
	Semaphore.open(name, { prefix, ...options });
const child = (program: string, name: string, argument: number | string = "") =>
	new Peer("semaphore", [program, prefix, name, argument]);

afterEach(() => names.expectNothingLeft());

async function started(program: string, name: string, says: string, argument: number | string = ""): Promise<Peer> {
	const process = child(program, name, argument);
	assert.equal(await process.report<string>(), says);
	return process;
}

async function all(children: Peer[], probe: Probe): Promise<void> {
	for (const each of children) assert.equal(await each.line(), "ready");
	probe.go();
	for (const each of children) assert.equal(await each.exited, 0);
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
		assert.equal(probe.get(Word.count), 8 * each);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [1, 0]);
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
		assert.equal(probe.get(Word.count), 34_000);
		assert.ok(probe.get(Word.most) <= 3);
		assert.ok(probe.get(Word.most) > 1);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [3, 0]);
	}, 60_000);

	test("are taken until there are none, and given back once each", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust });
		using other = open(name);
		assert.deepEqual([semaphore.permits, other.permits], [2, 2]);
		const first = semaphore.acquire();
		assert.equal(other.permits, 1);
		const second = semaphore.tryAcquire();
		assert.equal(semaphore.tryAcquire(), null);
		assert.equal(semaphore.acquire({ timeout: 0 }), null);
		assert.equal(await other.acquireAsync({ timeout: 0 }), null);
		first.release();
		first.release();
		first[Symbol.dispose]();
		assert.equal(semaphore.permits, 1);
		second?.[Symbol.dispose]();
		assert.equal(semaphore.permits, 2);
		{
			using _permit = await semaphore.acquireAsync();
			using _another = await semaphore.acquireAsync({ timeout: 5 });
			assert.equal(semaphore.permits, 0);
		}
		assert.equal(semaphore.permits, 2);
		semaphore.acquire();
		semaphore.acquire();
		semaphore.release(2);
		assert.equal(semaphore.permits, 2);
		const closing = open(name);
		const left = closing.acquire();
		closing.close();
		left.release();
		assert.equal(other.permits, robust ? 2 : 1);
		assert.equal(closing.permits, 0);
		assert.equal(closing.recovered, 0);
	});

	test("one process lets several go on that wait, each once", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust });
		const held = [semaphore.acquire(), semaphore.acquire()];
		using other = open(name);
		const waits = [other.acquireAsync(), other.acquireAsync(), other.acquireAsync()];
		await using process = await started("waits", name, "waiting");
		assert.equal(await isPending(Promise.race(waits)), true);
		semaphore.release(2);
		assert.equal(held.length, 2);
		const got: Permit[] = [];
		const ms = await took(async () => {
			got.push(await (waits[0] as Promise<Permit>));
			got.push(await (waits[1] as Promise<Permit>));
			assert.equal(await isPending(waits[2] as Promise<Permit>), true);
			got.shift()?.release();
			got.shift()?.release();
			(await (waits[2] as Promise<Permit>)).release();
			assert.equal(await process.report<string>(), "acquired");
		});
		assert.ok(ms < RECOVERY_MS);
		await process.exited;
		assert.equal(semaphore.permits, 2);
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
		assert.ok((await took(() => Promise.all(waits))) < 300);
		assert.deepEqual(order, ["3 timed out", "2 aborted", "1", "4", "5"]);
		assert.equal(semaphore.permits, 1);
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
			assert.equal(await isPending(first), true);
			held.release();
			controller.abort("enough");
			assert.equal(await rejection(first), "enough");
			assert.ok((await took(async () => (await second).release())) < 300);
		}
		assert.equal(semaphore.permits, 1);
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
		assert.equal(await isPending(wait), true);
		held.release();
		const taken = semaphore.acquire();
		assert.equal(await isPending(wait), true);
		taken.release();
		assert.ok((await took(async () => (await wait).release())) < 400);
		assert.equal(await process.report<string>(), "acquired");
		await process.exited;
	}, 20_000);

	test("who blocks the thread in between leaves the next permit to the tasks", async () => {
		const name = names.next();
		using semaphore = open(name, { robust });
		using other = open(name);
		const held = semaphore.acquire();
		const waits = [other.acquireAsync(), other.acquireAsync()];
		assert.equal(await isPending(Promise.race(waits)), true);
		held.release();
		const taken = other.acquire();
		assert.equal(await isPending(Promise.race(waits)), true);
		taken.release();
		const ms = await took(async () => {
			for (const wait of waits) (await wait).release();
		});
		assert.ok(ms < 300);
		assert.equal(semaphore.permits, 1);
	});
});

describe("a semaphore that is not robust", () => {
	test("signals: 4 processes release, tasks and threads of others take exactly as many", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { initial: 0 });
		using other = open(name);
		const children = Array.from({ length: 4 }, () => child("signals", name, 5000));
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
	}, 30_000);

	test("keeps what a killed or closed handle held", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 2, robust: false });
		await using owner = await started("holds", name, "held");
		await owner.kill();
		const another = open(name);
		another.acquire();
		another.close();
		assert.equal(semaphore.acquire({ timeout: 900 }), null);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [0, 0]);
		// Whoever knows better gives it back.
		semaphore.release(2);
		assert.equal(semaphore.permits, 2);
	}, 20_000);

	test("ERR_IPC_OVERFLOW: no more than 2^31 - 1", () => {
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
	test("12 holders killed at random moments: the others go on within a second, and all permits come back", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using semaphore = open(name, { initial: 2, robust: true });
		const victims = Array.from({ length: 4 }, () => child("changes", name));
		const latencies: number[] = [];
		try {
			for (let kill = 0; kill < 12; kill++) {
				const victim = victims.shift() as Peer;
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
				if (kill < 8) victims.push(child("changes", name));
			}
		} finally {
			for (const victim of victims) await victim.kill();
		}
		expectRecoveries(latencies);
		const both = [semaphore.acquire(), semaphore.acquire()];
		assert.equal(semaphore.permits, 0);
		for (const permit of both) permit.release();
		assert.equal(semaphore.permits, 2);
		assert.ok(semaphore.recovered <= 12);
	}, 60_000);

	test("killed: its permits come back to who waits, sync, async and in other processes", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 3, robust: true });
		await using owner = await started("holds", name, "held", 3);
		await using sync = await started("waits", name, "waiting");
		await using async = await started("waits async", name, "waiting");
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
		await using another = await started("holds", name, "held", 3);
		await another.kill();
		assert.ok((await took(() => assert.notEqual(semaphore.acquire({ timeout: 10_000 }), null))) < RECOVERY_MS);
		assert.deepEqual([semaphore.permits, semaphore.recovered], [2, 6]);
		semaphore.release();
		await using last = await started("holds", name, "held", 3);
		await last.kill();
		assert.ok((await took(() => until(() => semaphore.tryAcquire() !== null))) < RECOVERY_MS);
	}, 30_000);

	test("a Worker that is terminated, close", async () => {
		const name = names.next();
		using semaphore = open(name, { robust: true });
		{
			await using worker = new Peer("handles", ["semaphore: holds", prefix, name]);
			assert.equal(await worker.line(), "ready");
			assert.equal(semaphore.tryAcquire(), null);
			const wait = semaphore.acquireAsync();
			await worker.kill();
			assert.ok((await took(async () => (await wait).release())) < RECOVERY_MS);
		}
		const closing = open(name);
		closing.acquire();
		const wait = semaphore.acquireAsync();
		assert.equal(await isPending(wait), true);
		closing.close();
		assert.ok((await took(async () => (await wait).release())) < 300);
		assert.equal(semaphore.permits, 1);
	}, 30_000);

	test("a Worker that is terminated while it waits swallows no permit", async () => {
		const name = names.next();
		using semaphore = open(name, { robust: true });
		const held = semaphore.acquire();
		await using worker = new Peer("handles", ["semaphore: waits", prefix, name]);
		assert.equal(await worker.line(), "ready");
		await worker.kill();
		await using next = await started("waits", name, "waiting");
		held.release();
		assert.ok((await took(async () => assert.equal(await next.report<string>(), "acquired"))) < RECOVERY_MS);
		await next.exited;
		assert.equal(semaphore.permits, 1);
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
		assert.equal(semaphore.permits, 1);
		other.release(2);
		assert.equal(semaphore.permits, 3);
		expectError("ERR_IPC_NOT_OWNER", text, () => other.release());
		assert.equal(semaphore.permits, 3);
	});
});

describe("waiting for a permit", () => {
	test("timeouts of blocking calls and of the event loop", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 0 });
		for (const timeout of [0, 0.4, 30, 60.5]) {
			expectTook(await took(() => assert.equal(semaphore.acquire({ timeout }), null)), timeout);
			let ticks = 0;
			const timer = setInterval(() => ticks++, 2);
			expectTook(await took(async () => assert.equal(await semaphore.acquireAsync({ timeout }), null)), timeout);
			clearInterval(timer);
			if (timeout > 20) assert.ok(ticks > 2);
		}
		const waits = longTimeouts.map((timeout) => semaphore.acquireAsync({ timeout }));
		assert.equal(await isPending(Promise.race(waits)), true);
		semaphore.release(waits.length);
		for (const wait of waits) assert.notEqual(await wait, null);
		semaphore.release(longTimeouts.length);
		for (const timeout of longTimeouts) assert.notEqual(semaphore.acquire({ timeout }), null);
		assert.equal(semaphore.permits, 0);
	});

	test.each(badTimeouts)("a timeout of %p is refused, and nothing taken", async (timeout, text) => {
		using semaphore = open(names.next());
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(semaphore.acquire.bind(semaphore), { timeout }));
		await expectRejection(
			"ERR_IPC_INVALID_ARGUMENT",
			text,
			untyped(semaphore.acquireAsync.bind(semaphore), { timeout }) as Promise<unknown>,
		);
		assert.equal(semaphore.permits, 1);
	});

	test("signals, and what is none; options that are none", async () => {
		using semaphore = open(names.next(), { initial: 1 });
		assert.equal(await rejection(semaphore.acquireAsync({ signal: AbortSignal.abort("before") })), "before");
		assert.equal(semaphore.permits, 1);
		semaphore.acquire();
		const controller = new AbortController();
		const wait = semaphore.acquireAsync({ signal: controller.signal, timeout: 600_000 });
		assert.equal(await isPending(wait), true);
		controller.abort("enough");
		assert.equal(await rejection(wait), "enough");
		semaphore.release();
		assert.equal(semaphore.permits, 1);
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
		assert.ok((await took(async () => assert.equal(await waiting.report<string>(), "acquired"))) < RECOVERY_MS);
		assert.equal(await waiting.exited, 0);
		assert.equal(semaphore.permits, 1);
	}, 20_000);

	test("close ends it; a closed one refuses everything", async () => {
		const semaphore = open(names.next(), { initial: 0 });
		const waits = [semaphore.acquireAsync(), semaphore.acquireAsync({ timeout: 600_000 })];
		assert.equal(await isPending(Promise.race(waits)), true);
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

	test("ERR_IPC_ORPHANED: cleared while others wait", async () => {
		const name = names.next();
		using semaphore = open(name, { initial: 0 });
		await using sync = await started("waits", name, "waiting");
		await using async = await started("waits async", name, "waiting");
		const waits = [semaphore.acquireAsync(), semaphore.acquireAsync({ timeout: 20_000 })];
		assert.equal(await isPending(Promise.race(waits)), true);
		Semaphore.clear(name, { prefix });
		const ms = await took(async () => {
			for (const wait of waits) await expectRejection("ERR_IPC_ORPHANED", /removed/, wait);
			assert.equal(await sync.report<string>(), "ERR_IPC_ORPHANED");
			assert.equal(await async.report<string>(), "ERR_IPC_ORPHANED");
		});
		assert.ok(ms < RECOVERY_MS);
		for (const call of [() => semaphore.acquire(), () => semaphore.tryAcquire()])
			expectError("ERR_IPC_ORPHANED", /removed/, call);
		using anew = open(name, { initial: 5 });
		assert.equal(anew.permits, 5);
	}, 20_000);
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
		assert.deepEqual(names.existing(), []);
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
		assert.equal(semaphore.permits, 1);
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
		assert.deepEqual([same.permits, none.permits], [3, 3]);
		const another = names.next();
		using plain = open(another);
		expectError(mismatch, /with robust false, .* with true/, () => open(another, { robust: true }));
		expectError(mismatch, /with initial 1, .* with 2147483647/, () => open(another, { initial: 2 ** 31 - 1 }));
		using _same = open(another, { initial: 1, robust: false });
		assert.equal(plain.permits, 1);
		using empty = open(names.next(), { initial: 0 });
		assert.equal(empty.tryAcquire(), null);
	});
});
