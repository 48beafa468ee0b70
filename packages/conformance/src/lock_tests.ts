import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
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
import { type Lock, list, Mutex, RwLock } from "./under_test.ts";

/** What a mutex and a reader-writer lock, locked exclusively, have to do alike. */
export function testLock(kind: "mutex" | "rwlock"): void {
	const factory = { mutex: Mutex, rwlock: RwLock }[kind];
	const names = new HandleNames(`${kind}s`);
	const { prefix } = names;
	const open = (name: string): Lock => factory.open(name, { prefix });
	const child = (program: string, name: string, argument: number | string = "") =>
		new Peer("lock", [program, prefix, name, kind, argument]);

	afterEach(() => names.expectNothingLeft());

	/** A child that has said something. */
	async function started(program: string, name: string, says: string): Promise<Peer> {
		const process = child(program, name);
		assert.equal(await process.report<string>(), says);
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
		test("8 threads count 80,000 together, not one less", async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			const children = Array.from({ length: 8 }, () => child("counts", name, 10_000));
			for (const each of children) assert.equal(await each.line(), "ready");
			probe.go();
			for (const each of children) assert.equal(await each.exited, 0);
			assert.equal(probe.get(Word.count), 80_000);
		}, 60_000);

		test("tasks and threads count together", async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			await using first = child("counts in tasks", name, 150);
			await using second = child("counts in tasks", name, 150);
			await using third = child("counts", name, 5000);
			for (const each of [first, second, third]) assert.equal(await each.line(), "ready");
			probe.go();
			using lock = open(name);
			using another = open(name);
			const { words } = probe;
			const task = async (of: Lock): Promise<void> => {
				for (let i = 0; i < 100; i++) {
					assert.equal(await of.lockAsync(), true);
					const count = words[Word.count] as number;
					if (i % 5 === 0) await turn();
					words[Word.count] = count + 1;
					of.unlock();
				}
			};
			await Promise.all([lock, lock, another, another, another].map(task));
			for (const each of [first, second, third]) assert.equal(await each.exited, 0);
			assert.equal(probe.get(Word.count), 2 * 1500 + 5000 + 500);
		}, 60_000);

		test("excludes handles of the same thread, and says who holds it", () => {
			const name = names.next();
			using a = open(name);
			using b = open(name);
			assert.equal(a.lock(), true);
			assert.equal(b.tryLock(), false);
			assert.equal(b.lock({ timeout: 0 }), false);
			assert.equal(b.acquire({ timeout: 0 }), null);
			a.unlock();
			assert.equal(b.tryLock(), true);
			assert.equal(a.tryLock(), false);
			b.unlock();
			assert.equal(isFree(name), true);
		});
	});

	describe(`a guard of a ${kind}`, () => {
		test("unlocks at the end of the block, also if the block throws", async () => {
			const name = names.next();
			using lock = open(name);
			{
				using guard = lock.acquire();
				assert.equal(guard.ownerDied, false);
				assert.equal(isFree(name), false);
			}
			assert.equal(isFree(name), true);
			assert.throws(() => {
				using _guard = lock.acquire();
				throw new Error("inside");
			}, /inside/);
			assert.equal(isFree(name), true);
			{
				using _guard = await lock.acquireAsync({ timeout: 5 });
				assert.equal(isFree(name), false);
			}
			assert.equal(isFree(name), true);
		});

		test("unlocks once, and not what others have locked since", () => {
			const name = names.next();
			using lock = open(name);
			const guard = lock.acquire();
			guard.release();
			assert.equal(isFree(name), true);
			lock.lock();
			guard.release();
			assert.equal(isFree(name), false);
			lock.unlock();
			const second = lock.acquire();
			lock.unlock();
			const third = lock.acquire();
			second[Symbol.dispose]();
			assert.equal(isFree(name), false);
			third.release();
			assert.equal(isFree(name), true);
			third.release();
		});

		test("is harmless once the handle is closed or the lock given up", () => {
			const name = names.next();
			const lock = open(name);
			const guard = lock.acquire();
			lock.close();
			guard.release();
			using another = open(name);
			const last = another.acquire();
			another.markUnusable();
			last.release();
		});
	});

	describe(`owners of a ${kind} that end while they hold it`, () => {
		// A reader-writer lock has another such test of its own.
		const kills = kind === "mutex" ? 12 : 6;
		test(`${kills} killed at random moments: the others go on within a second and are told`, async () => {
			const name = names.next();
			using probe = new Probe(prefix, name);
			using lock = open(name);
			const victims = Array.from({ length: 4 }, () => child("changes", name));
			const latencies: number[] = [];
			try {
				for (let kill = 0; kill < kills; kill++) {
					const victim = victims.shift() as Peer;
					assert.equal(await victim.report<string>(), "ready");
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
			assert.equal(probe.get(Word.wrong), 0);
			assert.ok(probe.get(Word.told) > 0);
			expectRecoveries(latencies);
		}, 60_000);

		test("killed: the next is told, also one that waits in the event loop; the one after is not", async () => {
			const name = names.next();
			using lock = open(name);
			for (const how of ["sync", "async", "waiting", "try"] as const) {
				await using owner = await started("holds", name, "held");
				assert.equal(lock.tryLock(), false);
				const waits = how === "waiting" ? lock.acquireAsync() : undefined;
				if (waits) assert.equal(await isPending(waits), true);
				await owner.kill();
				const ms = await took(async () => {
					if (how === "sync") lock.lock();
					else if (how === "try") await until(() => lock.tryLock());
					else {
						using guard = await (waits ?? lock.acquireAsync());
						assert.equal(guard.ownerDied, true);
						assert.equal(lock.ownerDied, true);
						return;
					}
					assert.equal(lock.ownerDied, true);
					lock.unlock();
				});
				assert.ok(ms < RECOVERY_MS);
				using guard = lock.acquire();
				assert.equal(guard.ownerDied, false);
				assert.equal(lock.ownerDied, false);
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
				assert.deepEqual(told.map(({ ownerDied }) => ownerDied).sort(), [false, true]);
			});
			assert.ok(ms < RECOVERY_MS);
			assert.equal(await first.exited, 0);
			assert.equal(await second.exited, 0);
		}, 30_000);

		test("a Worker that is terminated while it holds it", async () => {
			const name = names.next();
			using lock = open(name);
			await using worker = new Peer("handles", [`${kind}: holds`, prefix, name]);
			assert.equal(await worker.line(), "ready");
			assert.equal(lock.tryLock(), false);
			const waits = lock.acquireAsync();
			await worker.kill();
			const ms = await took(async () => {
				using guard = await waits;
				assert.equal(guard.ownerDied, true);
			});
			assert.ok(ms < RECOVERY_MS);
		}, 30_000);

		test.each(["waits", "waits async"])(
			"a Worker that is terminated while it %s keeps nobody from it",
			async (program) => {
				const name = names.next();
				using lock = open(name);
				lock.lock();
				{
					await using worker = new Peer("handles", [`${kind}: ${program}`, prefix, name]);
					assert.equal(await worker.line(), "ready");
					await turn();
				}
				await using next = await started("waits", name, "waiting");
				lock.unlock();
				const ms = await took(async () => assert.deepEqual(await next.report<object>(), { ownerDied: false }));
				assert.ok(ms < RECOVERY_MS);
				assert.equal(await next.exited, 0);
			},
			30_000,
		);

		test("closed while it is held: the next is told, also one that waits", async () => {
			const name = names.next();
			const a = open(name);
			using b = open(name);
			a.lock();
			a.close();
			assert.equal(b.tryLock(), true);
			assert.equal(b.ownerDied, true);
			b.unlock();
			const c = open(name);
			using d = open(name);
			c.lock();
			const waits = [b.acquireAsync(), d.acquireAsync()];
			await using process = await started("waits", name, "waiting");
			assert.equal(await isPending(Promise.race(waits)), true);
			c.close();
			const told: boolean[] = [];
			const ms = await took(async () => {
				for (const wait of waits) {
					using guard = await wait;
					told.push(guard.ownerDied);
				}
				told.push((await process.report<{ ownerDied: boolean }>()).ownerDied);
			});
			assert.ok(ms < RECOVERY_MS);
			// Whoever was first.
			assert.deepEqual(told.sort(), [false, false, true]);
			assert.equal(await process.exited, 0);
		}, 30_000);
	});

	describe(`waiting for a ${kind} in the event loop`, () => {
		test("gets what is free at once", async () => {
			const name = names.next();
			using lock = open(name);
			assert.equal(await lock.lockAsync(), true);
			assert.equal(isFree(name), false);
			lock.unlock();
			assert.equal(await lock.lockAsync({ timeout: 0 }), true);
			lock.unlock();
			assert.equal(isFree(name), true);
		});

		test("tasks of one handle take turns in their order, without those that gave up", async () => {
			const name = names.next();
			using lock = open(name);
			using owner = open(name);
			owner.lock();
			const controller = new AbortController();
			const order: string[] = [];
			const wait = async (who: string, options?: Parameters<Lock["lockAsync"]>[0]) => {
				try {
					if (await lock.lockAsync(options)) {
						order.push(who);
						await turn();
						lock.unlock();
					} else order.push(`${who} timed out`);
				} catch (reason) {
					order.push(`${who} ${reason}`);
				}
			};
			const waits = [
				wait("1"),
				wait("2", { signal: controller.signal }),
				wait("3", { timeout: 1 }),
				wait("4", { timeout: 600_000 }),
				wait("5", { timeout: Infinity, signal: new AbortController().signal }),
			];
			await waits[2];
			controller.abort("aborted");
			await waits[1];
			assert.deepEqual(order, ["3 timed out", "2 aborted"]);
			owner.unlock();
			await Promise.all(waits);
			assert.deepEqual(order, ["3 timed out", "2 aborted", "1", "4", "5"]);
			assert.equal(isFree(name), true);
		});

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
				assert.equal(await isPending(first), true);
				controller.abort("enough");
				assert.equal(await second.catch((reason: unknown) => reason), how === "timeout" ? false : "enough");
				other.unlock();
				// Not what a look around would take, which comes every 700 ms.
				assert.ok((await took(() => first)) < 300);
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
				assert.equal(await first, { timeout: false, signal: "enough", closed: "ERR_IPC_CLOSED" }[how] as string);
				assert.equal(await isPending(Promise.race([next, elsewhere])), true);
				const times: number[] = [];
				const started_ = performance.now();
				const timed = async (wait: Promise<boolean>, of: Lock) => {
					assert.equal(await wait, true);
					times.push(performance.now() - started_);
					of.unlock();
				};
				owner.unlock();
				await Promise.all([timed(next, how === "closed" ? other : leaving), timed(elsewhere, lock)]);
				assert.ok(Math.max(...times) < 400);
				assertLike(await process.report<object>(), { ownerDied: false });
				leaving.close();
			}
		}, 30_000);

		test("a wait that ends as its notification comes passes it on", async () => {
			const name = names.next();
			using owner = open(name);
			using leaving = open(name);
			using next = open(name);
			for (let round = 0; round < 20; round++) {
				owner.lock();
				const controller = new AbortController();
				const first = leaving.lockAsync({ signal: controller.signal });
				const second = next.lockAsync();
				assert.equal(await isPending(first), true);
				// It has been notified, and does not know yet.
				owner.unlock();
				controller.abort("enough");
				assert.equal(await rejection(first), "enough");
				assert.ok((await took(() => second)) < 300);
				next.unlock();
			}
		});

		test("a lot of tasks on one handle, with calls that block in between", async () => {
			const name = names.next();
			using lock = open(name);
			let inside = 0;
			let done = 0;
			const task = async () => {
				using _guard = await lock.acquireAsync();
				assert.equal(++inside, 1);
				await turn();
				inside--;
				done++;
			};
			const tasks = Array.from({ length: 300 }, task);
			let locked = 0;
			while (done < 300) {
				await turn();
				// Between tasks the thread may have it, too; while a task is inside, it would wait for itself.
				if (inside > 0) expectError("ERR_IPC_DEADLOCK", /never end/, () => lock.lock({ timeout: 5 }));
				else if (lock.tryLock()) {
					assert.equal(inside, 0);
					locked++;
					lock.unlock();
				}
			}
			await Promise.all(tasks);
			assert.ok(locked >= 0);
			assert.equal(isFree(name), true);
		}, 20_000);

		test("who blocks the thread while tasks wait gives it to them afterwards", async () => {
			const name = names.next();
			using lock = open(name);
			using owner = open(name);
			owner.lock();
			const waits = [lock.lockAsync(), lock.lockAsync()];
			assert.equal(await isPending(waits[0] as Promise<boolean>), true);
			owner.unlock();
			lock.lock();
			assert.equal(await isPending(Promise.race(waits)), true);
			lock.unlock();
			assert.ok((await took(() => waits[0])) < 300);
			assert.equal(await isPending(waits[1] as Promise<boolean>), true);
			lock.unlock();
			assert.ok((await took(() => waits[1])) < 300);
			lock.unlock();
		});

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
			assert.equal(await isPending(wait), true);
			owner.unlock();
			lock.lock();
			assert.equal(await isPending(wait), true);
			lock.unlock();
			assert.ok((await took(() => wait)) < 400);
			lock.unlock();
			assert.deepEqual(await process.report<object>(), { ownerDied: false });
			await process.exited;
		}, 20_000);

		test("a timeout ends it, neither early nor absurdly late, and the loop goes on meanwhile", async () => {
			const name = names.next();
			using lock = open(name);
			using owner = open(name);
			owner.lock();
			for (const timeout of [0, 0.4, 30, 60.5]) {
				let ticks = 0;
				const timer = setInterval(() => ticks++, 2);
				expectTook(await took(async () => assert.equal(await lock.lockAsync({ timeout }), false)), timeout);
				expectTook(await took(async () => assert.equal(await lock.acquireAsync({ timeout }), null)), timeout);
				clearInterval(timer);
				if (timeout > 20) assert.ok(ticks > 2);
			}
			const waits = longTimeouts.map((timeout) => lock.lockAsync({ timeout }));
			assert.equal(await isPending(Promise.race(waits)), true);
			owner.unlock();
			for (const wait of waits) {
				assert.equal(await wait, true);
				lock.unlock();
			}
		});

		test("an AbortSignal ends it with its reason, also one that is aborted already", async () => {
			const name = names.next();
			using lock = open(name);
			using owner = open(name);
			const reason = new Error("the reason");
			const aborted = AbortSignal.abort(reason);
			assert.equal(await rejection(lock.lockAsync({ signal: aborted })), reason);
			assert.equal(await rejection(lock.acquireAsync({ signal: aborted, timeout: 0 })), reason);
			assert.equal(isFree(name), true);
			owner.lock();
			const controller = new AbortController();
			const wait = lock.acquireAsync({ signal: controller.signal });
			assert.equal(await isPending(wait), true);
			controller.abort(reason);
			assert.equal(await rejection(wait), reason);
			assertLike(await rejection(lock.lockAsync({ signal: AbortSignal.timeout(5) })), {
				name: "TimeoutError",
			});
			owner.unlock();
			assert.equal(isFree(name), true);
		});

		test("close ends it, for all tasks", async () => {
			const name = names.next();
			using owner = open(name);
			const lock = open(name);
			owner.lock();
			const waits = [lock.lockAsync(), lock.acquireAsync(), lock.lockAsync({ timeout: 600_000 })];
			assert.equal(await isPending(Promise.race(waits)), true);
			lock.close();
			const ms = await took(async () => {
				for (const wait of waits) await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
			});
			assert.ok(ms < 300);
			owner.unlock();
			assert.equal(isFree(name), true);
		});

		test("the process stays alive for it, and ends by itself", async () => {
			const name = names.next();
			using lock = open(name);
			lock.lock();
			await using waiting = await started("waits async", name, "waiting");
			await using aborted = child("waited, aborted", name);
			assert.equal(await aborted.report<string>(), "enough");
			assert.equal(await aborted.exited, 0);
			lock.unlock();
			assertLike(await waiting.report<object>(), { ownerDied: false });
			assert.equal(await waiting.exited, 0);
		}, 20_000);
	});

	describe(`errors of a ${kind}`, () => {
		test("ERR_IPC_DEADLOCK: whoever would wait for itself", async () => {
			const name = names.next();
			using lock = open(name);
			using other = open(name);
			const text = new RegExp(`This thread holds .*"${name}" \\(prefix "${prefix}"\\) already.*not recursive`);
			for (const hold of [() => lock.lock(), () => lock.acquire(), () => lock.tryLock()]) {
				hold();
				for (const call of [
					() => lock.lock(),
					() => lock.lock({ timeout: 5 }),
					() => lock.lock({ timeout: 0 }),
					() => lock.tryLock(),
					() => lock.acquire(),
					() => lock.acquire({ timeout: 5 }),
					() => other.lock(),
					() => other.acquire({ timeout: 5 }),
				])
					expectError("ERR_IPC_DEADLOCK", text, call);
				await expectRejection("ERR_IPC_DEADLOCK", text, lock.lockAsync());
				await expectRejection("ERR_IPC_DEADLOCK", text, lock.acquireAsync({ timeout: 5 }));
				assert.equal(other.tryLock(), false);
				lock.unlock();
			}
		});

		test("no ERR_IPC_DEADLOCK for tasks, and other handles in the event loop", async () => {
			const name = names.next();
			using lock = open(name);
			using other = open(name);
			for (const hold of [() => lock.lockAsync(), () => lock.acquireAsync()]) {
				await hold();
				expectError("ERR_IPC_DEADLOCK", /this thread/i, () => lock.lock());
				expectError("ERR_IPC_DEADLOCK", /this thread/i, () => other.lock());
				const waits = [lock.lockAsync(), other.lockAsync()];
				assert.equal(await isPending(Promise.race(waits)), true);
				lock.unlock();
				for (const [i, wait] of waits.entries()) {
					assert.equal(await wait, true);
					(i === 0 ? lock : other).unlock();
				}
			}
			// The thread waits for it in the event loop, by another handle.
			lock.lock();
			const wait = other.lockAsync();
			assert.equal(await isPending(wait), true);
			lock.unlock();
			assert.equal(await wait, true);
			other.unlock();
		});

		test("ERR_IPC_NOT_OWNER: given back by who does not hold it; nothing has changed", () => {
			const name = names.next();
			using lock = open(name);
			using other = open(name);
			const text = /This handle does not hold .* Nothing has changed/;
			for (const call of [() => lock.unlock(), () => lock.markUnusable()]) expectError("ERR_IPC_NOT_OWNER", text, call);
			lock.lock();
			for (const call of [() => other.unlock(), () => other.markUnusable()])
				expectError("ERR_IPC_NOT_OWNER", text, call);
			assert.equal(other.tryLock(), false);
			lock.unlock();
			expectError("ERR_IPC_NOT_OWNER", text, () => lock.unlock());
			assert.equal(isFree(name), true);
		});

		test("ERR_IPC_UNUSABLE: all who wait or come, until it is made anew", async () => {
			const name = names.next();
			for (const anew of ["closed", "cleared"]) {
				const lock = open(name);
				const other = open(name);
				lock.lock();
				await using sync = await started("waits", name, "waiting");
				await using async = await started("waits async", name, "waiting");
				const waits = [other.lockAsync(), other.acquireAsync()];
				assert.equal(await isPending(Promise.race(waits)), true);
				lock.markUnusable();
				expectError("ERR_IPC_NOT_OWNER", /does not hold/, () => lock.unlock());
				for (const wait of waits) await expectRejection("ERR_IPC_UNUSABLE", /given up.*markUnusable.*clear/, wait);
				assert.deepEqual(await sync.report<object>(), { code: "ERR_IPC_UNUSABLE" });
				assertLike(await async.report<object>(), { code: "ERR_IPC_UNUSABLE" });
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
				assert.equal(another.tryLock(), true);
				assert.equal(another.ownerDied, false);
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
			assert.equal(await isPending(Promise.race(waits)), true);
			factory.clear(name, { prefix });
			const ms = await took(async () => {
				for (const wait of waits)
					await expectRejection("ERR_IPC_ORPHANED", /removed \(clear.*open the name again/, wait);
				assert.deepEqual(await sync.report<object>(), { code: "ERR_IPC_ORPHANED" });
				assertLike(await async.report<object>(), { code: "ERR_IPC_ORPHANED" });
			});
			assert.ok(ms < RECOVERY_MS);
			// Who holds it gives it back as ever.
			lock.unlock();
			for (const call of [() => lock.lock(), () => other.tryLock(), () => other.acquire({ timeout: 5 })])
				expectError("ERR_IPC_ORPHANED", /removed/, call);
			using anew = open(name);
			assert.equal(anew.tryLock(), true);
			assert.deepEqual(names.existing(), [name]);
		}, 20_000);

		test("ERR_IPC_CLOSED: whatever is called once it is closed", async () => {
			const lock = open(names.next());
			lock.close();
			lock.close();
			for (const call of [
				() => lock.lock(),
				() => lock.lock({ timeout: 5 }),
				() => lock.tryLock(),
				() => lock.acquire(),
				() => lock.unlock(),
				() => lock.markUnusable(),
			])
				expectError("ERR_IPC_CLOSED", /This handle of .* is closed\. Open a new one/, call);
			await expectRejection("ERR_IPC_CLOSED", /is closed/, lock.lockAsync());
			await expectRejection("ERR_IPC_CLOSED", /is closed/, lock.acquireAsync({ timeout: 0 }));
		});
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
			assert.equal(isFree(name), true);
		});

		test("options and signals that are none are refused", async () => {
			using lock = open(names.next());
			for (const bad of [5, "x", null, true]) {
				for (const call of [lock.lock, lock.acquire])
					expectError("ERR_IPC_INVALID_ARGUMENT", /options must be an object/, () => untyped(call.bind(lock), bad));
				for (const call of [lock.lockAsync, lock.acquireAsync])
					await expectRejection(
						"ERR_IPC_INVALID_ARGUMENT",
						/options must be an object/,
						untyped(call.bind(lock), bad) as Promise<unknown>,
					);
			}
			for (const signal of [5, {}, null])
				await expectRejection(
					"ERR_IPC_INVALID_ARGUMENT",
					/signal must be an AbortSignal/,
					untyped(lock.lockAsync.bind(lock), { signal }) as Promise<unknown>,
				);
			assert.equal(lock.tryLock(), true);
		});

		test("blocking calls keep theirs; huge and endless ones are fine", async () => {
			const name = names.next();
			using lock = open(name);
			for (const timeout of [0, 0.5, ...longTimeouts]) {
				assert.equal(lock.lock({ timeout }), true);
				lock.unlock();
				lock.acquire({ timeout })?.release();
				assert.equal(isFree(name), true);
			}
			await using owner = await started("holds", name, "held");
			for (const timeout of [0, 0.4, 30, 60.5]) {
				expectTook(await took(() => assert.equal(lock.lock({ timeout }), false)), timeout);
				expectTook(await took(() => assert.equal(lock.acquire({ timeout }), null)), timeout);
			}
			await owner.kill();
			assert.equal(lock.lock({ timeout: 1e12 }), true);
		}, 20_000);
	});
}

/** What a promise came to, or why it did not: the code of an IpcError, else the reason. */
function rejectionOr(promise: Promise<unknown>): Promise<unknown> {
	return promise.catch((reason: { code?: string }) => reason.code ?? reason);
}
