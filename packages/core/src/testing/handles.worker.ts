/** In a Worker: holds, or waits for, what it is told, and says when. */
import { Condition, Mutex, RwLock, Semaphore, SharedMemory } from "../index.ts";

declare const self: Worker;

interface Order {
	readonly program: string;
	readonly prefix: string;
	readonly name: string;
}

const programs: Record<string, (prefix: string, name: string) => unknown> = {
	"mutex: holds"(prefix, name) {
		const mutex = Mutex.open(name, { prefix });
		mutex.lock();
		return mutex;
	},
	"mutex: waits"(prefix, name) {
		const mutex = Mutex.open(name, { prefix });
		self.postMessage("ready");
		mutex.lock();
		self.postMessage("locked");
	},
	"mutex: waits async"(prefix, name) {
		const mutex = Mutex.open(name, { prefix });
		return [mutex, mutex.lockAsync()];
	},
	"rwlock: holds"(prefix, name) {
		const lock = RwLock.open(name, { prefix });
		lock.lock();
		return lock;
	},
	"rwlock: reads"(prefix, name) {
		const lock = RwLock.open(name, { prefix });
		lock.lockShared();
		return lock;
	},
	"rwlock: waits"(prefix, name) {
		const lock = RwLock.open(name, { prefix });
		self.postMessage("ready");
		lock.lock();
		self.postMessage("locked");
	},
	"rwlock: waits async"(prefix, name) {
		const lock = RwLock.open(name, { prefix });
		return [lock, lock.lockAsync()];
	},
	"semaphore: holds"(prefix, name) {
		const semaphore = Semaphore.open(name, { prefix });
		semaphore.acquire();
		return semaphore;
	},
	"semaphore: waits"(prefix, name) {
		const semaphore = Semaphore.open(name, { prefix });
		self.postMessage("ready");
		semaphore.acquire();
		self.postMessage("acquired");
	},
	"condition: waits"(prefix, name) {
		const mutex = Mutex.open(`${name}.mutex`, { prefix });
		const condition = Condition.open(name, { prefix });
		mutex.lock();
		self.postMessage("ready");
		condition.wait(mutex);
		self.postMessage("notified");
	},
	"memory: waits"(prefix, name) {
		const memory = SharedMemory.open(name, { prefix, mode: "open" });
		self.postMessage("ready");
		memory.waitOn(0, 0);
		self.postMessage("woken");
	},
};

/** Keeps what a program answers: a handle that is not reachable is closed. */
const kept: unknown[] = [];

self.onmessage = ({ data: { program, prefix, name } }: MessageEvent<Order>) => {
	kept.push(programs[program]?.(prefix, name));
	self.postMessage("ready");
};
