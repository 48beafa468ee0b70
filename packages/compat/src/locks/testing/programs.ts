/** What the threads of a scenario do. */
import type { WaitOptions } from "@libipc/core/api";
import { NOTIFIED, RING, TAKEN, Word, type World } from "./world.ts";

/** How often each program notifies. */
const RINGS = 10_000;

/** Does nothing, for a while that the optimiser cannot remove. */
function dawdle(world: World, rounds: number): void {
	for (let i = 0; i < rounds; i++) Atomics.load(world.words, Word.stop);
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Lets others have the processor, which new threads need to begin. */
function rest(): void {
	Atomics.wait(nothing, 0, 0, 0.3);
}

export const programs: Record<string, (world: World, argument: number) => void> = {
	/** Adds to a plain word under the mutex. */
	counts(world, times) {
		const mutex = world.mutex();
		for (let i = 0; i < times; i++) {
			mutex.lock();
			world.words[Word.left] = (world.words[Word.left] as number) + 1;
			mutex.unlock();
		}
		mutex.close();
	},

	/** The same with tries and timeouts. */
	tries(world, times) {
		const mutex = world.mutex();
		for (let i = 0; i < times; i++) {
			while (!(i % 2 === 0 ? mutex.tryLock() : mutex.lock({ timeout: 1 }))) dawdle(world, 10);
			world.words[Word.left] = (world.words[Word.left] as number) + 1;
			mutex.unlock();
		}
		mutex.close();
	},

	/** Puts the numbers argument * 10,000 and so on into the ring. */
	produces(world, argument) {
		const { words } = world;
		const mutex = world.mutex();
		const filled = world.condition("filled");
		const emptied = world.condition("emptied");
		for (let i = 0; i < 10_000; i++) {
			mutex.lock();
			while ((words[Word.write] as number) - (words[Word.read] as number) === RING) emptied.wait(mutex);
			const at = words[Word.write] as number;
			words[Word.items + (at % RING)] = argument * 10_000 + i;
			words[Word.write] = at + 1;
			filled.notify();
			mutex.unlock();
		}
		for (const each of [mutex, filled, emptied]) each.close();
	},

	/** Takes so many out, and notes each. */
	consumes(world, count) {
		const { words } = world;
		const mutex = world.mutex();
		const filled = world.condition("filled");
		const emptied = world.condition("emptied");
		const last = new Map<number, number>();
		for (let i = 0; i < count; i++) {
			mutex.lock();
			while (words[Word.write] === words[Word.read]) filled.wait(mutex);
			const at = words[Word.read] as number;
			const item = words[Word.items + (at % RING)] as number;
			words[Word.read] = at + 1;
			if (i % 100 === 0) emptied.notifyAll();
			else emptied.notify();
			mutex.unlock();
			world.add(TAKEN + item);
			const producer = Math.floor(item / 10_000);
			if ((last.get(producer) ?? -1) >= item) world.add(Word.wrong);
			last.set(producer, item);
		}
		for (const each of [mutex, filled, emptied]) each.close();
	},

	/** Notifies the id `argument`, so often, and what it writes before says how often. */
	rings(world, argument) {
		const signal = world.signal(false);
		for (let i = 1; i <= RINGS; i++) {
			Atomics.store(world.words, NOTIFIED + argument, i);
			signal.notify(argument * 40);
			if (i % 64 === 0) rest();
		}
		signal.close();
	},

	/** Until it has seen the last value of the ids 0 and 40. */
	listens(world) {
		const signal = world.signal();
		world.add(Word.listening);
		const seen = [0, 0];
		for (let i = 0; seen.some((value) => value < RINGS); i++) {
			const id = i % 2 === 0 ? signal.wait() : signal.wait({ timeout: 1000 });
			if (id === null) continue;
			const index = id / 40;
			const value = Atomics.load(world.words, NOTIFIED + index);
			if (value < (seen[index] ?? RINGS)) world.add(Word.wrong);
			seen[index] = value;
		}
		world.add(Word.done);
		signal.close();
	},

	/** Sets values without an end, of all lengths from 8 bytes on. */
	sets(world, argument) {
		const latest = world.latest();
		const value = new Uint8Array(2000);
		for (let i = argument; !world.stopped; i++) latest.set(value.subarray(0, 8 + (i % 1992)).fill(i));
		latest.close();
	},

	/** Gets so many values, each of which is whole and not older than the one before. */
	gets(world, times) {
		const latest = world.latest();
		const value = new Uint8Array(2000);
		let seen = 0;
		for (let i = 0; i < times; i++) {
			const length = latest.getInto(value);
			const [first] = value;
			if (!value.subarray(0, length).every((byte) => byte === first) || latest.seen < seen) world.add(Word.wrong);
			seen = latest.seen;
		}
		latest.close();
	},

	/** Adds 1 to the latest value, so often. */
	updates(world, times) {
		const latest = world.latest();
		for (let i = 0; i < times; i++)
			latest.update((value) => Uint32Array.of(1 + (new Uint32Array(value?.buffer ?? new ArrayBuffer(4))[0] as number)));
		latest.close();
	},

	/** Takes permits and gives them back, several at once. */
	permits(world, times) {
		const semaphore = world.semaphore();
		for (let i = 0; i < times; i++) {
			if (i % 3 === 0) while (!semaphore.acquire({ timeout: 1 })) dawdle(world, 1);
			else semaphore.acquire();
			world.enter();
			if (i % 16 === 0) dawdle(world, 100);
			world.leave();
			semaphore.release();
			world.add(Word.done);
		}
		semaphore.close();
	},

	/** Takes so many permits, one by one: no waiter is forgotten. */
	takes(world, times) {
		const semaphore = world.semaphore();
		for (let i = 0; i < times; i++) {
			semaphore.acquire();
			world.add(Word.done);
		}
		semaphore.close();
	},

	gives(world, times) {
		const semaphore = world.semaphore();
		for (let i = 0; i < times; ) {
			const count = Math.min(1 + (i % 5), times - i);
			semaphore.release(count);
			i += count;
			dawdle(world, 50);
		}
		semaphore.close();
	},

	/** Changes two words that belong together. */
	writes(world, times) {
		const { words } = world;
		const lock = world.rwlock();
		for (let i = 0; i < times; i++) {
			lock.lock();
			if (words[Word.left] !== words[Word.right]) world.add(Word.wrong);
			words[Word.left] = (words[Word.left] as number) + 1;
			dawdle(world, 10);
			words[Word.right] = (words[Word.right] as number) + 1;
			lock.unlock();
		}
		lock.close();
	},

	/** Reads them until the end. */
	reads(world) {
		const { words } = world;
		const lock = world.rwlock();
		while (!world.stopped) {
			lock.lockShared();
			world.enter();
			const left = words[Word.left];
			dawdle(world, 10);
			if (left !== words[Word.right]) world.add(Word.wrong);
			world.leave();
			lock.unlockShared();
			world.add(Word.done);
		}
		lock.close();
	},

	/** A lock of one word: 0 free, 1 locked, 2 locked and waited for. */
	words(world, times) {
		const { words, field } = world;
		for (let i = 0; i < times; i++) {
			if (Atomics.compareExchange(words, Word.bell, 0, 1) !== 0)
				while (Atomics.exchange(words, Word.bell, 2) !== 0) field.waitOn(4 * Word.bell, 2);
			words[Word.left] = (words[Word.left] as number) + 1;
			if (Atomics.exchange(words, Word.bell, 0) === 2) field.wake(4 * Word.bell, 1);
		}
	},

	/** Locks, says so, and stays. */
	"holds the mutex"(world) {
		world.mutex().lock();
		stay(world);
	},

	"holds the lock"(world) {
		world.rwlock().lock();
		stay(world);
	},

	"reads inside"(world) {
		world.rwlock().lockShared();
		stay(world);
	},

	"holds permits"(world) {
		const semaphore = world.semaphore();
		semaphore.acquire();
		semaphore.acquire();
		stay(world);
	},

	"waits in line"(world, id) {
		const mutex = world.mutex();
		world.begin(id);
		mutex.lock();
		world.add(Word.wrong);
	},

	/** Waits for what number `id` is, again and again for a moment, until that is compiled, and then for ever. */
	"waits for ever"(world, id) {
		const { field } = world;
		const mutex = world.mutex();
		const lock = world.rwlock();
		const semaphore = world.semaphore();
		const condition = world.condition("filled");
		const ways: ((options: WaitOptions) => unknown)[] = [
			(options) => mutex.lock(options),
			(options) => lock.lock(options),
			(options) => lock.lockShared(options),
			(options) => semaphore.acquire(options),
			(options) => field.waitOn(4 * Word.bell, 0, options),
			(options) => {
				mutex.lock();
				condition.wait(mutex, options);
				mutex.unlock();
			},
		];
		const wait = ways[id % 6] as (options: WaitOptions) => unknown;
		for (let i = 0; i < 3000; i++) wait({ timeout: i % 300 === 0 ? 1 : 0 });
		world.begin(id);
		wait({});
	},

	/** Changes the pair under the mutex until the end, and repairs it if a thread was killed inside. */
	"changes the pair"(world, id) {
		const mutex = world.mutex();
		world.begin(id);
		while (!world.stopped) {
			mutex.lock();
			change(world, mutex.ownerDied);
			mutex.unlock();
			rest();
		}
		mutex.close();
	},

	/** The same with a reader-writer lock: every other time it only looks. */
	"changes the pair or reads"(world, id) {
		const { words } = world;
		const lock = world.rwlock();
		world.begin(id);
		for (let i = 0; !world.stopped; i++) {
			if (i % 3 === 0) {
				lock.lock();
				change(world, lock.ownerDied);
				lock.unlock();
			} else {
				lock.lockShared();
				if (!lock.ownerDied && words[Word.left] !== words[Word.right]) world.add(Word.wrong);
				rest();
				lock.unlockShared();
				world.add(Word.done);
			}
			rest();
		}
		lock.close();
	},

	"takes permits for ever"(world, id) {
		const semaphore = world.semaphore();
		world.begin(id);
		while (!world.stopped) {
			semaphore.acquire();
			rest();
			world.add(Word.done);
			semaphore.release();
		}
		semaphore.close();
	},

	/** Does a job for each that is there. */
	"does jobs"(world, id) {
		const { words } = world;
		const mutex = world.mutex();
		const filled = world.condition("filled");
		world.begin(id);
		for (;;) {
			mutex.lock();
			while (words[Word.write] === words[Word.read] && !world.stopped) filled.wait(mutex);
			if (world.stopped) break;
			words[Word.read] = (words[Word.read] as number) + 1;
			world.add(Word.done);
			mutex.unlock();
		}
		mutex.close();
		filled.close();
	},

	/** Copies the bell for ever, so that the thread that changed it sees the copy. */
	"answers the bell"(world, id) {
		const { words, field } = world;
		world.begin(id);
		for (let seen = Atomics.load(words, Word.bell); !world.stopped; seen = Atomics.load(words, Word.bell)) {
			if (Atomics.load(words, Word.done) < seen) Atomics.store(words, Word.done, seen);
			field.wake(4 * Word.done);
			field.waitOn(4 * Word.bell, seen);
		}
	},
};

function change(world: World, ownerDied: boolean): void {
	const { words } = world;
	if (ownerDied) {
		world.add(Word.ownersDied);
		words[Word.right] = words[Word.left] as number;
	} else if (words[Word.left] !== words[Word.right]) world.add(Word.wrong);
	words[Word.left] = (words[Word.left] as number) + 1;
	rest();
	words[Word.right] = (words[Word.right] as number) + 1;
	world.add(Word.done);
}

/** Says that it holds what it holds, and waits for its end. */
function stay(world: World): void {
	world.add(Word.held);
	for (;;) rest();
}
