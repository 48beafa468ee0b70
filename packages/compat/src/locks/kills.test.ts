import { describe, expect, test } from "bun:test";
import {
	BUFFER_BITS,
	bufferStride,
	type EngineHandle,
	headerLong,
	headerWord,
	OWNER_DIED,
	Pin,
	Status,
	slotWord,
	WAIT_WORDS,
	WaitBits,
	waitWord,
} from "@libipc/protocol";
import { killedAt } from "../sab/testing/kill.ts";
import { PretendProcess } from "../sab/testing/pretend.ts";
import type { Threads } from "../sab/threads.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentCondition } from "./condition.ts";
import type { SegmentHandle } from "./handle.ts";
import type { SegmentLatest } from "./latest.ts";
import type { SegmentMemory } from "./memory.ts";
import type { SegmentMutex } from "./mutex.ts";
import type { SegmentRwLock } from "./rwlock.ts";
import type { SegmentSemaphore } from "./semaphore.ts";
import type { SegmentSignal } from "./signal.ts";
import {
	openCondition,
	openLatest,
	openMemory,
	openMutex,
	openRwLock,
	openSemaphore,
	openSignal,
	PERMITS,
	wakerOf,
} from "./testing/pretend_handles.ts";

/** Longer than a survivor that checks at once for dead threads needs. Milliseconds. */
const PATIENCE = 1000;

/** How many entries of the table of waits are in use. */
function waitsOf({ words, waits, maxWaits }: Segment): number {
	let count = 0;
	for (let index = 0; index < maxWaits; index++)
		if (words[waits + index * WAIT_WORDS + waitWord.instance] !== 0) count++;
	return count;
}

interface KillCase<Handle> {
	/** What the victim does before it is watched. */
	readonly prepare?: (victim: Handle, thread: Threads) => void;
	/** What others do before the victim acts. Their handles are closed at the end. */
	readonly others?: (process: PretendProcess) => readonly EngineHandle[];
	readonly act: (victim: Handle, thread: Threads) => void;
	/** What a survivor finds afterwards. `at`: the store before which the victim was killed. */
	readonly check: (survivor: Handle, at: number) => void;
}

/** Runs a case once for each store of the act, with the victim killed before that store, and once with it killed after all of them. */
function killBeforeEachStore<Handle extends SegmentHandle>(
	openOne: (thread: Threads) => Handle,
	{ prepare, others, act, check }: KillCase<Handle>,
): number {
	for (let at = 0; ; at++) {
		const process = new PretendProcess(200);
		const survivor = openOne(process.start());
		const thread = process.start();
		const victim = openOne(thread);
		const opened = others?.(process) ?? [];
		prepare?.(victim, thread);
		const wasKilled = killedAt(at, () => act(victim, thread));
		process.kill(thread);
		check(survivor, at);
		for (const each of opened) each.close();
		survivor.poll();
		// Nothing is left of the killed thread: neither its slot nor its waits.
		expect(survivor.count()).toBe(1);
		expect(waitsOf(survivor.segment)).toBe(0);
		survivor.close();
		if (!wasKilled) return at;
	}
}

/** The killed thread may have locked or not. The next owner sees that once, if at all. */
function getsMutex(mutex: SegmentMutex, ownerDied?: boolean): void {
	const status = mutex.lock(PATIENCE);
	if (ownerDied === undefined) expect([0, OWNER_DIED]).toContain(status);
	else expect(status).toBe(ownerDied ? OWNER_DIED : 0);
	expect(mutex.unlock()).toBe(0);
	expect(mutex.lock(PATIENCE)).toBe(0);
	expect(mutex.unlock()).toBe(0);
}

