/**
 * Blocks in a call, in a loop that turns the event loop between calls, until a handler of SIGTERM has run:
 * `interrupted CALL PREFIX NAME TIMEOUT [remove]`; TIMEOUT "none" is no timeout. With `remove` the handler is removed then, and the
 * program stays. The test holds the lock, keeps the ring full and sends nothing. Says "ready" before the
 * first call, then what the calls have returned and how long all of it took.
 */

import { large } from "@libipc/testing/large";
import { args, say } from "@libipc/testing/program";
import { turn } from "@libipc/testing/timing";
import { Channel, Condition, Mutex, Queue, RwLock, Semaphore, SharedMemory, Signal } from "../under_test.ts";

const [call = "", prefix = "", name = "", timeout = "", then = ""] = args;
const wait = timeout === "none" ? {} : { timeout: Number(timeout) };
const options = { prefix };

/** Each opens what it needs, and returns the blocking call: what it returns when the time is up is in the test. */
const calls: Record<string, () => () => unknown> = {
	recv() {
		const receiver = Channel.receiver(name, options);
		return () => receiver.recv(wait);
	},
	recvInto() {
		const receiver = Channel.receiver(name, options);
		const target = new Uint8Array(64);
		return () => receiver.recvInto(target, wait);
	},
	drain() {
		const receiver = Channel.receiver(name, options);
		return () => receiver.drain(() => {}, wait);
	},
	take() {
		const receiver = Queue.receiver(name, options);
		return () => receiver.take(wait);
	},
	send() {
		const sender = Channel.sender(name, options);
		return () => sender.send(large(1, 3000), wait);
	},
	"send in fragments"() {
		const sender = Channel.sender(name, options);
		return () => sender.send(large(1, 20_000), wait);
	},
	waitForReceivers() {
		const sender = Channel.sender(name, options);
		return () => sender.waitForReceivers(1, wait);
	},
	"mutex.lock"() {
		const mutex = Mutex.open(name, options);
		return () => mutex.lock(wait);
	},
	"rwlock.lock"() {
		const lock = RwLock.open(name, options);
		return () => lock.lock(wait);
	},
	"rwlock.lockShared"() {
		const lock = RwLock.open(name, options);
		return () => lock.lockShared(wait);
	},
	"semaphore.acquire"() {
		const semaphore = Semaphore.open(name, { ...options, initial: 1 });
		return () => semaphore.acquire(wait);
	},
	"condition.wait"() {
		const mutex = Mutex.open(name, options);
		const condition = Condition.open(name, options);
		mutex.lock();
		return () => condition.wait(mutex, wait);
	},
	"signal.wait"() {
		const signal = Signal.open(name, options);
		return () => signal.wait(wait);
	},
	"memory.waitOn"() {
		const memory = SharedMemory.open(name, { ...options, size: 4096 });
		return () => memory.waitOn(0, 0, wait);
	},
};

const block = calls[call]?.();
if (!block) throw new Error(`there is no call "${call}"`);
const results: unknown[] = [];
let isOver = false;
const stop = () => {
	isOver = true;
};
process.on("SIGTERM", stop);
// A handler of another signal, which ends no call.
process.on("SIGUSR2", () => {});
say("ready");
const started = performance.now();
while (!isOver) {
	results.push(block());
	await turn();
}
const took = performance.now() - started;
if (then === "remove") {
	process.off("SIGTERM", stop);
	setInterval(() => {}, 60_000);
}
say(JSON.stringify({ results, took }));
if (then === "") process.exit();
