/**
 * Locks between the threads of a process, in Bun and in Node: each scenario throws if a lock fails. locks.test.ts runs them in
 * Bun, run_scenarios.ts in Node. They kill more threads than the conformance suite, and at narrower moments.
 */
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { scale } from "@libipc/testing/scale";
import "../../sab/create_hub_on_import.ts";
import { BEGUN, TAKEN, Word, World } from "./world.ts";

/** How many threads are killed: enough to see each way to end a thread. kills.test.ts kills before each store. */
const KILLS = scale(20, 10);
/** Each thread of a scenario does its work so many times. */
const TRIES = scale(5000);
const PERMITS = scale(4000);
const GIVEN = 3 * scale(10_000);
const WRITES = scale(5000);
/** The others continue within a second after a kill. A busy machine may add to one recovery, but not to half of them. */
const RECOVERY_MS = 1000;
const PATIENCE_MS = 10_000;
/** The longest time that a thread needs to start, or to make progress, on a busy machine. */
const START_MS = 60_000;

let groups = 0;

class Thread {
	readonly #worker: Worker;
	readonly #ended: Promise<void>;

	constructor(prefix: string, program: string, argument = 0) {
		this.#worker = new Worker(new URL("program.worker.ts", import.meta.url), {
			workerData: { program, argument, prefix },
		});
		this.#ended = new Promise((resolve, reject) => {
			this.#worker.on("error", reject);
			this.#worker.on("exit", () => resolve());
		});
		// end() rejects; nothing else reads the reason.
		this.#ended.catch(() => {});
	}

	end(): Promise<void> {
		return this.#ended;
	}

	async kill(): Promise<void> {
		await this.#worker.terminate();
		await this.#ended;
	}
}

/** Threads that share a world, and end together. */
class ThreadGroup {
	readonly world = new World(`locks${process.pid}.${groups++}`);
	readonly #threads = new Set<Thread>();

	start(program: string, argument?: number): Thread {
		const thread = new Thread(this.world.prefix, program, argument);
		this.#threads.add(thread);
		return thread;
	}

	async kill(thread: Thread): Promise<void> {
		this.#threads.delete(thread);
		await thread.kill();
	}

	/** Starts a thread that is not killed, and waits until it has begun. */
	async survivor(program: string): Promise<Thread> {
		const survivor = this.start(program, 0);
		await this.until(BEGUN, 1);
		return survivor;
	}