describe("killed before each store: a mutex", () => {
	test("locking", () => {
		const stores = killBeforeEachStore(openMutex, {
			act: (victim) => expect(victim.lock(0)).toBe(0),
			check: (survivor, at) => getsMutex(survivor, at > 0),
		});
		expect(stores).toBe(1);
	});

	test("unlocking, while others wait", () => {
		for (const isArmed of [false, true]) {
			const signalled: EngineHandle[] = [];
			killBeforeEachStore(openMutex, {
				others(process) {
					const thread = process.start();
					const other = openMutex(thread);
					signalled.splice(0, 1, other);
					return [other];
				},
				prepare(victim) {
					victim.lock(0);
					const other = signalled[0] as SegmentMutex;
					if (isArmed) other.arm(WaitBits.lock, wakerOf(other.segment.platform as Threads));
				},
				act: (victim) => expect(victim.unlock()).toBe(0),
				check(survivor, at) {
					getsMutex(survivor, at === 0);
					getsMutex(signalled[0] as SegmentMutex, false);
				},
			});
		}
	});

	test("waiting, notified or not, and closing", () => {
		for (const holds of [false, true])
			killBeforeEachStore(openMutex, {
				prepare(victim) {
					if (holds) victim.lock(0);
				},
				act(victim, thread) {
					victim.arm(WaitBits.lock, wakerOf(thread));
					victim.close();
				},
				check: (survivor) => getsMutex(survivor, holds),
			});
	});

	test("waiting with a timeout, while another holds it", () => {
		let owner: SegmentMutex;
		const stores = killBeforeEachStore(openMutex, {
			others(process) {
				owner = openMutex(process.start());
				owner.lock(0);
				return [owner];
			},
			act: (victim) => expect(victim.lock(2)).toBe(Status.timedOut),
			check(survivor) {
				expect(survivor.lock(0)).toBe(Status.timedOut);
				expect(owner.unlock()).toBe(0);
				getsMutex(survivor, false);
			},
		});
		expect(stores).toBeGreaterThan(5);
	});

	test("taking it over from a killed owner", () => {
		killBeforeEachStore(openMutex, {
			others(process) {
				const thread = process.start();
				openMutex(thread).lock(0);
				process.kill(thread);
				return [];
			},
			act: (victim) => expect(victim.lock(PATIENCE)).toBe(OWNER_DIED),
			// The next owner sees it again: the first one was killed before it repaired anything.
			check: (survivor) => getsMutex(survivor, true),
		});
	});

	test("marking it unusable", () => {
		killBeforeEachStore(openMutex, {
			prepare: (victim) => void victim.lock(0),
			act: (victim) => expect(victim.markUnusable()).toBe(0),
			check(survivor, at) {
				if (at === 0) getsMutex(survivor, true);
				else expect(survivor.lock(PATIENCE)).toBe(Status.unusable);
			},
		});
	});
});

describe("killed before each store: a reader-writer lock", () => {
	/** Locks both ways, with handles that see ownerDied until a writer has unlocked. */
	function getsLock(lock: SegmentRwLock, ownerDied?: boolean): void {
		const shared = lock.lockShared(PATIENCE);
		expect([0, OWNER_DIED]).toContain(shared);
		expect(lock.unlockShared()).toBe(0);
		expect(lock.lock(PATIENCE, false)).toBe(shared);
		if (ownerDied !== undefined) expect(shared === OWNER_DIED).toBe(ownerDied);
		expect(lock.unlock()).toBe(0);
		expect(lock.lock(PATIENCE, false)).toBe(0);
		expect(lock.unlock()).toBe(0);
		expect(lock.lockShared(PATIENCE)).toBe(0);
		expect(lock.unlockShared()).toBe(0);
	}

	test("locking and unlocking", () => {
		const stores = killBeforeEachStore(openRwLock, {
			act(victim) {
				expect(victim.lock(0, false)).toBe(0);
				expect(victim.unlock()).toBe(0);
			},
			// Stores: claim, writing, writing = 0, claim = 0.
			check: (survivor, at) => getsLock(survivor, at === 2),
		});
		expect(stores).toBe(4);
	});

	test("reading", () => {
		const stores = killBeforeEachStore(openRwLock, {
			act(victim) {
				expect(victim.lockShared(0)).toBe(0);
				expect(victim.lockShared(0)).toBe(0);
				expect(victim.unlockShared()).toBe(0);
				expect(victim.unlockShared()).toBe(0);
			},
			check: (survivor) => getsLock(survivor, false),
		});
		expect(stores).toBe(4);
	});

	test("locking for reading just after a writer has unlocked", () => {
		let writer: SegmentRwLock;
		killBeforeEachStore(openRwLock, {
			others(process) {
				writer = openRwLock(process.start());
				writer.lock(0, false);
				return [writer];
			},
			act: (victim) => expect(victim.lockShared(2)).toBe(Status.timedOut),
			check(survivor) {
				expect(writer.unlock()).toBe(0);
				getsLock(survivor, false);
				getsLock(writer, false);
			},
		});
	});

	test("being the next writer, for a task, and ending that wait", () => {
		let reader: SegmentRwLock;
		killBeforeEachStore(openRwLock, {
			others(process) {
				reader = openRwLock(process.start());
				reader.lockShared(0);
				return [reader];
			},
			act(victim, thread) {
				expect(victim.lock(0, true)).toBe(Status.timedOut);
				victim.arm(WaitBits.lock, wakerOf(thread));
				victim.disarm(WaitBits.lock);
				expect(victim.lock(2, false)).toBe(Status.timedOut);
			},
			check(survivor) {
				expect(survivor.lock(0, false)).toBe(Status.timedOut);
				expect(reader.unlockShared()).toBe(0);
				getsLock(survivor, false);
				getsLock(reader, false);
			},
		});
	});

	test("closing, while it reads, writes or is the next writer", () => {
		for (const how of ["reads", "writes", "next"]) {
			let reader: SegmentRwLock | undefined;
			killBeforeEachStore(openRwLock, {
				others(process) {
					if (how !== "next") return [];
					reader = openRwLock(process.start());
					reader.lockShared(0);
					return [reader];
				},
				prepare(victim) {
					if (how === "reads") victim.lockShared(0);
					else victim.lock(0, true);
				},
				act: (victim) => victim.close(),
				check(survivor) {
					reader?.unlockShared();
					getsLock(survivor, how === "writes");
				},
			});
		}
	});
});

