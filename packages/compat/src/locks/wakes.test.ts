/** Which waiter is woken, and that no other is. The threads are simulated, so everything happens in the order of the lines. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type EngineHandle, Status, slotWord, WaitBits } from "@libipc/protocol";
import { PretendProcess } from "../sab/testing/pretend.ts";
import type { Threads } from "../sab/threads.ts";
import { waitingSince } from "../segment/waits.ts";
import type { SegmentHandle } from "./handle.ts";
import {
	openCondition,
	openMemory,
	openMutex,
	openRwLock,
	openSemaphore,
	openSignal,
	PERMITS,
	wakerOf,
} from "./testing/pretend_handles.ts";

/** Longer than any test. Milliseconds. */
const LONG = 600_000;

let process: PretendProcess;
let opened: SegmentHandle[];

beforeEach(() => {
	process = new PretendProcess(400);
	opened = [];
});

afterEach(() => {
	for (const each of opened) each.close();
});

/** A handle that belongs to another thread. */
function by<Handle extends SegmentHandle>(open: (thread: Threads) => Handle): Handle {
	const handle = open(process.start());
	opened.push(handle);
	return handle;
}

const robustSemaphore = (thread: Threads) => openSemaphore(thread, true);
const semaphore = (thread: Threads) => openSemaphore(thread, false);

const threadOf = (handle: SegmentHandle): Threads => handle.segment.platform as Threads;

const arm = (handle: SegmentHandle, wait: number = WaitBits.lock): void => handle.arm(wait, wakerOf(threadOf(handle)));

/** Which of them wait on and were not signalled. */
const waiting = (...handles: EngineHandle[]): boolean[] => handles.map((handle) => handle.armed() !== 0);

/** Runs an action once, when the thread is about to sleep, and instead of the sleep. */
function whenAsleep(handle: SegmentHandle, action: () => void): void {
	threadOf(handle).wait = () => {
		threadOf(handle).wait = () => false;
		action();
		return false;
	};
}

/** Runs an action when the thread, which waits by now, reads the clock; afterwards its timeout is over. */
function whenTimeIsUp(handle: SegmentHandle, action: () => void): void {
	let isUp = false;
	threadOf(handle).now = () => {
		if (!isUp && waitingSince(handle.segment, handle.instance).length > 0) {
			isUp = true;
			action();
		}
		return isUp ? 2 * LONG : 0;
	};
}

describe("a mutex", () => {
	test("unlock wakes the oldest waiter, which gets the mutex or passes the wake on", () => {
		const [owner, first, second] = [by(openMutex), by(openMutex), by(openMutex)];
		owner.lock(0);
		arm(first);
		arm(second);
		owner.unlock();
		expect(waiting(first, second)).toEqual([false, true]);
		expect(first.lock(0)).toBe(0);
		expect(waiting(second)).toEqual([true]);
		first.unlock();
		expect(waiting(second)).toEqual([false]);
		second.disarm(WaitBits.lock);
		// The other way: it does not want it any more.
		owner.lock(0);
		arm(first);
		arm(second);
		owner.unlock();
		first.disarm(WaitBits.lock);
		expect(waiting(first, second)).toEqual([false, false]);
		expect(second.lock(0)).toBe(0);
		second.unlock();
	});

	test("locked by another before the woken waiter: that waiter waits again in its old position", () => {
		const [owner, first, second] = [by(openMutex), by(openMutex), by(openMutex)];
		owner.lock(0);
		arm(first);
		arm(second);
		owner.unlock();
		owner.lock(0);
		expect(first.lock(0)).toBe(Status.timedOut);
		arm(first);
		expect(waiting(first, second)).toEqual([true, true]);
		owner.unlock();
		expect(waiting(first, second)).toEqual([false, true]);
	});

	test("close by the owner, or by the woken waiter, wakes the next", () => {
		const [owner, first, second] = [by(openMutex), by(openMutex), by(openMutex)];
		owner.lock(0);
		arm(first);
		arm(second);
		owner.close();
		expect(waiting(first, second)).toEqual([false, true]);
		first.close();
		expect(waiting(second)).toEqual([false]);
	});

	test("a thread that waits is woken and gets the mutex", () => {
		const [owner, waiter, later] = [by(openMutex), by(openMutex), by(openMutex)];
		owner.lock(0);
		whenAsleep(waiter, () => {
			arm(later);
			owner.unlock();
			expect(waiting(later)).toEqual([true]);
		});
		expect(waiter.lock(LONG)).toBe(0);
		waiter.unlock();
		expect(waiting(later)).toEqual([false]);
	});

	test("unlock just as a waiter times out wakes the next waiter instead", () => {
		const [owner, waiter, later] = [by(openMutex), by(openMutex), by(openMutex)];
		owner.lock(0);
		whenTimeIsUp(waiter, () => {
			arm(later);
			owner.unlock();
			expect(waiting(later)).toEqual([true]);
		});
		expect(waiter.lock(LONG)).toBe(Status.timedOut);
		expect(waiting(later)).toEqual([false]);
		expect(later.lock(0)).toBe(0);
	});
});

