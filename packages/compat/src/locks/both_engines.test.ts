/** Locks, conditions, semaphores and words in one piece of memory, with handles of C and of TypeScript. */
import { afterAll, describe, expect, test } from "bun:test";
import * as library from "@libipc/core";
import { Names } from "@libipc/testing/names";
import { TestProgram } from "@libipc/testing/test_program";
import { nativeEngine } from "../../../core/src/bun/engine.ts";
import { mappedEngine } from "../testing/mapped_engine.ts";
import { NOTIFIED, TAKEN, Word, World } from "./testing/world.ts";

const names = new Names("bothlocks", library);
const CHILD = new URL("testing/mapped.child.ts", import.meta.url);

afterAll(() => names.expectNothingLeft());

const engines = { C: nativeEngine, TypeScript: mappedEngine } as const;
type Which = keyof typeof engines;
const both: readonly Which[] = ["C", "TypeScript"];
const pairs: readonly (readonly [Which, Which])[] = [
	["C", "TypeScript"],
	["TypeScript", "C"],
	["TypeScript", "TypeScript"],
];

/** Longer than survivors need to notice a death. */
const PATIENCE = { timeout: 10_000 };

let worlds = 0;
const newPrefix = (): string => `${names.prefix}.${worlds++}.`;

const start = (which: Which, program: string, prefix: string, argument = 0): TestProgram =>
	new TestProgram(CHILD, [which === "C" ? "native" : "mapped", program, prefix, argument], { transport: "processes" });

async function ends(...children: TestProgram[]): Promise<void> {
	for (const child of children) expect(await child.exited).toBe(0);
}

async function until(world: World, word: number, least: number): Promise<void> {
	while (Atomics.load(world.words, word) < least) await Bun.sleep(1);
}

describe.each(both)("processes of both engines, beside this one with %s", (which) => {
	test("a mutex: 4 processes count to 80,000", async () => {
		const prefix = newPrefix();
		using world = new World(prefix, engines[which]);
		using _mutex = world.mutex();
		await ends(...["C", "TypeScript", "C", "TypeScript"].map((each) => start(each as Which, "counts", prefix, 20_000)));
		expect(world.words[Word.left]).toBe(80_000);
	}, 300_000);

	test("conditions: 20,000 items go through a ring of 8, once and in order", async () => {
		const prefix = newPrefix();
		using world = new World(prefix, engines[which]);
		using _mutex = world.mutex();
		using _filled = world.condition("filled");
		using _emptied = world.condition("emptied");
		await ends(
			...both.map((each, i) => start(each, "produces", prefix, i)),
			...both.map((each) => start(each, "consumes", prefix, 10_000)),
		);
		expect(world.words.subarray(TAKEN, TAKEN + 20_000).every((times) => times === 1)).toBe(true);
		expect(world.words[Word.wrong]).toBe(0);
	}, 300_000);

	test.each([true, false])(
		"a semaphore, robust: %p: never more than 3 of 5 processes hold a permit",
		async (robust) => {
			const prefix = newPrefix();
			using world = new World(prefix, engines[which]);
			using semaphore = world.semaphore({ initial: 3, robust });
			const crew = ["C", "TypeScript", "TypeScript", "C", "TypeScript"] as const;
			await ends(...crew.map((each) => start(each, "permits", prefix, 4000)));
			expect(world.words[Word.done]).toBe(20_000);
			expect(world.words[Word.most]).toBeLessThanOrEqual(3);
			expect(semaphore.permits).toBe(3);
		},
		300_000,
	);

	test("a reader-writer lock: writers finish among readers, which see no half change", async () => {
		const prefix = newPrefix();
		using world = new World(prefix, engines[which]);
		using _lock = world.rwlock();
		const readers = both.map((each) => start(each, "reads", prefix));
		await ends(...both.map((each) => start(each, "writes", prefix, 5000)));
		Atomics.store(world.words, Word.stop, 1);
		await ends(...readers);
		expect([Word.left, Word.right, Word.wrong].map((word) => world.words[word])).toEqual([10_000, 10_000, 0]);
	}, 300_000);

	test("a Signal: 2 processes and this one listen, and each sees the last of 10,000 values of 2 notifiers", async () => {
		const prefix = newPrefix();
		using world = new World(prefix, engines[which]);
		using signal = world.signal();
		const listeners = both.map((each) => start(each, "listens", prefix));
		await until(world, Word.listening, 2);
		const notifiers = both.map((each, i) => start(each, "rings", prefix, i));
		const seen = new Map<number, number>();
		for await (const id of signal) {
			seen.set(id, Atomics.load(world.words, NOTIFIED + id / 40));
			if ([0, 40].every((each) => seen.get(each) === 10_000)) break;
		}
		await ends(...notifiers, ...listeners);
		expect([Word.done, Word.wrong].map((word) => world.words[word])).toEqual([2, 0]);
		expect(signal.notify(1)).toBe(0);
	}, 300_000);

	test("a latest value: 2 processes set and 2 get whole values; 4 processes count, and no count is lost", async () => {
		const prefix = newPrefix();
		using world = new World(prefix, engines[which]);
		using latest = world.latest();
		latest.set(new Uint8Array(8));
		const writers = both.map((each, i) => start(each, "sets", prefix, i * 1000));
		await ends(...both.map((each) => start(each, "gets", prefix, 8000)));
		Atomics.store(world.words, Word.stop, 1);
		await ends(...writers);
		expect(world.words[Word.wrong]).toBe(0);
		latest.set(new Uint8Array(4));
		await ends(...["C", "TypeScript", "C", "TypeScript"].map((each) => start(each as Which, "updates", prefix, 3000)));
		expect(new Uint32Array(latest.get()?.buffer ?? new ArrayBuffer(4))[0]).toBe(12_000);
	}, 300_000);

	test("shared memory: 4 processes count to 80,000 under a lock made of a word", async () => {
		const prefix = newPrefix();
		using world = new World(prefix, engines[which]);
		await ends(...["C", "TypeScript", "C", "TypeScript"].map((each) => start(each as Which, "words", prefix, 20_000)));
		expect([world.words[Word.left], world.words[Word.bell]]).toEqual([80_000, 0]);
	}, 300_000);
});