	/** Waits until all threads have ended by themselves. */
	async ends(): Promise<void> {
		for (const thread of this.#threads) await thread.end();
		this.#threads.clear();
		assert.equal(this.at(Word.wrong), 0);
	}

	at(word: number): number {
		return Atomics.load(this.world.words, word);
	}

	set(word: number, value: number): void {
		Atomics.store(this.world.words, word, value);
	}

	stop(): void {
		this.set(Word.stop, 1);
	}

	/** Waits in the event loop until a word is at least `least`, and returns how long that took, in ms. */
	async until(word: number, least: number): Promise<number> {
		const began = performance.now();
		while (this.at(word) < least) {
			const ms = performance.now() - began;
			assert.ok(ms < START_MS, `after a minute, word ${word} is not ${least}, but ${this.at(word)}`);
			await new Promise((resolve) => setTimeout(resolve, ms < 2 ? 0 : 1));
		}
		return performance.now() - began;
	}

	/** Kills threads of the program at random moments. `after` each kill, it waits until the others have made progress. */
	async killMany(program: string, after: (kill: number) => Promise<number>): Promise<void> {
		const pause = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
		const victims = [1, 2].map((id) => this.start(program, id));
		const latencies: number[] = [];
		for (let kill = 1; kill <= KILLS; kill++) {
			await this.until(BEGUN + kill, 1);
			await pause();
			await this.kill(victims.shift() as Thread);
			latencies.push(await after(kill));
			victims.push(this.start(program, kill + 2));
		}
		for (const victim of victims) await this.kill(victim);
		checkRecoveries(latencies);
	}

	async close(): Promise<void> {
		for (const thread of this.#threads) await thread.kill();
		this.world.close();
	}
}

function checkRecoveries(latencies: number[]): void {
	const sorted = latencies.toSorted((a, b) => a - b);
	assert.ok(
		(sorted[sorted.length >> 1] as number) < RECOVERY_MS,
		`half took longer than ${sorted[sorted.length >> 1]} ms`,
	);
	assert.ok((sorted.at(-1) as number) < PATIENCE_MS, `one took ${sorted.at(-1)} ms`);
}

async function withThreads(scenario: (group: ThreadGroup) => Promise<void>): Promise<void> {
	const group = new ThreadGroup();
	try {
		await scenario(group);
	} finally {
		await group.close();
	}
}

export const scenarios: Record<string, () => Promise<void>> = {
	"mutex: 3 threads count together with tries and timeouts": () =>
		withThreads(async (group) => {
			const mutex = group.world.mutex();
			for (let i = 0; i < 3; i++) group.start("tries", TRIES);
			await group.ends();
			assert.equal(group.at(Word.left), 3 * TRIES);
			mutex.close();
		}),

	"condition: 20,000 items go through a ring of 8, once and in order": () =>
		withThreads(async (group) => {
			const { world } = group;
			const opened = [world.mutex(), world.condition("filled"), world.condition("emptied")];
			for (let i = 0; i < 2; i++) group.start("produces", i);
			for (let i = 0; i < 2; i++) group.start("consumes", 10_000);
			await group.ends();
			for (let item = 0; item < 20_000; item++) assert.equal(group.at(TAKEN + item), 1);
			for (const each of opened) each.close();
		}),
};

for (const robust of [true, false])
	scenarios[`semaphore${robust ? ", robust" : ""}: never more than 3 of 5 threads hold a permit`] = () =>
		withThreads(async (group) => {
			const semaphore = group.world.semaphore({ initial: 3, robust });
			for (let i = 0; i < 5; i++) group.start("permits", PERMITS);
			await group.ends();
			assert.equal(group.at(Word.done), 5 * PERMITS);
			const most = group.at(Word.most);
			assert.ok(most >= 1 && most <= 3, `${most} were inside`);
			assert.equal(semaphore.permits, 3);
			semaphore.close();
		});

Object.assign(scenarios, {
	"semaphore: 3 threads take the permits that a fourth releases": () =>
		withThreads(async (group) => {
			const semaphore = group.world.semaphore({ initial: 0 });
			for (let i = 0; i < 3; i++) group.start("takes", GIVEN / 3);
			group.start("gives", GIVEN);
			await group.ends();
			assert.deepEqual([group.at(Word.done), semaphore.permits], [GIVEN, 0]);
			semaphore.close();
		}),

	"rwlock: 2 writers finish among 3 readers, which see no half change": () =>
		withThreads(async (group) => {
			const lock = group.world.rwlock();
			for (let i = 0; i < 3; i++) group.start("reads");
			await group.until(Word.done, 100);
			const writers = [0, 1].map(() => group.start("writes", WRITES));
			for (const writer of writers) await writer.end();
			group.stop();
			await group.ends();
			assert.deepEqual([group.at(Word.left), group.at(Word.right)], [2 * WRITES, 2 * WRITES]);
			lock.close();
		}),

	"all: a thread that has waited often, and waits without a timeout, can be killed": () =>
		withThreads(async (group) => {
			const { world } = group;
			const mutex = world.mutex();
			const lock = world.rwlock();
			const semaphore = world.semaphore({ initial: 0 });
			const condition = world.condition("filled");
			mutex.lock();
			lock.lock();
			for (let id = 0; id < 6; id++) {
				// The last one waits for a condition with the mutex.
				if (id === 5) mutex.unlock();
				const thread = group.start("waits for ever", id);
				await group.until(BEGUN + id, 1);
				// It may not sleep yet. Then this shows nothing, but does not fail either.
				await new Promise((resolve) => setTimeout(resolve, 100));
				const began = performance.now();
				await group.kill(thread);
				const ms = performance.now() - began;
				assert.ok(ms < PATIENCE_MS, `it took ${ms} ms to end`);
			}
			for (const each of [mutex, lock, semaphore, condition]) each.close();
		}),

	[`mutex: ${KILLS} owners killed: each time the next owner sees it, and only that one`]: () =>
		withThreads(async (group) => {
			const mutex = group.world.mutex();
			const latencies: number[] = [];
			let next = group.start("holds the mutex");
			for (let kill = 1; kill <= KILLS; kill++) {
				await group.until(Word.held, kill);
				assert.equal(mutex.tryLock(), false);
				// Every tenth time, a thread that waits before this one is killed too.
				const waits = kill % 10 === 0 ? group.start("waits in line", kill) : undefined;
				if (waits) await group.until(BEGUN + kill, 1);
				if (waits) await group.kill(waits);
				await group.kill(next);
				const began = performance.now();
				assert.equal(mutex.lock({ timeout: PATIENCE_MS }), true);
				latencies.push(performance.now() - began);
				assert.equal(mutex.ownerDied, true);
				mutex.unlock();
				assert.equal(mutex.tryLock(), true);
				assert.equal(mutex.ownerDied, false);
				mutex.unlock();
				if (kill < KILLS) next = group.start("holds the mutex");
			}
			checkRecoveries(latencies);
			assert.equal(group.at(Word.wrong), 0);
			mutex.close();
		}),

	[`mutex: ${KILLS} threads killed at random moments`]: () =>
		withThreads(async (group) => {
			const mutex = group.world.mutex();
			const survivor = await group.survivor("changes the pair");
			await group.killMany("changes the pair", () => group.until(Word.done, group.at(Word.done) + 20));
			group.stop();
			await survivor.end();
			await group.ends();
			mutex.lock();
			assert.ok(mutex.ownerDied || group.at(Word.left) === group.at(Word.right));
			assert.ok(group.at(Word.ownersDied) <= KILLS + 2);
			mutex.close();
		}),

	[`rwlock: ${KILLS / 2} writers killed while they hold it: all see it until one has unlocked`]: () =>
		withThreads(async (group) => {
			const lock = group.world.rwlock();
			const other = group.world.rwlock();
			for (let kill = 1; kill <= KILLS / 2; kill++) {
				const writer = group.start("holds the lock");
				await group.until(Word.held, kill);
				assert.equal(lock.tryLockShared(), false);
				await group.kill(writer);
				for (const each of [lock, other]) {
					assert.equal(each.lockShared({ timeout: PATIENCE_MS }), true);
					assert.equal(each.ownerDied, true);
				}
				for (const each of [lock, other]) each.unlockShared();
				assert.equal(lock.lock({ timeout: PATIENCE_MS }), true);
				assert.equal(lock.ownerDied, true);
				lock.unlock();
				assert.equal(other.lock({ timeout: PATIENCE_MS }), true);
				assert.equal(other.ownerDied, false);
				other.unlock();
			}
			lock.close();
			other.close();
		}),

	[`rwlock: ${KILLS / 2} readers killed while they hold it do not keep a writer out`]: () =>
		withThreads(async (group) => {
			const lock = group.world.rwlock();
			const latencies: number[] = [];
			for (let kill = 1; kill <= KILLS / 2; kill++) {
				const reader = group.start("reads inside");
				await group.until(Word.held, kill);
				assert.equal(lock.tryLock(), false);
				assert.equal(lock.tryLockShared(), true);
				lock.unlockShared();
				await group.kill(reader);
				const began = performance.now();
				assert.equal(lock.lock({ timeout: PATIENCE_MS }), true);
				latencies.push(performance.now() - began);
				assert.equal(lock.ownerDied, false);
				lock.unlock();
			}
			checkRecoveries(latencies);
			lock.close();
		}),

	[`rwlock: ${KILLS} threads killed at random moments`]: () =>
		withThreads(async (group) => {
			const lock = group.world.rwlock();
			const survivor = await group.survivor("changes the pair or reads");
			await group.killMany("changes the pair or reads", () => group.until(Word.done, group.at(Word.done) + 20));
			group.stop();
			await survivor.end();
			await group.ends();
			lock.close();
		}),

	[`semaphore, robust: the permits of ${KILLS} killed threads come back, each once`]: () =>
		withThreads(async (group) => {
			const semaphore = group.world.semaphore({ initial: 3, robust: true });
			let next = group.start("holds permits");
			for (let kill = 1; kill <= KILLS; kill++) {
				await group.until(Word.held, kill);
				assert.equal(semaphore.permits, 1);
				await group.kill(next);
				for (let taken = 0; taken < 2; taken++) assert.ok(semaphore.acquire({ timeout: PATIENCE_MS }));
				semaphore.release(2);
				if (kill < KILLS) next = group.start("holds permits");
			}
			assert.deepEqual([semaphore.permits, semaphore.recovered], [3, 2 * KILLS]);
			semaphore.close();
		}),

	[`semaphore, robust: ${KILLS} threads killed at random moments`]: () =>
		withThreads(async (group) => {
			const semaphore = group.world.semaphore({ initial: 2, robust: true });
			const survivor = await group.survivor("takes permits for ever");
			await group.killMany("takes permits for ever", () => group.until(Word.done, group.at(Word.done) + 20));
			group.stop();
			await survivor.end();
			await group.ends();
			for (let i = 0; i < 2; i++) assert.ok(semaphore.acquire({ timeout: PATIENCE_MS }));
			assert.equal(semaphore.permits, 0);
			semaphore.release(2);
			assert.ok(semaphore.recovered <= KILLS + 2);
			semaphore.close();
		}),

	[`condition: ${KILLS} waiting threads killed at random moments: the others do all jobs`]: () =>
		withThreads(async (group) => {
			const { world } = group;
			const mutex = world.mutex();
			const filled = world.condition("filled");
			const survivor = await group.survivor("does jobs");
			let jobs = 0;
			await group.killMany("does jobs", async () => {
				for (let i = 0; i < 20; i++) {
					mutex.lock();
					world.words[Word.write] = ++jobs;
					filled.notify();
					mutex.unlock();
				}
				// A thread killed between taking a job and recording it counts as having done it.
				return group.until(Word.read, jobs);
			});
			group.stop();
			mutex.lock();
			filled.notifyAll();
			mutex.unlock();
			await survivor.end();
			await group.ends();
			assert.ok(group.at(Word.done) > jobs - KILLS && group.at(Word.done) <= jobs);
			mutex.close();
			filled.close();
		}),

	[`memory: ${KILLS} threads that wait on a word killed: the wake reaches the others`]: () =>
		withThreads(async (group) => {
			const survivor = await group.survivor("answers the bell");
			await group.killMany("answers the bell", (kill) => {
				group.set(Word.bell, kill);
				group.world.field.wake(4 * Word.bell, 1);
				return group.until(Word.done, kill);
			});
			group.stop();
			group.set(Word.bell, -1);
			group.world.field.wake(4 * Word.bell);
			await survivor.end();
			await group.ends();
		}),
});
