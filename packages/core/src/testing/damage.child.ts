/**
 * damage.child.ts <kind> <seed> <rounds> <truncates>: opens a name, has its file damaged by a stranger's writes (or made
 * smaller), and goes on calling. Prints how many calls answered, and with what; ends with 1 at the first that must not be.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { seededRandom } from "@libipc/testing/random";
import {
	Channel,
	Condition,
	IpcError,
	list,
	Mutex,
	Queue,
	type Receiver,
	Route,
	RwLock,
	Semaphore,
	type Sender,
	SharedMemory,
	Signal,
} from "../index.ts";

const [kind = "channel", seedText = "1", roundsText = "10", truncates = ""] = process.argv.slice(2);
const prefix = `damage${process.pid}`;
const CAPACITY = 8192;
/** Past a timeout: what locks that are stuck may take, and a busy machine. */
const SLACK_MS = 12_000;

const random = seededRandom(Number(seedText));

const answers = new Map<string, number>();
let round = 0;

function fail(call: string, what: string): never {
	console.log(`seed ${seedText}, round ${round}: ${call} ${what}`);
	process.exit(1);
}

function note(call: string, started: number, error?: unknown): void {
	if (performance.now() - started > SLACK_MS) fail(call, `took ${performance.now() - started} ms`);
	if (error !== undefined && (!(error instanceof IpcError) || error.code === "ERR_IPC_SYSTEM"))
		fail(call, `threw ${error instanceof Error ? error.stack : error}`);
	const answer = error instanceof IpcError ? error.code : "answered";
	answers.set(answer, (answers.get(answer) ?? 0) + 1);
}

/** One call, which may throw only what is documented. */
function attempt<Result>(name: string, call: () => Result): Result | undefined {
	const started = performance.now();
	try {
		const result = call();
		note(name, started);
		return result;
	} catch (error) {
		note(name, started, error);
		return undefined;
	}
}

async function attemptAsync(name: string, call: () => Promise<unknown>): Promise<void> {
	const started = performance.now();
	try {
		await call();
		note(name, started);
	} catch (error) {
		note(name, started, error);
	}
}

/** A stranger's change to the file: some words of it, often those that matter most; or its end is cut off. */
function damage(name: string): void {
	let file: number;
	try {
		file = openSync(`/dev/shm/libipc.${kind}.${prefix.length}.${prefix}.${name}`, "r+");
	} catch {
		return;
	}
	const { size } = fstatSync(file);
	if (truncates) {
		const sizes = [0, 100, 4096, 8192, size - 4096, size >> 1, random(size + 1)];
		ftruncateSync(file, sizes[random(sizes.length)] ?? 0);
	} else if (size > 8192) {
		const word = Buffer.alloc(4);
		for (let count = 1 + random(12); count > 0; count--) {
			const area = random(4);
			const offset = area < 2 ? 256 + random(1500) : area === 2 ? size - 1 - random(CAPACITY) : random(size);
			readSync(file, word, 0, 4, offset & ~3);
			const before = word.readUInt32LE();
			const values = [0, before ^ (1 << random(32)), 0xffffffff, before + random(100), random(0x100000000), random(8)];
			word.writeUInt32LE((values[random(values.length)] ?? 0) >>> 0);
			writeSync(file, word, 0, 4, offset & ~3);
		}
	}
	closeSync(file);
}

const timeout = () => [0, 0, 1, 20][random(4)];
const message = () => new Uint8Array([1, 50, 900, 5000, 20_000][random(5)] ?? 1);

async function useRing(name: string, sender: Sender, receiver: Receiver): Promise<void> {
	const calls: (() => unknown)[] = [
		() =>
			attempt("send", () =>
				sender.send(kind === "queue" ? message().subarray(0, 900) : message(), { timeout: timeout() }),
			),
		() => attempt("trySend", () => sender.trySend("text")),
		() => attempt("sendBatch", () => sender.sendBatch(["a", "b", "c"], { timeout: timeout() })),
		() =>
			attempt("loan", () => {
				const loan = sender.loan(100, { timeout: timeout() });
				loan?.bytes.fill(7);
				loan?.send(50);
			}),
		() => attempt("waitForReceivers", () => sender.waitForReceivers(random(3), { timeout: timeout() })),
		() => attempt("receiverCount", () => sender.receiverCount),
		() => attempt("recv", () => receiver.recv({ timeout: timeout() })),
		() => attempt("recvInto", () => receiver.recvInto(new Uint8Array(1000), { timeout: timeout() })),
		() => attempt("lost", () => receiver.lost),
		() =>
			attempt("drain", () =>
				receiver.drain(
					(view) => {
						if (random(4) === 0) damage(name);
						return view.reduce((sum, byte) => sum + byte, 0);
					},
					{ timeout: timeout() },
				),
			),
		() => attempt("drainBatch", () => receiver.drainBatch((batch) => batch.bytes.at(-1), { timeout: timeout() })),
		() => attempt("list", () => list({ prefix })),
		() => attemptAsync("sendAsync", () => sender.sendAsync("later", { timeout: timeout() })),
		() => attemptAsync("recvAsync", () => receiver.recvAsync({ timeout: timeout() })),
	];
	if ("take" in receiver) {
		const queue = receiver as ReturnType<typeof Queue.receiver>;
		calls.splice(9, 2, () =>
			attempt("take", () => {
				const lease = queue.take({ timeout: timeout() });
				if (random(4) === 0) damage(name);
				if (random(2)) lease?.retry();
				else lease?.done();
			}),
		);
	}
	await useAny(name, calls);
}

