/** In a Worker: holds, or waits for, what it is told, and says when. */
import { args, say } from "@libipc/testing/program";
import { Condition, Mutex, RwLock, Semaphore, SharedMemory } from "../under_test.ts";

const [program = "", prefix = "", name = ""] = args;

const programs: Record<string, (prefix: string, name: string) => unknown> = {
	"mutex: holds"(prefix, name) {
		const mutex = Mutex.open(name, { prefix });
		mutex.lock();
		return mutex;
	},
	"mutex: waits"(prefix, name) {
		const mutex = Mutex.open(name, { prefix });
		say("ready");
		mutex.lock();
		say("locked");
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
		say("ready");
		lock.lock();
		say("locked");
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
		say("ready");
		semaphore.acquire();
		say("acquired");
	},
	"condition: waits"(prefix, name) {
		const mutex = Mutex.open(`${name}.mutex`, { prefix });
		const condition = Condition.open(name, { prefix });
		mutex.lock();
		say("ready");
		condition.wait(mutex);
		say("notified");
	},
	"memory: waits"(prefix, name) {
		const memory = SharedMemory.open(name, { prefix, mode: "open" });
		say("ready");
		memory.waitOn(0, 0);
		say("woken");
	},
};

/** Keeps what a program answers: a handle that is not reachable is closed. */
const kept: unknown[] = [];

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
kept.push(chosen(prefix, name));
say("ready");
setInterval(() => kept.length, 60_000);