describe.each(pairs)("a handle of %s and then one of %s, in one thread", (first, second) => {
	test("a mutex excludes, wakes a waiting event loop, and reports an owner that was closed", async () => {
		const prefix = newPrefix();
		using here = new World(prefix, engines[first]);
		using there = new World(prefix, engines[second]);
		const mutex = here.mutex();
		using other = there.mutex();
		mutex.lock();
		expect(other.tryLock()).toBe(false);
		expect(() => other.lock()).toThrow(expect.objectContaining({ code: "ERR_IPC_DEADLOCK" }));
		const waits = other.lockAsync();
		await Bun.sleep(1);
		mutex.unlock();
		expect(await waits).toBe(true);
		expect([mutex.held, other.held, mutex.tryLock()]).toEqual([false, true, false]);
		other.unlock();
		mutex.lock();
		const acquired = other.acquireAsync();
		await Bun.sleep(1);
		mutex.close();
		const guard = await acquired;
		expect(guard.ownerDied).toBe(true);
		other.markUnusable();
		using late = here.mutex();
		expect(() => late.tryLock()).toThrow(expect.objectContaining({ code: "ERR_IPC_UNUSABLE" }));
	});

	test("a latest value: content, versions, a waiting event loop, the lock of an update, pins of a reader", async () => {
		const prefix = newPrefix();
		using here = new World(prefix, engines[first]);
		using there = new World(prefix, engines[second]);
		using latest = here.latest();
		using other = there.latest();
		expect([latest.get(), other.get(), latest.version]).toEqual([null, null, 0]);
		for (const length of [0, 1, 39, 40, 41, 320, 2000]) {
			const value = new Uint8Array(length).fill(length);
			latest.set(value);
			expect(other.get()).toEqual(value);
			other.set(value.fill(length + 1));
			expect(latest.get()).toEqual(value);
			expect([other.version, latest.seen]).toEqual([latest.version, latest.version]);
		}
		const waits = latest.waitAsync();
		await Bun.sleep(1);
		other.set("woken");
		expect((await waits)?.byteLength).toBe(5);
		latest.update(() => {
			expect(other.set("x", { timeout: 0 })).toBe(false);
			expect(other.get()?.byteLength).toBe(5);
			return "updated";
		});
		expect(other.get()?.byteLength).toBe(7);
		expect(other.wait({ timeout: 5 })).toBe(null);
	});

	test("a Signal: ids, their order, what only notifies, a waiting event loop, a closed handle", async () => {
		const prefix = newPrefix();
		using here = new World(prefix, engines[first]);
		using there = new World(prefix, engines[second]);
		using signal = here.signal();
		const other = there.signal();
		using notifier = there.signal(false);
		expect(notifier.notify(63, 0, 31, 32)).toBe(2);
		for (const each of [signal, other])
			expect([0, 0, 0, 0, 0].map(() => each.tryWait())).toEqual([0, 31, 32, 63, null]);
		expect(signal.notify(5)).toBe(1);
		expect([other.wait(), signal.tryWait()]).toEqual([5, null]);
		const waits = signal.waitAsync();
		await Bun.sleep(1);
		expect(other.notify(40)).toBe(1);
		expect(await waits).toBe(40);
		expect(signal.wait({ timeout: 5 })).toBe(null);
		other.close();
		expect(notifier.notify(1)).toBe(1);
		using late = here.signal();
		expect([late.tryWait(), signal.wait()]).toEqual([null, 1]);
	});

	test("a reader-writer lock: readers together, a writer alone and in the order of the calls", async () => {
		const prefix = newPrefix();
		using here = new World(prefix, engines[first]);
		using there = new World(prefix, engines[second]);
		using lock = here.rwlock();
		using other = there.rwlock();
		expect([lock.lockShared(), other.tryLockShared()]).toEqual([true, true]);
		other.unlockShared();
		expect(other.tryLock()).toBe(false);
		const writes = other.lockAsync();
		await Bun.sleep(1);
		// A writer that waits keeps new readers out.
		using third = here.rwlock();
		expect(third.tryLockShared()).toBe(false);
		lock.unlockShared();
		expect(await writes).toBe(true);
		const reads = lock.lockSharedAsync();
		await Bun.sleep(1);
		other.unlock();
		expect([await reads, lock.held]).toEqual([true, "shared"]);
		lock.unlockShared();
	});

	test("permits go to waiters; the permits of a closed handle come back", async () => {
		const prefix = newPrefix();
		using here = new World(prefix, engines[first]);
		using there = new World(prefix, engines[second]);
		const semaphore = here.semaphore({ initial: 2, robust: true });
		using other = there.semaphore();
		semaphore.acquire();
		semaphore.acquire();
		expect(other.tryAcquire()).toBe(null);
		const waits = [other.acquireAsync(), other.acquireAsync()];
		await Bun.sleep(1);
		semaphore.release();
		await waits[0];
		semaphore.close();
		await waits[1];
		expect(other.permits).toBe(0);
		other.release(2);
		expect(other.permits).toBe(2);
	});

	test("notifications end the oldest waits first; so do wakes, also on words in memory that has grown", async () => {
		const prefix = newPrefix();
		using here = new World(prefix, engines[first]);
		using there = new World(prefix, engines[second]);
		using mutex = here.mutex();
		using others = there.mutex();
		using filled = here.condition("filled");
		using other = there.condition("filled");
		const order: number[] = [];
		const wait = async (number: number): Promise<void> => {
			const [condition, its] = number % 2 === 0 ? ([filled, mutex] as const) : ([other, others] as const);
			await its.lockAsync();
			await condition.waitAsync(its);
			order.push(number);
			its.unlock();
		};
		const waits = [];
		for (let number = 0; number < 4; number++) {
			waits.push(wait(number));
			await Bun.sleep(1);
		}
		expect([filled.notify(), other.notify()]).toEqual([1, 1]);
		await Promise.all(waits.slice(0, 2));
		expect(order.toSorted()).toEqual([0, 1]);
		expect(other.notifyAll()).toBe(2);
		await Promise.all(waits);

		expect(here.field.grow(here.field.byteLength + 100_000)).toBe(there.field.byteLength);
		const far = there.field.byteLength - 4;
		const ends = [there.field.waitOnAsync(far, 0), here.field.waitOnAsync(far, 0)];
		here.field.words[far / 4] = 7;
		expect(there.field.words[far / 4]).toBe(7);
		expect([here.field.wake(far, 1), there.field.wake(far)]).toEqual([1, 1]);
		expect(await Promise.all(ends)).toEqual(["ok", "ok"]);
		expect(there.field.waitOn(far, 0)).toBe("not-equal");
	});
});