describe("a reader-writer lock", () => {
	test("unlock by a writer lets all readers in, each of which wakes the next", () => {
		const [writer, first, second] = [by(openRwLock), by(openRwLock), by(openRwLock)];
		writer.lock(0, false);
		arm(first, WaitBits.shared);
		arm(second, WaitBits.shared);
		writer.unlock();
		expect(waiting(first, second)).toEqual([false, true]);
		expect(first.lockShared(0)).toBe(0);
		expect(waiting(second)).toEqual([false]);
		expect(second.lockShared(0)).toBe(0);
	});

	test("the last reader wakes the next writer, and no waiter of the queued lock", () => {
		const [reader, other, writer, later] = [by(openRwLock), by(openRwLock), by(openRwLock), by(openRwLock)];
		reader.lockShared(0);
		other.lockShared(0);
		expect(writer.lock(0, true)).toBe(Status.timedOut);
		arm(writer);
		expect(later.lockShared(0)).toBe(Status.timedOut);
		arm(later, WaitBits.shared);
		reader.unlockShared();
		// Too early: one is still inside. It waits again.
		expect(waiting(writer, later)).toEqual([false, true]);
		expect(writer.lock(0, true)).toBe(Status.timedOut);
		arm(writer);
		other.unlockShared();
		expect(waiting(writer, later)).toEqual([false, true]);
		expect(writer.lock(0, true)).toBe(0);
		writer.unlock();
		expect(waiting(later)).toEqual([false]);
	});

	test("when the next writer ends its wait, the readers that it kept out get in", () => {
		const [reader, writer, later] = [by(openRwLock), by(openRwLock), by(openRwLock)];
		reader.lockShared(0);
		expect(writer.lock(0, true)).toBe(Status.timedOut);
		arm(writer);
		arm(later, WaitBits.shared);
		writer.disarm(WaitBits.lock);
		expect(waiting(later)).toEqual([false]);
		expect(later.lockShared(0)).toBe(0);
	});

	test("the next writer wakes by itself as the last reader leaves", () => {
		const [reader, writer] = [by(openRwLock), by(openRwLock)];
		reader.lockShared(0);
		whenAsleep(writer, () => reader.unlockShared());
		expect(writer.lock(LONG, false)).toBe(0);
	});

	test("a writer gets in although readers died and another thread holds the lock of names", () => {
		const [writer, other] = [by(openRwLock), by(openRwLock)];
		const dead = process.start();
		openRwLock(dead).lockShared(0);
		process.kill(dead);
		expect(threadOf(other).lockNames(0)).toBe(true);
		expect(writer.lock(1000, false)).toBe(0);
		threadOf(other).unlockNames();
	});
});

describe.each([robustSemaphore, semaphore])("a semaphore", (openOne) => {
	test("release wakes as many waiters as it releases permits, the oldest first", () => {
		const owner = by(openOne);
		const waiters = [by(openOne), by(openOne), by(openOne)] as const;
		for (let i = 0; i < PERMITS; i++) expect(owner.acquire(0)).toBe(0);
		for (const each of waiters) arm(each);
		owner.release(1);
		expect(waiting(...waiters)).toEqual([false, true, true]);
		owner.release(2);
		expect(waiting(...waiters)).toEqual([false, false, false]);
		for (const each of waiters) expect(each.acquire(0)).toBe(0);
		expect(owner.permits()).toBe(0);
	});

	test("a woken waiter passes on what it does not take, and what it leaves", () => {
		const owner = by(openOne);
		const [first, second, third] = [by(openOne), by(openOne), by(openOne)];
		for (let i = 0; i < PERMITS; i++) owner.acquire(0);
		for (const each of [first, second, third]) arm(each);
		owner.release(1);
		first.disarm(WaitBits.lock);
		expect(waiting(second, third)).toEqual([false, true]);
		second.close();
		expect(waiting(third)).toEqual([false]);
		expect(third.acquire(0)).toBe(0);
	});

	test("a thread that waits is woken and gets a permit; if it times out, another is woken", () => {
		const [owner, waiter, later] = [by(openOne), by(openOne), by(openOne)];
		for (let i = 0; i < PERMITS; i++) owner.acquire(0);
		whenAsleep(waiter, () => owner.release(1));
		expect(waiter.acquire(LONG)).toBe(0);
		whenTimeIsUp(waiter, () => {
			arm(later);
			owner.release(1);
		});
		expect(waiter.acquire(LONG)).toBe(Status.timedOut);
		expect(waiting(later)).toEqual([false]);
	});
});

