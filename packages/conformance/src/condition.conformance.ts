import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
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
	untyped,
} from "./handles.ts";
import { afterEach, describe, test } from "./harness.ts";
import { Peer } from "./peer.ts";
import { Probe, Word } from "./probe.ts";
import { isPending, rejection } from "./text.ts";
import { Condition, Mutex } from "./under_test.ts";

const names = new HandleNames("conditions");
const { prefix } = names;
const openBoth = (name: string, maxHandles?: number) => ({
	mutex: Mutex.open(`${name}.mutex`, { prefix }),
	condition: Condition.open(name, { prefix, maxHandles }),
	[Symbol.dispose]() {
		this.condition.close();
		this.mutex.close();
	},
});
const child = (program: string, name: string, argument: number | string = "") =>
	new Peer("condition", [program, prefix, name, argument]);

afterEach(() => names.expectNothingLeft());

/** A child that waits: it had the mutex when it said so, and whoever gets it now knows that it is asleep. */
async function waiting(program: string, name: string, mutex: Mutex): Promise<Peer> {
	const process = child(program, name);
	assert.equal(await process.report<string>(), "waiting");
	mutex.lock();
	mutex.unlock();
	return process;
}

describe("waiting", () => {
	test("a bounded buffer: 4 producers, 4 consumers, every number once, each producer's in order", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		const producers = [1, 2, 3, 4].map((i) => child("produces", name, i));
		const consumers = ["sync", "async", "sync", "async"].map((how) => child("consumes", name, how));
		const children = [...producers, ...consumers];
		for (const each of children) assert.equal(await each.line(), "ready");
		probe.go();
		const got = await Promise.all(consumers.map((each) => each.report<number[]>()));
		for (const each of children) assert.equal(await each.exited, 0);
		for (const one of got)
			for (const producer of [1, 2, 3, 4]) {
				const its = one.filter((number) => Math.floor(number / 10_000) === producer);
				assert.deepEqual(
					its,
					its.toSorted((a, b) => a - b),
				);
			}
		const wanted = [1, 2, 3, 4].flatMap((producer) => Array.from({ length: 1000 }, (_, i) => producer * 10_000 + i));
		assert.deepEqual(
			got.flat().sort((a, b) => a - b),
			wanted,
		);
	}, 60_000);

	test("notify ends the oldest wait, in processes and in the event loop; notifyAll the others", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		assert.equal(condition.notify(), 0);
		assert.equal(condition.notifyAll(), 0);
		await using first = await waiting("waits", name, mutex);
		const order: string[] = [];
		const wait = async (who: string) => {
			using _guard = await mutex.acquireAsync();
			assert.equal(await condition.waitAsync(mutex), true);
			assert.equal(mutex.held, true);
			order.push(who);
		};
		const second = wait("second");
		assert.equal(await isPending(second), true);
		const third = wait("third");
		assert.equal(await isPending(third), true);
		await using fourth = await waiting("waits async", name, mutex);
		await using fifth = await waiting("waits", name, mutex);
		assert.equal(condition.notify(), 1);
		assert.deepEqual(await first.report<object>(), { notified: true, held: true });
		await first.exited;
		assert.equal(await isPending(second), true);
		assert.equal(condition.notify(), 1);
		await second;
		assert.deepEqual(order, ["second"]);
		assert.equal(condition.notifyAll(), 3);
		await third;
		for (const each of [fourth, fifth]) {
			assert.deepEqual(await each.report<object>(), { notified: true, held: true });
			assert.equal(await each.exited, 0);
		}
		assert.equal(condition.notifyAll(), 0);
		assert.equal(mutex.tryLock(), true);
		mutex.unlock();
	}, 20_000);

	test("a wait in the event loop is one wait, and nothing is left of it", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		mutex.lock();
		const wait = condition.waitAsync(mutex);
		assert.equal(await isPending(wait), true);
		assert.equal(mutex.held, false);
		assert.equal(condition.notifyAll(), 1);
		assert.equal(await wait, true);
		assert.equal(condition.notifyAll(), 0);
		assert.equal(await condition.waitAsync(mutex, { timeout: 5 }), false);
		assert.equal(mutex.held, true);
		assert.equal(condition.notifyAll(), 0);
		const controller = new AbortController();
		const aborted = condition.waitAsync(mutex, { signal: controller.signal });
		assert.equal(await isPending(aborted), true);
		controller.abort("enough");
		assert.equal(await rejection(aborted), "enough");
		assert.equal(mutex.held, true);
		assert.equal(condition.notifyAll(), 0);
	});

	test("a notification of a wait that is aborted, timed out or closed is passed on", async () => {
		for (const how of ["abort", "close"] as const) {
			const name = names.next();
			using both = openBoth(name);
			const { mutex, condition } = both;
			const leaving = Condition.open(name, { prefix });
			const controller = new AbortController();
			mutex.lock();
			const first = leaving.waitAsync(mutex, { signal: controller.signal });
			assert.equal(await mutex.lockAsync(), true);
			const second = condition.waitAsync(mutex);
			assert.equal(await isPending(Promise.race([first, second])), true);
			assert.equal(condition.notify(), 1);
			// It has been notified, and does not know yet.
			if (how === "abort") controller.abort("enough");
			else leaving.close();
			const reason = await rejection(first);
			if (how === "abort") assert.equal(reason, "enough");
			else assertLike(reason, { code: "ERR_IPC_CLOSED" });
			assert.equal(mutex.held, true);
			mutex.unlock();
			assert.ok((await took(async () => assert.equal(await second, true))) < 300);
			mutex.unlock();
			leaving.close();
		}
	});

	test("timeouts of blocking calls and of the event loop; the mutex is held again", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		using other = Mutex.open(mutex.name, { prefix });
		mutex.lock();
		for (const timeout of [0, 0.4, 30, 60.5]) {
			expectTook(await took(() => assert.equal(condition.wait(mutex, { timeout }), false)), timeout);
			assert.deepEqual([mutex.held, other.tryLock()], [true, false]);
			expectTook(await took(async () => assert.equal(await condition.waitAsync(mutex, { timeout }), false)), timeout);
			assert.deepEqual([mutex.held, other.tryLock()], [true, false]);
		}
		for (const timeout of longTimeouts) {
			const wait = condition.waitAsync(mutex, { timeout });
			assert.equal(await isPending(wait), true);
			assert.equal(condition.notify(), 1);
			assert.equal(await wait, true);
		}
		await using process = child("waits async", both.condition.name);
		mutex.unlock();
		assert.equal(await process.report<string>(), "waiting");
		// Held by somebody else when the time is up: it waits for that.
		mutex.lock();
		const wait = condition.waitAsync(mutex, { timeout: 5 });
		await other.lockAsync();
		await sleep(10);
		assert.equal(await isPending(wait), true);
		other.unlock();
		assert.equal(await wait, false);
		assert.equal(condition.notifyAll(), 1);
		mutex.unlock();
		assert.deepEqual(await process.report<object>(), { notified: true, held: true });
		assert.equal(await process.exited, 0);
	}, 20_000);

	test("for whom the mutex is held is the same afterwards", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		mutex.lock();
		condition.wait(mutex, { timeout: 0 });
		await expectRejection("ERR_IPC_DEADLOCK", /already/, mutex.lockAsync());
		mutex.unlock();
		await mutex.lockAsync();
		condition.wait(mutex, { timeout: 1 });
		const next = mutex.lockAsync();
		assert.equal(await isPending(next), true);
		mutex.unlock();
		assert.equal(await next, true);
		mutex.unlock();
		{
			using guard = mutex.acquire();
			const wait = condition.waitAsync(mutex, { timeout: 5 });
			// Does not hold it now.
			guard.release();
			assert.equal(await wait, false);
			assert.equal(mutex.held, true);
			await expectRejection("ERR_IPC_DEADLOCK", /already/, mutex.lockAsync());
		}
		assert.equal(mutex.held, false);
	});
});