describe.each(pairs)("a process with %s is killed, one with %s continues", (dying, surviving) => {
	test.each([
		["holds the mutex", (world: World) => world.mutex()],
		["holds the lock", (world: World) => world.rwlock()],
	] as const)(
		"a process that %s",
		async (program, openLock) => {
			const prefix = newPrefix();
			using world = new World(prefix, engines[surviving]);
			using lock = openLock(world);
			for (let kill = 1; kill <= 3; kill++) {
				await using child = start(dying, program, prefix);
				await until(world, Word.held, kill);
				expect(lock.tryLock()).toBe(false);
				await child.kill();
				expect(lock.lock(PATIENCE)).toBe(true);
				expect(lock.ownerDied).toBe(true);
				lock.unlock();
				expect([lock.tryLock(), lock.ownerDied]).toEqual([true, false]);
				lock.unlock();
			}
		},
		300_000,
	);

	test("a reader, and a holder of permits", async () => {
		const prefix = newPrefix();
		using world = new World(prefix, engines[surviving]);
		using lock = world.rwlock();
		using semaphore = world.semaphore({ initial: 3, robust: true });
		await using reader = start(dying, "reads inside", prefix);
		await using holder = start(dying, "holds permits", prefix);
		await until(world, Word.held, 2);
		expect([lock.tryLockShared(), semaphore.permits]).toEqual([true, 1]);
		lock.unlockShared();
		expect(lock.tryLock()).toBe(false);
		await reader.kill();
		await holder.kill();
		expect(lock.lock(PATIENCE)).toBe(true);
		expect(lock.ownerDied).toBe(false);
		lock.unlock();
		for (let taken = 0; taken < 3; taken++) expect(semaphore.acquire(PATIENCE)).not.toBe(null);
		expect([semaphore.permits, semaphore.recovered]).toEqual([0, 2]);
		semaphore.release(3);
	}, 300_000);
});