async function useAny(name: string, calls: readonly (() => unknown)[]): Promise<void> {
	for (let step = 0; step < 12; step++) {
		if (step % 3 === 2) damage(name);
		await calls[random(calls.length)]?.();
	}
}

async function useHandle(name: string): Promise<void> {
	switch (kind) {
		case "mutex":
		case "rwlock": {
			const lock = kind === "mutex" ? Mutex.open(name, { prefix }) : RwLock.open(name, { prefix });
			const calls = [
				() => attempt("lock", () => lock.lock({ timeout: timeout() })),
				() => attempt("tryLock", () => lock.tryLock()),
				() => attempt("unlock", () => lock.unlock()),
				() => attemptAsync("lockAsync", () => lock.lockAsync({ timeout: timeout() })),
				() => attempt("held", () => lock.held),
			];
			if ("lockShared" in lock)
				calls.push(
					() => attempt("lockShared", () => lock.lockShared({ timeout: timeout() })),
					() => attempt("unlockShared", () => lock.unlockShared()),
				);
			await useAny(name, calls);
			return void attempt("close", () => lock.close());
		}
		case "semaphore": {
			const semaphore = Semaphore.open(name, { prefix, initial: 2, robust: random(2) === 1 });
			await useAny(name, [
				() => attempt("acquire", () => semaphore.acquire({ timeout: timeout() })),
				() => attempt("release", () => semaphore.release()),
				() => attemptAsync("acquireAsync", () => semaphore.acquireAsync({ timeout: timeout() })),
				() => attempt("permits", () => semaphore.permits),
			]);
			return void attempt("close", () => semaphore.close());
		}
		case "condition": {
			const condition = Condition.open(name, { prefix });
			const mutex = Mutex.open(`${name}m`, { prefix });
			mutex.lock();
			await useAny(name, [
				() => attempt("wait", () => condition.wait(mutex, { timeout: timeout() })),
				() => attempt("notify", () => condition.notify()),
				() => attempt("notifyAll", () => condition.notifyAll()),
				() => attemptAsync("waitAsync", () => condition.waitAsync(mutex, { timeout: timeout() })),
			]);
			attempt("close", () => condition.close());
			attempt("close", () => mutex.close());
			// Closed while it is locked, it keeps its name for the next owner.
			return void attempt("clear", () => Mutex.clear(`${name}m`, { prefix }));
		}
		case "signal": {
			const signal = Signal.open(name, { prefix });
			const other = Signal.open(name, { prefix });
			await useAny(name, [
				() => attempt("notify", () => other.notify(random(64), random(64))),
				() => attempt("wait", () => signal.wait({ timeout: timeout() })),
				() => attemptAsync("waitAsync", () => signal.waitAsync({ timeout: timeout() })),
			]);
			attempt("close", () => other.close());
			return void attempt("close", () => signal.close());
		}
		default: {
			const memory = SharedMemory.open(name, { prefix, size: 20_000 });
			const view = memory.bytes;
			await useAny(name, [
				() => attempt("bytes", () => memory.bytes.reduce((sum, byte) => sum + byte, 0)),
				() => attempt("an older view", () => view.fill(random(256)).at(-1)),
				() => attempt("grow", () => memory.grow(20_000 + random(20_000))),
				() => attempt("wake", () => memory.wake(random(5000) * 4)),
				() => attempt("waitOn", () => memory.waitOn(random(4000) * 4, 0, { timeout: timeout() })),
				() => attemptAsync("waitOnAsync", () => memory.waitOnAsync(0, 0, { timeout: timeout() })),
			]);
			return void attempt("close", () => memory.close());
		}
	}
}

const rings = { route: Route, channel: Channel, queue: Queue };
for (; round < Number(roundsText); round++) {
	const name = `n${round}`;
	if (kind === "route" || kind === "channel" || kind === "queue") {
		const overflow = (["block", "drop-newest", "drop-oldest"] as const)[random(kind === "queue" ? 2 : 3)];
		const options = { prefix, capacity: CAPACITY, overflow };
		const receiver = rings[kind].receiver(name, options);
		const sender = rings[kind].sender(name, options);
		await useRing(name, sender, receiver);
		attempt("close", () => sender.close());
		attempt("close", () => receiver.close());
		attempt("clear", () => rings[kind].clear(name, { prefix }));
	} else {
		await useHandle(name);
		const factories = {
			mutex: Mutex,
			rwlock: RwLock,
			semaphore: Semaphore,
			condition: Condition,
			memory: SharedMemory,
			signal: Signal,
		};
		attempt("clear", () => factories[kind as keyof typeof factories].clear(name, { prefix }));
	}
}
console.log(JSON.stringify(Object.fromEntries(answers)));
process.exit(0);