describe("ends", () => {
	test("12 waiters killed at random moments: notifications reach the others within a second", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using mutex = Mutex.open(`${name}.mutex`, { prefix });
		using filled = Condition.open(`${name}.filled`, { prefix });
		using emptied = Condition.open(`${name}.emptied`, { prefix });
		await using survivor = child("takes", name);
		assert.equal(await survivor.report<string>(), "ready");
		const victims = Array.from({ length: 3 }, () => child("takes", name));
		let slowest = 0;
		try {
			for (let kill = 0; kill < 12; kill++) {
				const victim = victims.shift() as Peer;
				assert.equal(await victim.report<string>(), "ready");
				mutex.lock();
				probe.words[Word.count] = (probe.words[Word.count] as number) + 1 + (kill % 5);
				filled.notify();
				filled.notify();
				mutex.unlock();
				await victim.kill();
				if (kill < 9) victims.push(child("takes", name));
				const started = performance.now();
				{
					using _guard = kill % 8 === 0 ? await mutex.acquireAsync() : mutex.acquire();
					while (probe.words[Word.count] !== 0) {
						// A victim may have taken one of two notifications and not both things: so do the others.
						filled.notify();
						const inTime =
							kill % 8 === 0
								? await emptied.waitAsync(mutex, { timeout: 10_000 })
								: emptied.wait(mutex, { timeout: 10_000 });
						assert.equal(inTime, true);
					}
				}
				slowest = Math.max(slowest, performance.now() - started);
			}
		} finally {
			for (const victim of victims) await victim.kill();
		}
		assert.ok(slowest < RECOVERY_MS);
	}, 60_000);

	test("close ends waits in the event loop, and the mutex is held again", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		const waits: Promise<boolean>[] = [];
		for (let i = 0; i < 3; i++) {
			await mutex.lockAsync();
			waits.push(condition.waitAsync(mutex));
		}
		assert.equal(await isPending(Promise.race(waits)), true);
		condition.close();
		for (const wait of waits) {
			await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
			assert.equal(mutex.held, true);
			mutex.unlock();
		}
		mutex.lock();
		for (const call of [() => condition.wait(mutex), () => condition.notify(), () => condition.notifyAll()])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
		await expectRejection("ERR_IPC_CLOSED", /is closed/, condition.waitAsync(mutex));
		assert.equal(mutex.held, true);
	});

	test("the mutex is closed meanwhile, or given up: the wait fails", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { condition } = both;
		const closing = Mutex.open(`${name}.mutex`, { prefix });
		closing.lock();
		const wait = condition.waitAsync(closing, { timeout: 5 });
		closing.close();
		await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
		expectError("ERR_IPC_CLOSED", /not held/, () => condition.wait(closing));
		using owner = Mutex.open(`${name}.mutex`, { prefix });
		both.mutex.lock();
		const another = condition.waitAsync(both.mutex);
		owner.lock();
		owner.markUnusable();
		condition.notify();
		await expectRejection("ERR_IPC_UNUSABLE", /given up/, another);
		assert.equal(both.mutex.held, false);
	});

	test("ERR_IPC_ORPHANED: cleared while others wait, who hold the mutex again", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		await using sync = await waiting("waits", name, mutex);
		await using async = await waiting("waits async", name, mutex);
		mutex.lock();
		const wait = condition.waitAsync(mutex);
		Condition.clear(name, { prefix });
		const ms = await took(async () => {
			const told = { code: "ERR_IPC_ORPHANED", held: true };
			await expectRejection("ERR_IPC_ORPHANED", /removed/, wait);
			assert.equal(mutex.held, true);
			mutex.unlock();
			assert.deepEqual(await sync.report<object>(), told);
			assert.deepEqual(await async.report<object>(), told);
		});
		assert.ok(ms < RECOVERY_MS);
		mutex.lock();
		expectError("ERR_IPC_ORPHANED", /removed/, () => condition.wait(mutex));
		assert.equal(mutex.held, true);
		mutex.unlock();
	}, 20_000);
});

