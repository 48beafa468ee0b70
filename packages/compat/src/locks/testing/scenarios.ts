/**
 * What locks have to stand between the threads of a process, in Bun and in Node: each throws if they do not. In tests they
 * are run by locks.test.ts, in Node by run_scenarios.ts.
 */
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import "../../sab/create_hub_on_import.ts";
import { BEGUN, TAKEN, Word, World } from "./world.ts";

const KILLS = 50;
/** Others go on within a second after a thread was killed; a busy machine may add to a single one, not to half of them. */
const RECOVERY_MS = 1000;
const PATIENCE_MS = 10_000;
/** A thread needs so long at most to begin, or to get on, on a machine that is busy. */
const START_MS = 60_000;

let stages = 0;

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
		// Looked at by whoever waits for the end.
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

class Stage {
	readonly world = new World(`locks${process.pid}.${stages++}`);
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

	/** One that has begun, and is not killed. */
	async survivor(program: string): Promise<Thread> {
		const survivor = this.start(program, 0);
		await this.until(BEGUN, 1);
		return survivor;
	}

	/** Until all have ended by themselves. */
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

	/** Until a word is at least so much: how long that took. The event loop goes on. */
	async until(word: number, least: number): Promise<number> {
		const began = performance.now();
		while (this.at(word) < least) {
			const ms = performance.now() - began;
			assert.ok(ms < START_MS, `waited in vain for word ${word} to be ${least}; it is ${this.at(word)}`);
			await new Promise((resolve) => setTimeout(resolve, ms < 2 ? 0 : 1));
		}
		return performance.now() - began;
	}