describe("a condition", () => {
	test("notify wakes the oldest waiter, notifyAll all; a notified waiter that leaves passes its notification on", () => {
		const conditions = [by(openCondition), by(openCondition), by(openCondition)] as const;
		const [first, second, third] = conditions;
		const waits = conditions.map((each, i) => each.enter(i === 1 ? undefined : wakerOf(threadOf(each)))) as [
			number,
			number,
			number,
		];
		const ended = () => conditions.map((each, i) => each.sleep(waits[i] as number, 0));
		expect(third.notify()).toBe(1);
		expect(first.leave(waits[0])).toBe(true);
		expect(third.notify()).toBe(1);
		second.close();
		expect(third.sleep(waits[2], 0)).toBe(0);
		expect(third.notify()).toBe(0);
		expect(ended()).toEqual([Status.invalidArgument, Status.closed, Status.invalidArgument]);
		const again = [first.enter(undefined), third.enter(undefined)];
		expect(first.notifyAll()).toBe(2);
		expect([first.sleep(again[0] as number, LONG), third.sleep(again[1] as number, LONG)]).toEqual([0, 0]);
	});

	test("a full table of waits reuses the entries of dead threads", () => {
		const survivor = by(openCondition);
		const dead = process.start();
		const victim = openCondition(dead);
		while (victim.enter(undefined) >= 0);
		expect(survivor.enter(undefined)).toBe(Status.tooManyWaits);
		process.kill(dead);
		const index = survivor.enter(undefined);
		expect(index).toBeGreaterThanOrEqual(0);
		expect(survivor.notify()).toBe(1);
		expect(survivor.sleep(index, 0)).toBe(0);
	});
});

describe("shared memory", () => {
	test("wake wakes the waiters of that word only", () => {
		const [first, second, third] = [by(openMemory), by(openMemory), by(openMemory)];
		const [here, there, elsewhere] = [
			first.enter(8, 0, undefined),
			second.enter(8, 0, undefined),
			third.enter(12, 0, undefined),
		];
		expect(first.wake(8, 1)).toBe(1);
		expect(first.sleep(here, 0)).toBe(0);
		expect(second.sleep(there, 0)).toBe(Status.timedOut);
		expect(first.wake(8, 10)).toBe(1);
		expect(second.sleep(there, 0)).toBe(0);
		expect(third.sleep(elsewhere, 0)).toBe(Status.timedOut);
		expect(second.wake(12, 10)).toBe(1);
		expect(third.sleep(elsewhere, LONG)).toBe(0);
	});

	test("a wake that a waiter does not need any more goes to the next waiter", () => {
		const [owner, waiter, other] = [by(openMemory), by(openMemory), by(openMemory)];
		const words = new Int32Array(owner.map().buffer, owner.map().byteOffset);
		const before = owner.enter(16, 0, undefined);
		owner.wake(16, 1);
		owner.sleep(before, 0);
		const load = Atomics.load;
		let index = -1;
		let isSeen = false;
		// Before the word is looked at, which is the only one of this value.
		words[4] = 77;
		Object.assign(Atomics, {
			load(array: Int32Array, at: number): number {
				const value = load(array, at);
				if (value === 77 && !isSeen) {
					isSeen = true;
					index = other.enter(16, 77, undefined);
					owner.wake(16, 1);
				}
				return value;
			},
		});
		try {
			expect(waiter.enter(16, 78, undefined)).toBe(Status.notEqual);
		} finally {
			Object.assign(Atomics, { load });
		}
		expect(other.sleep(index, 0)).toBe(0);
	});
});

describe("a Signal", () => {
	test("a thread that waits is woken, and event loops that wait are signalled once", () => {
		const [notifier, waiter, loop, idle] = [by(openSignal), by(openSignal), by(openSignal), by(openSignal)];
		arm(loop);
		expect(waiting(loop, idle)).toEqual([true, false]);
		whenAsleep(waiter, () => expect(notifier.notify(0, 1)).toBe(3));
		expect(waiter.wait(LONG)).toBe(32);
		expect(waiting(loop)).toEqual([false]);
		expect([loop.wait(0), loop.wait(0), idle.wait(0)]).toEqual([32, Status.timedOut, 32]);
		arm(loop);
		loop.disarm(WaitBits.lock);
		expect(waiting(loop)).toEqual([false]);
		expect(notifier.notify(1, 0)).toBe(3);
		expect(loop.wait(0)).toBe(0);
	});

	test("a thread that looks again every 0.4 s finds an id without a wake-up", () => {
		const [notifier, waiter] = [by(openSignal), by(openSignal)];
		whenAsleep(waiter, () => {
			// Killed before the wake: the bit is all that it has left.
			const { words } = waiter.segment;
			Atomics.or(words, waiter.at + slotWord.pending, 4);
		});
		expect(waiter.wait(LONG)).toBe(2);
		expect(notifier.wait(0)).toBe(Status.timedOut);
	});
});
