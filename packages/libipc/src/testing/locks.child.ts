/**
 * Counts in shared memory, under a lock of another kind each: `locks.child.ts PREFIX ROUNDS`. Words: 0 go, then for each lock
 * one that is counted by plain reads and writes.
 */
import { Mutex, RwLock, Semaphore, SharedMemory } from "libipc";

const [prefix = "", rounds] = process.argv.slice(2);
const options = { prefix };
const memory = SharedMemory.open("counts", { ...options, size: 4096 });
const { words } = memory;
const mutex = Mutex.open("lock", options);
const semaphore = Semaphore.open("lock", { ...options, initial: 1, robust: true });
const rwlock = RwLock.open("lock", options);

const add = (word: number): void => {
	words[word] = (words[word] as number) + 1;
};

console.log("ready");
while (Atomics.load(words, 0) === 0) memory.waitOn(0, 0);
for (let round = 0; round < Number(rounds); round++) {
	const held = mutex.acquire();
	add(1);
	held.release();
	const permit = semaphore.acquire();
	add(2);
	permit.release();
	const writing = rwlock.acquire();
	add(3);
	writing.release();
	if (round % 16 === 0) {
		const slowly = await mutex.acquireAsync();
		add(4);
		await Promise.resolve();
		slowly.release();
	}
}
console.log(JSON.stringify({ done: true }));
for (const each of [mutex, semaphore, rwlock, memory]) each.close();