describe("errors", () => {
	test("ERR_IPC_TOO_MANY_WAITS: four for each handle there may be; the mutex stays held", async () => {
		const name = names.next();
		using both = openBoth(name, 1);
		const { mutex, condition } = both;
		const waits: Promise<boolean>[] = [];
		for (let i = 0; i < 4; i++) {
			await mutex.lockAsync();
			waits.push(condition.waitAsync(mutex));
		}
		await mutex.lockAsync();
		const text = /four for each handle.*larger maxHandles/;
		await expectRejection("ERR_IPC_TOO_MANY_WAITS", text, condition.waitAsync(mutex));
		expectError("ERR_IPC_TOO_MANY_WAITS", text, () => condition.wait(mutex));
		assert.equal(mutex.held, true);
		assert.equal(condition.notifyAll(), 4);
		mutex.unlock();
		for (const wait of waits) {
			assert.equal(await wait, true);
			mutex.unlock();
		}
		mutex.lock();
		assert.equal(condition.wait(mutex, { timeout: 0 }), false);
	});

	test("ERR_IPC_NOT_OWNER: a mutex that is not held, or held by another handle", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		using other = Mutex.open(mutex.name, { prefix });
		const text = /not held by the handle it was given as/;
		for (const locked of [false, true]) {
			if (locked) other.lock();
			expectError("ERR_IPC_NOT_OWNER", text, () => condition.wait(mutex, { timeout: 0 }));
			await expectRejection("ERR_IPC_NOT_OWNER", text, condition.waitAsync(mutex));
		}
		assert.equal(condition.notifyAll(), 0);
	});

	test("what is no mutex, no timeout, no signal, no options", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		const invalid = "ERR_IPC_INVALID_ARGUMENT";
		const sync = (...args: unknown[]) => untyped(condition.wait.bind(condition), ...args);
		const async = (...args: unknown[]) => untyped(condition.waitAsync.bind(condition), ...args) as Promise<unknown>;
		for (const bad of [undefined, null, 5, {}, condition]) {
			expectError(invalid, /waits with a mutex, as Mutex\.open\(\) answers it, not with/, () => sync(bad));
			await expectRejection(invalid, /waits with a mutex/, async(bad));
		}
		mutex.lock();
		for (const [timeout, text] of badTimeouts) {
			expectError(invalid, text, () => sync(mutex, { timeout }));
			await expectRejection(invalid, text, async(mutex, { timeout }));
		}
		for (const bad of [5, "x", null]) {
			expectError(invalid, /options must be an object/, () => sync(mutex, bad));
			await expectRejection(invalid, /options must be an object/, async(mutex, bad));
		}
		for (const signal of [5, {}, null])
			await expectRejection(invalid, /signal must be an AbortSignal/, async(mutex, { signal }));
		const aborted = condition.waitAsync(mutex, { signal: AbortSignal.abort("before") });
		assert.equal(await rejection(aborted), "before");
		assert.equal(mutex.held, true);
		assert.equal(condition.notifyAll(), 0);
	});
});
