import { afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Condition, Mutex } from "./index.ts";
import { Child } from "./testing/child.ts";
import {
	expectError,
	expectRejection,
	expectTook,
	HandleNames,
	HandleWorker,
	longTimeouts,
	RECOVERY_MS,
	took,
} from "./testing/handles.ts";
import { Probe, Word } from "./testing/probe.ts";
import { isPending } from "./testing/text.ts";

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
	new Child("condition.child.ts", [program, prefix, name, argument]);

afterEach(() => names.expectNothingLeft());

/** A child that waits: it had the mutex when it said so, and whoever gets it now knows that it is asleep. */
async function waiting(program: string, name: string, mutex: Mutex): Promise<Child> {
	const process = child(program, name);
	expect(await process.report<string>()).toBe("waiting");
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
		for (const each of children) expect(await each.line()).toBe("ready");
		probe.go();
		const got = await Promise.all(consumers.map((each) => each.report<number[]>()));
		for (const each of children) expect(await each.exited).toBe(0);
		for (const one of got)
			for (const producer of [1, 2, 3, 4]) {
				const its = one.filter((number) => Math.floor(number / 10_000) === producer);
				expect(its).toEqual(its.toSorted((a, b) => a - b));
			}
		const wanted = [1, 2, 3, 4].flatMap((producer) => Array.from({ length: 5000 }, (_, i) => producer * 10_000 + i));
		expect(got.flat().sort((a, b) => a - b)).toEqual(wanted);
	}, 60_000);

	test("notify ends the oldest wait, in processes and in the event loop; notifyAll the others", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		expect(condition.notify()).toBe(0);
		expect(condition.notifyAll()).toBe(0);
		await using first = await waiting("waits", name, mutex);
		const order: string[] = [];
		const wait = async (who: string) => {
			using _guard = await mutex.acquireAsync();
			expect(await condition.waitAsync(mutex)).toBe(true);
			expect(mutex.held).toBe(true);
			order.push(who);
		};
		const second = wait("second");
		expect(await isPending(second)).toBe(true);
		const third = wait("third");
		expect(await isPending(third)).toBe(true);
		await using fourth = await waiting("waits async", name, mutex);
		await using fifth = await waiting("waits", name, mutex);
		expect(condition.notify()).toBe(1);
		expect(await first.report<object>()).toEqual({ notified: true, held: true });
		await first.exited;
		expect(await isPending(second)).toBe(true);
		expect(condition.notify()).toBe(1);
		await second;
		expect(order).toEqual(["second"]);
		expect(condition.notifyAll()).toBe(3);
		await third;
		for (const each of [fourth, fifth]) {
			expect(await each.report<object>()).toEqual({ notified: true, held: true });
			expect(await each.exited).toBe(0);
		}
		expect(condition.notifyAll()).toBe(0);
		expect(mutex.tryLock()).toBe(true);
		mutex.unlock();
	}, 20_000);

	test("timeouts of blocking calls and of the event loop; the mutex is held again", async () => {
		using both = openBoth(names.next());
		const { mutex, condition } = both;
		using other = Mutex.open(mutex.name, { prefix });
		mutex.lock();
		for (const timeout of [0, 0.4, 30, 60.5]) {
			expectTook(await took(() => expect(condition.wait(mutex, { timeout })).toBe(false)), timeout);
			expect([mutex.held, other.tryLock()]).toEqual([true, false]);
			expectTook(await took(async () => expect(await condition.waitAsync(mutex, { timeout })).toBe(false)), timeout);
			expect([mutex.held, other.tryLock()]).toEqual([true, false]);
		}
		for (const timeout of longTimeouts) {
			const wait = condition.waitAsync(mutex, { timeout });
			expect(await isPending(wait)).toBe(true);
			expect(condition.notify()).toBe(1);
			expect(await wait).toBe(true);
		}
		await using process = child("waits async", both.condition.name);
		mutex.unlock();
		expect(await process.report<string>()).toBe("waiting");
		// Held by somebody else when the time is up: it waits for that.
		mutex.lock();
		const wait = condition.waitAsync(mutex, { timeout: 5 });
		await other.lockAsync();
		await Bun.sleep(10);
		expect(await isPending(wait)).toBe(true);
		other.unlock();
		expect(await wait).toBe(false);
		expect(condition.notifyAll()).toBe(1);
		mutex.unlock();
		expect(await process.report<object>()).toEqual({ notified: true, held: true });
		expect(await process.exited).toBe(0);
	}, 20_000);
});