describe("killed before each store: a semaphore", () => {
	/** Takes all there are, and gives them back. */
	function countPermits(semaphore: SegmentSemaphore): number {
		let count = 0;
		while (semaphore.acquire(count < PERMITS ? PATIENCE : 0) === 0) count++;
		if (count > 0) expect(semaphore.release(count)).toBe(0);
		return count;
	}

	test("robust: all permits come back, whatever it did", () => {
		const stores = killBeforeEachStore((thread) => openSemaphore(thread, true), {
			act(victim) {
				for (let i = 0; i < 2; i++) expect(victim.acquire(0)).toBe(0);
				expect(victim.release(1)).toBe(0);
				victim.close();
			},
			check(survivor) {
				expect(countPermits(survivor)).toBe(PERMITS);
				expect(survivor.permits()).toBe(PERMITS);
				expect(survivor.segment.words[headerWord.recovered] as number).toBeLessThanOrEqual(2);
			},
		});
		expect(stores).toBeGreaterThan(12);
	});

	test("robust: counting again after a holder died", () => {
		killBeforeEachStore((thread) => openSemaphore(thread, true), {
			others(process) {
				const thread = process.start();
				const dead = openSemaphore(thread, true);
				for (let i = 0; i < PERMITS; i++) dead.acquire(0);
				process.kill(thread);
				return [];
			},
			act: (victim) => expect(victim.acquire(PATIENCE)).toBe(0),
			check: (survivor) => expect(countPermits(survivor)).toBe(PERMITS),
		});
	});

	test("not robust: a permit is taken or not taken", () => {
		const stores = killBeforeEachStore((thread) => openSemaphore(thread, false), {
			act(victim) {
				expect(victim.acquire(0)).toBe(0);
				expect(victim.release(1)).toBe(0);
			},
			check: (survivor, at) => expect(countPermits(survivor)).toBe(at === 1 ? PERMITS - 1 : PERMITS),
		});
		expect(stores).toBe(2);
	});

	test("waiting for a permit, and closing", () => {
		for (const robust of [true, false]) {
			let holder: SegmentSemaphore;
			killBeforeEachStore((thread) => openSemaphore(thread, robust), {
				others(process) {
					holder = openSemaphore(process.start(), robust);
					for (let i = 0; i < PERMITS; i++) holder.acquire(0);
					return [holder];
				},
				act(victim, thread) {
					expect(victim.acquire(2)).toBe(Status.timedOut);
					victim.arm(WaitBits.lock, wakerOf(thread));
					victim.close();
				},
				check(survivor) {
					expect(holder.release(PERMITS)).toBe(0);
					expect(countPermits(survivor)).toBe(PERMITS);
				},
			});
		}
	});
});

