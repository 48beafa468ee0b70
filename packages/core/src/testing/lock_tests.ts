import { afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Lock, list, Mutex, RwLock } from "../index.ts";
import { Child } from "./child.ts";
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
} from "./handles.ts";
import { Probe, Word } from "./probe.ts";
import { isPending } from "./text.ts";

/** What a mutex and a reader-writer lock, locked exclusively, have to do alike. */
export function testLock(kind: "mutex" | "rwlock"): void {
	const factory = { mutex: Mutex, rwlock: RwLock }[kind];
	const names = new HandleNames(`${kind}s`);
	const { prefix } = names;
	const open = (name: string): Lock => factory.open(name, { prefix });
	const child = (program: string, name: string, argument: number | string = "") =>
		new Child("lock.child.ts", [program, prefix, name, kind, argument]);

	afterEach(() => names.expectNothingLeft());

	/** A child that has said something. */
	async function started(program: string, name: string, says: string): Promise<Child> {
		const process = child(program, name);
		expect(await process.report<string>()).toBe(says);
		return process;
	}

	/** Whether a lock waits for somebody else to give it back, or can be had: with a lock of its own. */
	function isFree(name: string): boolean {
		using lock = open(name);
		if (!lock.tryLock()) return false;
		lock.unlock();
		return true;
	}

	describe(`a ${kind} that is held by one at a time`, () => {
		test("8 processes count 800,000 together, not one less", async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			const children = Array.from({ length: 8 }, () => child("counts", name, 100_000));
			for (const each of children) expect(await each.line()).toBe("ready");
			probe.go();
			for (const each of children) expect(await each.exited).toBe(0);
			expect(probe.get(Word.count)).toBe(800_000);
		}, 60_000);

		test("tasks and threads of several processes count together", async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			await using first = child("counts in tasks", name, 150);
			await using second = child("counts in tasks", name, 150);
			await using third = child("counts", name, 5000);
			for (const each of [first, second, third]) expect(await each.line()).toBe("ready");
			probe.go();
			using lock = open(name);
			using another = open(name);
			const { words } = probe;
			const task = async (of: Lock): Promise<void> => {
				for (let i = 0; i < 100; i++) {
					expect(await of.lockAsync()).toBe(true);
					const count = words[Word.count] as number;
					if (i % 5 === 0) await turn();
					words[Word.count] = count + 1;
					of.unlock();
				}
			};
			await Promise.all([lock, lock, another, another, another].map(task));
			for (const each of [first, second, third]) expect(await each.exited).toBe(0);
			expect(probe.get(Word.count)).toBe(2 * 1500 + 5000 + 500);
		}, 60_000);
	});

	describe(`owners of a ${kind} that end while they hold it`, () => {
		// A reader-writer lock has another such test of its own.
		const kills = kind === "mutex" ? 100 : 20;
		test(`${kills} killed at random moments: the others go on within a second and are told`, async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			using lock = open(name);
			const victims = Array.from({ length: 4 }, () => child("changes", name));
			const latencies: number[] = [];
			try {
				for (let kill = 0; kill < kills; kill++) {
					const victim = victims.shift() as Child;
					expect(await victim.report<string>()).toBe("ready");
					const seen = probe.get(Word.begun);
					await until(() => probe.get(Word.begun) - seen > kill % 7);
					await victim.kill();
					const started = performance.now();
					using guard =
						kill % 2 === 0 ? lock.acquire({ timeout: 20_000 }) : await lock.acquireAsync({ timeout: 20_000 });
					latencies.push(performance.now() - started);
					if (!guard) throw new Error(`nothing within 20 s after kill ${kill}`);
					probe.change(guard.ownerDied);
					if (kill < kills - 4) victims.push(child("changes", name));
				}
			} finally {
				for (const victim of victims) await victim.kill();
			}
			expect(probe.get(Word.wrong)).toBe(0);
			expect(probe.get(Word.told)).toBeGreaterThan(kills / 10);
			expectRecoveries(latencies);
		}, 60_000);

		test("killed: the next is told, also one that waits in the event loop; the one after is not", async () => {
			const name = names.next();
			using lock = open(name);
			for (const how of ["sync", "async", "waiting", "try"] as const) {
				await using owner = await started("holds", name, "held");
				expect(lock.tryLock()).toBe(false);
				const waits = how === "waiting" ? lock.acquireAsync() : undefined;
				if (waits) expect(await isPending(waits)).toBe(true);
				await owner.kill();
				const ms = await took(async () => {
					if (how === "sync") lock.lock();
					else if (how === "try") await until(() => lock.tryLock());
					else {
						using guard = await (waits ?? lock.acquireAsync());
						expect(guard.ownerDied).toBe(true);
						expect(lock.ownerDied).toBe(true);
						return;
					}
					expect(lock.ownerDied).toBe(true);
					lock.unlock();
				});
				expect(ms).toBeLessThan(RECOVERY_MS);
				using guard = lock.acquire();
				expect(guard.ownerDied).toBe(false);
				expect(lock.ownerDied).toBe(false);
			}
		}, 30_000);

		test("a killed one is noticed by who sleeps in another process", async () => {
			const name = names.next();
			await using owner = await started("holds", name, "held");
			await using first = await started("waits", name, "waiting");
			await using second = await started("waits async", name, "waiting");
			await owner.kill();
			const ms = await took(async () => {
				const told = [await first.report<{ ownerDied: boolean }>(), await second.report<{ ownerDied: boolean }>()];
				expect(told.map(({ ownerDied }) => ownerDied).sort()).toEqual([false, true]);
			});
			expect(ms).toBeLessThan(RECOVERY_MS);
			expect(await first.exited).toBe(0);
			expect(await second.exited).toBe(0);
		}, 30_000);

		test("process.exit, an exception: the next is told at once", async () => {
			const name = names.next();
			using lock = open(name);
			for (const program of ["holds and exits", "holds and throws"]) {
				const file = fileURLToPath(new URL("lock.child.ts", import.meta.url));
				const { exited } = Bun.spawn([process.execPath, file, program, prefix, name, kind], { stderr: "ignore" });
				expect(await exited).toBe(program === "holds and exits" ? 3 : 1);
				const ms = await took(() => {
					using guard = lock.acquire();
					expect(guard.ownerDied).toBe(true);
				});
				expect(ms).toBeLessThan(RECOVERY_MS);
			}
		}, 30_000);

		test("a Worker that is terminated while it holds it", async () => {
			const name = names.next();
			using lock = open(name);
			await using worker = new HandleWorker(`${kind}: holds`, prefix, name);
			expect(await worker.next()).toBe("ready");
			expect(lock.tryLock()).toBe(false);
			const waits = lock.acquireAsync();
			await worker.terminate();
			const ms = await took(async () => {
				using guard = await waits;
				expect(guard.ownerDied).toBe(true);
			});
			expect(ms).toBeLessThan(RECOVERY_MS);
		}, 30_000);

		test.each(["waits", "waits async"])(
			"a Worker that is terminated while it %s keeps nobody from it",
			async (program) => {
				const name = names.next();
				using lock = open(name);
				lock.lock();
				{
					await using worker = new HandleWorker(`${kind}: ${program}`, prefix, name);
					expect(await worker.next()).toBe("ready");
					await turn();
				}
				await using next = await started("waits", name, "waiting");
				lock.unlock();
				const ms = await took(async () => expect(await next.report<object>()).toEqual({ ownerDied: false }));
				expect(ms).toBeLessThan(RECOVERY_MS);
				expect(await next.exited).toBe(0);
			},
			30_000,
		);

		test("handles that are forgotten are closed when they are collected", async () => {
			const name = names.next();
			await using process = child("holds and forgets", name);
			expect(await process.report<object>()).toEqual({ got: true, ownerDied: true });
			expect(await process.exited).toBe(0);
			expect(names.files()).toEqual([]);
		}, 30_000);

		test("closed while it is held: the next is told, also one that waits", async () => {
			const name = names.next();
			const a = open(name);
			using b = open(name);
			a.lock();
			a.close();
			expect(b.tryLock()).toBe(true);
			expect(b.ownerDied).toBe(true);
			b.unlock();
			const c = open(name);
			using d = open(name);
			c.lock();
			const waits = [b.acquireAsync(), d.acquireAsync()];
			await using process = await started("waits", name, "waiting");
			expect(await isPending(Promise.race(waits))).toBe(true);
			c.close();
			const told: boolean[] = [];
			const ms = await took(async () => {
				for (const wait of waits) {
					using guard = await wait;
					told.push(guard.ownerDied);
				}
				told.push((await process.report<{ ownerDied: boolean }>()).ownerDied);
			});
			expect(ms).toBeLessThan(RECOVERY_MS);
			// Whoever was first.
			expect(told.sort()).toEqual([false, false, true]);
			expect(await process.exited).toBe(0);
		}, 30_000);
	});

	describe(`waiting for a ${kind} in the event loop`, () => {
		test("what one gave up behind the first does not hold the first up", async () => {
			const name = names.next();
			using lock = open(name);
			await using owner = await started("holds", name, "held");
			for (const how of ["timeout", "signal"]) {
				using other = open(name);
				// Takes it over from the killed one the first time.
				if (how === "timeout") {
					await owner.kill();
					other.lock();
				} else other.lock();
				const first = lock.lockAsync();
				const controller = new AbortController();
				const second = lock.lockAsync(how === "timeout" ? { timeout: 2 } : { signal: controller.signal });
				expect(await isPending(first)).toBe(true);
				controller.abort("enough");
				expect(await second.catch((reason: unknown) => reason)).toBe(how === "timeout" ? false : "enough");
				other.unlock();
				// Not what a look around would take, which comes every 700 ms.
				expect(await took(() => first)).toBeLessThan(300);
				lock.unlock();
			}
		}, 30_000);

		test("the first giving up, the next is served at once; so are other handles and processes", async () => {
			const name = names.next();
			using owner = open(name);
			using lock = open(name);
			using other = open(name);
			for (const how of ["timeout", "signal", "closed"]) {
				owner.lock();
				const leaving = open(name);
				const controller = new AbortController();
				const first = rejectionOr(
					leaving.lockAsync(how === "timeout" ? { timeout: 5 } : { signal: controller.signal }),
				);
				const next = how === "closed" ? other.lockAsync() : leaving.lockAsync();
				await using process = await started("waits async", name, "waiting");
				const elsewhere = lock.lockAsync();
				if (how === "signal") controller.abort("enough");
				if (how === "closed") leaving.close();
				expect(await first).toBe({ timeout: false, signal: "enough", closed: "ERR_IPC_CLOSED" }[how] as string);
				expect(await isPending(Promise.race([next, elsewhere]))).toBe(true);
				const times: number[] = [];
				const started_ = performance.now();
				const timed = async (wait: Promise<boolean>, of: Lock) => {
					expect(await wait).toBe(true);
					times.push(performance.now() - started_);
					of.unlock();
				};
				owner.unlock();
				await Promise.all([timed(next, how === "closed" ? other : leaving), timed(elsewhere, lock)]);
				expect(Math.max(...times)).toBeLessThan(400);
				expect(await process.report<object>()).toMatchObject({ ownerDied: false });
				leaving.close();
			}
		}, 30_000);

		test("who blocks the thread, past others that were to be next, leaves its tasks in line", async () => {
			const name = names.next();
			using owner = open(name);
			using lock = open(name);
			owner.lock();
			await using process = await started("waits", name, "waiting");
			await until(() =>
				list({ prefix }).some((each) => each.name === name && each.endpoints.some(({ sleeping }) => sleeping)),
			);
			const wait = lock.lockAsync();
			expect(await isPending(wait)).toBe(true);
			owner.unlock();
			lock.lock();
			expect(await isPending(wait)).toBe(true);
			lock.unlock();
			expect(await took(() => wait)).toBeLessThan(400);
			lock.unlock();
			expect(await process.report<object>()).toEqual({ ownerDied: false });
			await process.exited;
		}, 20_000);

		test("the process stays alive for it, and ends by itself", async () => {
			const name = names.next();
			using lock = open(name);
			lock.lock();
			await using waiting = await started("waits async", name, "waiting");
			await using aborted = child("waited, aborted", name);
			expect(await aborted.report<string>()).toBe("enough");
			expect(await aborted.exited).toBe(0);
			lock.unlock();
			expect(await waiting.report<object>()).toMatchObject({ ownerDied: false });
			expect(await waiting.exited).toBe(0);
		}, 20_000);
	});

	describe(`errors of a ${kind}`, () => {
		test("ERR_IPC_UNUSABLE: all who wait or come, until it is made anew", async () => {
			const name = names.next();
			for (const anew of ["closed", "cleared"]) {
				const lock = open(name);
				const other = open(name);
				lock.lock();
				await using sync = await started("waits", name, "waiting");
				await using async = await started("waits async", name, "waiting");
				const waits = [other.lockAsync(), other.acquireAsync()];
				expect(await isPending(Promise.race(waits))).toBe(true);
				lock.markUnusable();
				expectError("ERR_IPC_NOT_OWNER", /does not hold/, () => lock.unlock());
				for (const wait of waits) await expectRejection("ERR_IPC_UNUSABLE", /given up.*markUnusable.*clear/, wait);
				expect(await sync.report<object>()).toEqual({ code: "ERR_IPC_UNUSABLE" });
				expect(await async.report<object>()).toMatchObject({ code: "ERR_IPC_UNUSABLE" });
				await sync.exited;
				await async.exited;
				using late = open(name);
				for (const of of [lock, other, late])
					for (const call of [() => of.lock(), () => of.tryLock(), () => of.acquire({ timeout: 5 })])
						expectError("ERR_IPC_UNUSABLE", /given up/, call);
				await expectRejection("ERR_IPC_UNUSABLE", /given up/, lock.lockAsync());
				await expectRejection("ERR_IPC_UNUSABLE", /given up/, lock.lockAsync({ timeout: 0 }));
				if (anew === "cleared") factory.clear(name, { prefix });
				lock.close();
				other.close();
				late.close();
				using another = open(name);
				expect(another.tryLock()).toBe(true);
				expect(another.ownerDied).toBe(false);
			}
		}, 20_000);

		test("ERR_IPC_ORPHANED: its name is cleared, also while others wait", async () => {
			const name = names.next();
			using lock = open(name);
			using other = open(name);
			lock.lock();
			await using sync = await started("waits", name, "waiting");
			await using async = await started("waits async", name, "waiting");
			const waits = [other.lockAsync(), other.acquireAsync({ timeout: 20_000 })];
			expect(await isPending(Promise.race(waits))).toBe(true);
			factory.clear(name, { prefix });
			const ms = await took(async () => {
				for (const wait of waits)
					await expectRejection("ERR_IPC_ORPHANED", /removed \(clear.*open the name again/, wait);
				expect(await sync.report<object>()).toEqual({ code: "ERR_IPC_ORPHANED" });
				expect(await async.report<object>()).toMatchObject({ code: "ERR_IPC_ORPHANED" });
			});
			expect(ms).toBeLessThan(RECOVERY_MS);
			// Who holds it gives it back as ever.
			lock.unlock();
			for (const call of [() => lock.lock(), () => other.tryLock(), () => other.acquire({ timeout: 5 })])
				expectError("ERR_IPC_ORPHANED", /removed/, call);
			using anew = open(name);
			expect(anew.tryLock()).toBe(true);
			expect(existing()).toEqual([names.path(kind, name)]);
		}, 20_000);

		const existing = () => names.files().map((file) => `/dev/shm/${file}`);

		test("ERR_IPC_ORPHANED: its file was deleted", async () => {
			const name = names.next();
			using lock = open(name);
			using other = open(name);
			lock.lock();
			const wait = other.lockAsync({ timeout: 20_000 });
			await using sync = await started("waits", name, "waiting");
			expect(await isPending(wait)).toBe(true);
			rmSync(names.path(kind, name));
			const ms = await took(async () => {
				expect(await sync.report<object>()).toEqual({ code: "ERR_IPC_ORPHANED" });
				await expectRejection("ERR_IPC_ORPHANED", /deleted/, wait);
			});
			expect(ms).toBeLessThan(RECOVERY_MS);
		}, 20_000);
	});

	describe(`timeouts of a ${kind}`, () => {
		test.each(badTimeouts)("%p is refused, and nothing locked", async (timeout, text) => {
			const name = names.next();
			using lock = open(name);
			const options = { timeout };
			expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(lock.lock.bind(lock), options));
			expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(lock.acquire.bind(lock), options));
			for (const wait of [lock.lockAsync, lock.acquireAsync])
				await expectRejection("ERR_IPC_INVALID_ARGUMENT", text, untyped(wait.bind(lock), options) as Promise<unknown>);
			expect(isFree(name)).toBe(true);
		});

		test("blocking calls keep theirs; huge and endless ones are fine", async () => {
			const name = names.next();
			using lock = open(name);
			for (const timeout of [0, 0.5, ...longTimeouts]) {
				expect(lock.lock({ timeout })).toBe(true);
				lock.unlock();
				lock.acquire({ timeout })?.release();
				expect(isFree(name)).toBe(true);
			}
			await using owner = await started("holds", name, "held");
			for (const timeout of [0, 0.4, 30, 60.5]) {
				expectTook(await took(() => expect(lock.lock({ timeout })).toBe(false)), timeout);
				expectTook(await took(() => expect(lock.acquire({ timeout })).toBeNull()), timeout);
			}
			await owner.kill();
			expect(lock.lock({ timeout: 1e12 })).toBe(true);
		}, 20_000);
	});
}

/** What a promise came to, or why it did not: the code of an IpcError, else the reason. */
function rejectionOr(promise: Promise<unknown>): Promise<unknown> {
	return promise.catch((reason: { code?: string }) => reason.code ?? reason);
}