describe("ends", () => {
	test("100 waiters killed at random moments: notifications reach the others within a second", async () => {
		const name = names.next();
		using probe = new Probe(prefix, name);
		using mutex = Mutex.open(`${name}.mutex`, { prefix });
		using filled = Condition.open(`${name}.filled`, { prefix });
		using emptied = Condition.open(`${name}.emptied`, { prefix });
		await using survivor = child("takes", name);
		expect(await survivor.report<string>()).toBe("ready");
		const victims = Array.from({ length: 3 }, () => child("takes", name));
		let slowest = 0;
		try {
			for (let kill = 0; kill < 100; kill++) {
				const victim = victims.shift() as Child;
				expect(await victim.report<string>()).toBe("ready");
				mutex.lock();
				probe.words[Word.count] = (probe.words[Word.count] as number) + 1 + (kill % 5);
				filled.notify();
				filled.notify();
				mutex.unlock();
				await victim.kill();
				if (kill < 97) victims.push(child("takes", name));
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
						expect(inTime).toBe(true);
					}
				}
				slowest = Math.max(slowest, performance.now() - started);
			}
		} finally {
			for (const victim of victims) await victim.kill();
		}
		expect(slowest).toBeLessThan(RECOVERY_MS);
	}, 60_000);

	test("a killed, or terminated, waiter's notification is not waited for in vain", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		await using stopped = await waiting("waits", name, mutex);
		await using worker = new HandleWorker("condition: waits", prefix, name);
		await using next = await waiting("waits", name, mutex);
		stopped.signal("SIGSTOP");
		mutex.lock();
		const wait = condition.waitAsync(mutex, { timeout: 20_000 });
		expect(condition.notify()).toBe(1);
		await stopped.kill();
		expect(await took(async () => expect(await wait).toBe(true))).toBeLessThan(RECOVERY_MS);
		mutex.unlock();
		expect(await took(async () => expect(await next.report<object>()).toMatchObject({ held: true }))).toBeLessThan(
			RECOVERY_MS,
		);
		expect(await next.exited).toBe(0);
		expect(await worker.next()).toBe("ready");
	}, 20_000);

	test("a killed waiter's notification is not waited for in vain by who waits alone in its event loop", async () => {
		const name = names.next();
		using both = openBoth(name);
		const { mutex, condition } = both;
		await using stopped = await waiting("waits", name, mutex);
		stopped.signal("SIGSTOP");
		mutex.lock();
		const wait = condition.waitAsync(mutex, { timeout: 20_000 });
		expect(condition.notify()).toBe(1);
		await stopped.kill();
		expect(await took(async () => expect(await wait).toBe(true))).toBeLessThan(RECOVERY_MS);
	}, 20_000);

	test.each(["clear", "deleted"])(
		"ERR_IPC_ORPHANED: %s while others wait, who hold the mutex again",
		async (how) => {
			const name = names.next();
			using both = openBoth(name);
			const { mutex, condition } = both;
			await using sync = await waiting("waits", name, mutex);
			await using async = await waiting("waits async", name, mutex);
			mutex.lock();
			const wait = condition.waitAsync(mutex);
			if (how === "clear") Condition.clear(name, { prefix });
			else rmSync(names.path("condition", name));
			const ms = await took(async () => {
				const told = { code: "ERR_IPC_ORPHANED", held: true };
				await expectRejection("ERR_IPC_ORPHANED", /removed/, wait);
				expect(mutex.held).toBe(true);
				mutex.unlock();
				expect(await sync.report<object>()).toEqual(told);
				expect(await async.report<object>()).toEqual(told);
			});
			expect(ms).toBeLessThan(RECOVERY_MS);
			mutex.lock();
			expectError("ERR_IPC_ORPHANED", /removed/, () => condition.wait(mutex));
			expect(mutex.held).toBe(true);
			mutex.unlock();
		},
		20_000,
	);
});