	/** Kills a thread of the program at a random moment, again and again; `after` each, the others go on. */
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

async function play(scene: (stage: Stage) => Promise<void>): Promise<void> {
	const stage = new Stage();
	try {
		await scene(stage);
	} finally {
		await stage.close();
	}
}

export const scenarios: Record<string, () => Promise<void>> = {
	"mutex: 3 threads count to 15,000 with tries and timeouts": () =>
		play(async (stage) => {
			const mutex = stage.world.mutex();
			for (let i = 0; i < 3; i++) stage.start("tries", 5000);
			await stage.ends();
			assert.equal(stage.at(Word.left), 15_000);
			mutex.close();
		}),

	"condition: all of 20,000 go through a ring of 8, once and in order": () =>
		play(async (stage) => {
			const { world } = stage;
			const opened = [world.mutex(), world.condition("filled"), world.condition("emptied")];
			for (let i = 0; i < 2; i++) stage.start("produces", i);
			for (let i = 0; i < 2; i++) stage.start("consumes", 10_000);
			await stage.ends();
			for (let item = 0; item < 20_000; item++) assert.equal(stage.at(TAKEN + item), 1);
			for (const each of opened) each.close();
		}),
};

for (const robust of [true, false])
	scenarios[`semaphore${robust ? ", robust" : ""}: never more than 3 of 5 threads inside, 20,000 times`] = () =>
		play(async (stage) => {
			const semaphore = stage.world.semaphore({ initial: 3, robust });
			for (let i = 0; i < 5; i++) stage.start("permits", 4000);
			await stage.ends();
			assert.equal(stage.at(Word.done), 20_000);
			const most = stage.at(Word.most);
			assert.ok(most >= 1 && most <= 3, `${most} were inside`);
			assert.equal(semaphore.permits, 3);
			semaphore.close();
		});

Object.assign(scenarios, {
	"semaphore: 3 threads take all of 30,000 that are given": () =>
		play(async (stage) => {
			const semaphore = stage.world.semaphore({ initial: 0 });
			for (let i = 0; i < 3; i++) stage.start("takes", 10_000);
			stage.start("gives", 30_000);
			await stage.ends();
			assert.deepEqual([stage.at(Word.done), semaphore.permits], [30_000, 0]);
			semaphore.close();
		}),

	"rwlock: 2 writers finish among 3 readers, who see no half change": () =>
		play(async (stage) => {
			const lock = stage.world.rwlock();
			for (let i = 0; i < 3; i++) stage.start("reads");
			await stage.until(Word.done, 100);
			const writers = [0, 1].map(() => stage.start("writes", 5000));
			for (const writer of writers) await writer.end();
			stage.stop();
			await stage.ends();
			assert.deepEqual([stage.at(Word.left), stage.at(Word.right)], [10_000, 10_000]);
			lock.close();
		}),

	"all: who has waited often, and waits for ever, can be killed": () =>
		play(async (stage) => {
			const { world } = stage;
			const mutex = world.mutex();
			const lock = world.rwlock();
			const semaphore = world.semaphore({ initial: 0 });
			const condition = world.condition("filled");
			mutex.lock();
			lock.lock();
			for (let id = 0; id < 6; id++) {
				// The last one waits for a condition, with the mutex.
				if (id === 5) mutex.unlock();
				const thread = stage.start("waits for ever", id);
				await stage.until(BEGUN + id, 1);
				// It may not sleep yet: this is no proof then, and no false alarm.
				await new Promise((resolve) => setTimeout(resolve, 100));
				const began = performance.now();
				await stage.kill(thread);
				const ms = performance.now() - began;
				assert.ok(ms < PATIENCE_MS, `it took ${ms} ms to end`);
			}
			for (const each of [mutex, lock, semaphore, condition]) each.close();
		}),

	[`mutex: ${KILLS} owners killed, and each time the next is told, once`]: () =>
		play(async (stage) => {
			const mutex = stage.world.mutex();
			const latencies: number[] = [];
			let next = stage.start("holds the mutex");
			for (let kill = 1; kill <= KILLS; kill++) {
				await stage.until(Word.held, kill);
				assert.equal(mutex.tryLock(), false);
				// Now and then one that waits before us is killed as well.
				const waits = kill % 10 === 0 ? stage.start("waits in line", kill) : undefined;
				if (waits) await stage.until(BEGUN + kill, 1);
				if (waits) await stage.kill(waits);
				await stage.kill(next);
				const began = performance.now();
				assert.equal(mutex.lock({ timeout: PATIENCE_MS }), true);
				latencies.push(performance.now() - began);
				assert.equal(mutex.ownerDied, true);
				mutex.unlock();
				assert.equal(mutex.tryLock(), true);
				assert.equal(mutex.ownerDied, false);
				mutex.unlock();
				if (kill < KILLS) next = stage.start("holds the mutex");
			}
			checkRecoveries(latencies);
			assert.equal(stage.at(Word.wrong), 0);
			mutex.close();
		}),

	[`mutex: ${KILLS} threads killed at random moments`]: () =>
		play(async (stage) => {
			const mutex = stage.world.mutex();
			const survivor = await stage.survivor("changes the pair");
			await stage.killMany("changes the pair", () => stage.until(Word.done, stage.at(Word.done) + 20));
			stage.stop();
			await survivor.end();
			await stage.ends();
			mutex.lock();
			assert.ok(mutex.ownerDied || stage.at(Word.left) === stage.at(Word.right));
			assert.ok(stage.at(Word.told) <= KILLS + 2);
			mutex.close();
		}),

	"rwlock: 50 writers killed inside: all are told until one has unlocked": () =>
		play(async (stage) => {
			const lock = stage.world.rwlock();
			const other = stage.world.rwlock();
			for (let kill = 1; kill <= KILLS / 2; kill++) {
				const writer = stage.start("holds the lock");
				await stage.until(Word.held, kill);
				assert.equal(lock.tryLockShared(), false);
				await stage.kill(writer);
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

	"rwlock: 50 readers killed inside are forgotten": () =>
		play(async (stage) => {
			const lock = stage.world.rwlock();
			const latencies: number[] = [];
			for (let kill = 1; kill <= KILLS / 2; kill++) {
				const reader = stage.start("reads inside");
				await stage.until(Word.held, kill);
				assert.equal(lock.tryLock(), false);
				assert.equal(lock.tryLockShared(), true);
				lock.unlockShared();
				await stage.kill(reader);
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
		play(async (stage) => {
			const lock = stage.world.rwlock();
			const survivor = await stage.survivor("changes the pair or reads");
			await stage.killMany("changes the pair or reads", () => stage.until(Word.done, stage.at(Word.done) + 20));
			stage.stop();
			await survivor.end();
			await stage.ends();
			lock.close();
		}),

	[`semaphore, robust: the permits of ${KILLS} killed threads come back, each once`]: () =>
		play(async (stage) => {
			const semaphore = stage.world.semaphore({ initial: 3, robust: true });
			let next = stage.start("holds permits");
			for (let kill = 1; kill <= KILLS; kill++) {
				await stage.until(Word.held, kill);
				assert.equal(semaphore.permits, 1);
				await stage.kill(next);
				for (let taken = 0; taken < 2; taken++) assert.ok(semaphore.acquire({ timeout: PATIENCE_MS }));
				semaphore.release(2);
				if (kill < KILLS) next = stage.start("holds permits");
			}
			assert.deepEqual([semaphore.permits, semaphore.recovered], [3, 2 * KILLS]);
			semaphore.close();
		}),

	[`semaphore, robust: ${KILLS} threads killed at random moments`]: () =>
		play(async (stage) => {
			const semaphore = stage.world.semaphore({ initial: 2, robust: true });
			const survivor = await stage.survivor("takes permits for ever");
			await stage.killMany("takes permits for ever", () => stage.until(Word.done, stage.at(Word.done) + 20));
			stage.stop();
			await survivor.end();
			await stage.ends();
			for (let i = 0; i < 2; i++) assert.ok(semaphore.acquire({ timeout: PATIENCE_MS }));
			assert.equal(semaphore.permits, 0);
			semaphore.release(2);
			assert.ok(semaphore.recovered <= KILLS + 2);
			semaphore.close();
		}),

	[`condition: ${KILLS} waiting threads killed at random moments: all jobs are done by the others`]: () =>
		play(async (stage) => {
			const { world } = stage;
			const mutex = world.mutex();
			const filled = world.condition("filled");
			const survivor = await stage.survivor("does jobs");
			let jobs = 0;
			await stage.killMany("does jobs", async () => {
				for (let i = 0; i < 20; i++) {
					mutex.lock();
					world.words[Word.write] = ++jobs;
					filled.notify();
					mutex.unlock();
				}
				// Whoever was killed between taking a job and noting it has done it as far as anybody knows.
				return stage.until(Word.read, jobs);
			});
			stage.stop();
			mutex.lock();
			filled.notifyAll();
			mutex.unlock();
			await survivor.end();
			await stage.ends();
			assert.ok(stage.at(Word.done) > jobs - KILLS && stage.at(Word.done) <= jobs);
			mutex.close();
			filled.close();
		}),

	[`memory: ${KILLS} threads killed that wait on a word: the bell reaches the others`]: () =>
		play(async (stage) => {
			const survivor = await stage.survivor("answers the bell");
			await stage.killMany("answers the bell", (kill) => {
				stage.set(Word.bell, kill);
				stage.world.field.wake(4 * Word.bell, 1);
				return stage.until(Word.done, kill);
			});
			stage.stop();
			stage.set(Word.bell, -1);
			stage.world.field.wake(4 * Word.bell);
			await survivor.end();
			await stage.ends();
		}),
});