describe("killed before each store: a condition", () => {
	test("waiting: others are notified nevertheless, or check again", () => {
		for (const isNotified of [false, true]) {
			let other: SegmentCondition;
			let index = -1;
			killBeforeEachStore(openCondition, {
				others(process) {
					other = openCondition(process.start());
					return [other];
				},
				act(victim, thread) {
					const wait = victim.enter(wakerOf(thread));
					if (isNotified) other.notify();
					index = other.enter(undefined);
					victim.leave(wait);
				},
				check(survivor) {
					if (index < 0) index = other.enter(undefined);
					survivor.notify();
					// Either it was notified, or a thread died that may have been notified instead.
					expect(other.sleep(index, PATIENCE)).toBe(0);
					index = -1;
				},
			});
		}
	});

	test("notifying: each waiter is notified or keeps waiting", () => {
		for (const all of [false, true]) {
			const others: SegmentCondition[] = [];
			let waits: number[] = [];
			const stores = killBeforeEachStore(openCondition, {
				others(process) {
					others.splice(0, 2, openCondition(process.start()), openCondition(process.start()));
					waits = others.map((each) => each.enter(undefined));
					return others;
				},
				act: (victim) => void (all ? victim.notifyAll() : victim.notify()),
				check(survivor, at) {
					const [first, second] = others.map((each, i) => each.sleep(waits[i] as number, 0));
					expect([first, second]).toEqual([at > 0 ? 0 : Status.timedOut, all && at > 1 ? 0 : Status.timedOut]);
					survivor.poll();
					for (const [i, each] of others.entries())
						if ([first, second][i] !== 0) expect(each.sleep(waits[i] as number, 0)).toBe(0);
				},
			});
			expect(stores).toBe(all ? 2 : 1);
		}
	});

	test("closing while it waits and was notified: another waiter is notified instead, or checks again", () => {
		let other: SegmentCondition;
		let index = -1;
		killBeforeEachStore(openCondition, {
			others(process) {
				other = openCondition(process.start());
				return [other];
			},
			prepare(victim, thread) {
				victim.enter(wakerOf(thread));
				other.notify();
				index = other.enter(undefined);
			},
			act: (victim) => victim.close(),
			check() {
				expect(other.sleep(index, PATIENCE)).toBe(0);
			},
		});
	});
});

describe("killed before each store: shared memory", () => {
	test("waiting on words, and waking", () => {
		let other: SegmentMemory;
		let index = -1;
		killBeforeEachStore(openMemory, {
			others(process) {
				other = openMemory(process.start());
				index = other.enter(8, 0, undefined);
				return [other];
			},
			act(victim, thread) {
				const first = victim.enter(8, 0, wakerOf(thread));
				expect(victim.enter(8, 1, wakerOf(thread))).toBe(Status.notEqual);
				expect(victim.wake(8, 1)).toBe(1);
				victim.leave(first);
				victim.close();
			},
			check(survivor) {
				expect(survivor.wake(8, 2)).toBeLessThanOrEqual(2);
				expect(other.sleep(index, PATIENCE)).toBe(0);
			},
		});
	});

	test("growing: the size is the old one or the new one, and new bytes are zeros", () => {
		const stores = killBeforeEachStore(openMemory, {
			prepare: (victim) => void victim.map().fill(7),
			act: (victim) => victim.grow(100_000),
			check(survivor) {
				expect([4096, 100_000]).toContain(survivor.byteLength());
				survivor.grow(200_000);
				const bytes = survivor.map();
				expect(bytes.length).toBe(200_000);
				expect(bytes.subarray(0, 4096).every((byte) => byte === 7)).toBe(true);
				expect(bytes.subarray(4096).every((byte) => byte === 0)).toBe(true);
			},
		});
		expect(stores).toBeGreaterThan(2);
	});

	test("removing the name", () => {
		killBeforeEachStore(openMemory, {
			prepare: (victim) => void victim.map().fill(7),
			act: (victim) => victim.unlink(),
			check(survivor) {
				expect(survivor.map()[4095]).toBe(7);
				survivor.unlink();
				expect(survivor.map()[4095]).toBe(7);
			},
		});
	});
});

describe("killed before each store: a Signal", () => {
	test("notifying: each of the others gets the ids, or does not", () => {
		let other: SegmentSignal;
		const stores = killBeforeEachStore(openSignal, {
			others(process) {
				const thread = process.start();
				other = openSignal(thread);
				other.arm(WaitBits.lock, wakerOf(thread));
				return [other];
			},
			act: (victim) => expect(victim.notify(1, 1)).toBe(2),
			check(survivor, at) {
				const taken = [survivor, other].map((each) => [each.wait(0), each.wait(0), each.wait(0)]);
				for (const ids of taken)
					expect(ids.filter((id) => id >= 0)).toEqual([0, 32].slice(0, ids.indexOf(Status.timedOut)));
				expect(taken.flat().filter((id) => id >= 0).length).toBe(Math.min(at, 4));
				// A wait without an id has found the dead one, which counts no more.
				expect(other.notify(2, 0)).toBe(1);
				expect(survivor.wait(0)).toBe(1);
			},
		});
		expect(stores).toBeGreaterThan(5);
	});

	test("waiting, taking an id, and closing", () => {
		let other: SegmentSignal;
		const stores = killBeforeEachStore(openSignal, {
			others(process) {
				other = openSignal(process.start());
				return [other];
			},
			act(victim, thread) {
				expect(victim.wait(2)).toBe(Status.timedOut);
				victim.arm(WaitBits.lock, wakerOf(thread));
				other.notify(8, 0);
				expect(victim.wait(0)).toBe(3);
				victim.close();
			},
			check(survivor) {
				while (survivor.wait(0) !== Status.timedOut);
				expect(other.notify(0, 8)).toBeGreaterThanOrEqual(1);
				expect(survivor.wait(PATIENCE)).toBe(35);
			},
		});
		expect(stores).toBeGreaterThan(5);
	});
});

describe("killed before each store: a latest value", () => {
	const target = new Uint8Array(100);
	const textOf = (latest: SegmentLatest): string => {
		const length = latest.get(target, 100);
		return length < 0 ? "" : new TextDecoder().decode(target.subarray(0, length));
	};
	const set = (latest: SegmentLatest, text: string): number =>
		latest.set(new TextEncoder().encode(text), text.length, PATIENCE);

	/** The first word of the current buffer: its version. */
	function versionWord({ segment }: SegmentLatest): number {
		const current = Number(BigInt.asUintN(BUFFER_BITS, Atomics.load(segment.longs, headerLong.current)));
		return (segment.body + current * bufferStride(100)) >> 2;
	}

	/** The copy of a reader seems to be torn each time: it pins. */
	function tear(latest: SegmentLatest): void {
		const word = versionWord(latest) + 1;
		latest.segment.words[word] = (latest.segment.words[word] as number) ^ 4096;
	}

	function goesOn(latest: SegmentLatest): void {
		for (let i = 0; i < 10; i++) {
			expect(set(latest, `later ${i}`)).toBe(0);
			expect(textOf(latest)).toBe(`later ${i}`);
		}
	}

	test("setting, with a waiter: the value is the one before or the new one", () => {
		const seen = new Set<string>();
		const stores = killBeforeEachStore(openLatest, {
			prepare: (victim) => void set(victim, "before"),
			act: (victim, thread) => {
				victim.enter(1, wakerOf(thread));
				set(victim, "after");
			},
			check(survivor) {
				const text = textOf(survivor);
				expect(["before", "after"]).toContain(text);
				seen.add(text);
				goesOn(survivor);
			},
		});
		expect(stores).toBeGreaterThan(8);
		expect(seen.size).toBe(2);
	});

	test("setting in an update, and closing", () => {
		killBeforeEachStore(openLatest, {
			prepare: (victim) => void set(victim, "before"),
			act(victim) {
				victim.lock(PATIENCE);
				set(victim, "after");
				victim.unlock();
				victim.close();
			},
			check(survivor) {
				expect(["before", "after"]).toContain(textOf(survivor));
				goesOn(survivor);
			},
		});
	});

	test("getting with a pin: the others set on, and use the buffer again", () => {
		const stores = killBeforeEachStore(openLatest, {
			prepare(victim) {
				set(victim, "before");
				tear(victim);
			},
			act: (victim) => expect(textOf(victim)).toBe("before"),
			check(survivor) {
				goesOn(survivor);
				expect(survivor.segment.words[headerWord.buffers]).toBeLessThanOrEqual(5);
			},
		});
		expect(stores).toBeGreaterThan(4);
	});

	test("setting while all buffers are pinned, and a reader wants a pin", () => {
		let others: SegmentLatest[];
		killBeforeEachStore(openLatest, {
			others(process) {
				others = [1, 2, 3, 4].map(() => openLatest(process.start()));
				return others;
			},
			prepare(victim) {
				set(victim, "before");
				const { words } = victim.segment;
				words[headerWord.pinning] = 4;
				others.forEach(({ at }, i) => {
					words[at + slotWord.pin] = i === 3 ? Pin.wanted : Pin.pinned + ((i + 2) % 4);
				});
			},
			act: (victim) => void set(victim, "after"),
			check(survivor) {
				expect(["before", "after"]).toContain(textOf(survivor));
				goesOn(survivor);
				const { words } = survivor.segment;
				const pins = others.map(({ at }) => words[at + slotWord.pin]);
				expect(pins.slice(0, 3)).toEqual([2, 3, 0].map((index) => Pin.pinned + index));
				expect(pins[3]).toBeGreaterThanOrEqual(Pin.pinned);
				for (const { at } of others) words[at + slotWord.pin] = Pin.none;
			},
		});
	});
});
