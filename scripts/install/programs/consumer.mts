// A program of a user, for the TypeScript compiler only: it uses each export, with the types that a user writes.
import {
	Channel,
	Condition,
	clear,
	type EngineInfo,
	engine,
	IpcError,
	type IpcErrorCode,
	type Lease,
	type ListedName,
	list,
	type Message,
	Mutex,
	monotonicNs,
	Queue,
	type QueueReceiver,
	type Receiver,
	type ReceiverOptions,
	Route,
	RwLock,
	Semaphore,
	type Sender,
	SharedMemory,
} from "libipc";

const options: ReceiverOptions = { prefix: "consumer", capacity: 65_536, from: "oldest" };

export function publish(messages: Iterable<Message>): number {
	const sender: Sender = Route.sender("prices", { prefix: "consumer" });
	try {
		return sender.sendBatch(messages, { timeout: 1000 });
	} finally {
		sender.close();
	}
}

export async function read(receiver: Receiver): Promise<string> {
	const first: Uint8Array | null = receiver.recv({ timeout: 10 });
	const second: Uint8Array | null = await receiver.recvAsync({ signal: AbortSignal.timeout(10) });
	for await (const message of receiver.messages()) return new TextDecoder().decode(message);
	return `${first?.byteLength} ${second?.byteLength}`;
}

export async function work(jobs: QueueReceiver): Promise<void> {
	const lease: Lease | null = await jobs.takeAsync();
	lease?.done();
	using another = jobs.take({ timeout: 0 });
	another?.done();
}

export function codeOf(error: unknown): IpcErrorCode | undefined {
	return error instanceof IpcError ? error.code : undefined;
}

export function useLocks(): void {
	using mutex = Mutex.open("mutex", { prefix: "consumer" });
	using condition = Condition.open("condition", { prefix: "consumer" });
	using semaphore = Semaphore.open("semaphore", { prefix: "consumer" });
	using lock = RwLock.open("rwlock", { prefix: "consumer" });
	using memory = SharedMemory.open("memory", { prefix: "consumer", size: 4096 });
	using guard = mutex.acquire();
	if (guard.ownerDied) memory.words[0] = 0;
	using permit = semaphore.acquire();
	permit.release();
	console.log(condition.closed, lock.closed, memory.byteLength);
}

using channel = Channel.receiver("log", options);
using jobs = Queue.receiver("jobs", options);
const info: EngineInfo = engine();
const names: ListedName[] = list({ prefix: "consumer" });
clear({ prefix: "consumer" });
const now: number = monotonicNs();
console.log(await read(channel), info.name, names.length, now);
await work(jobs);

// @ts-expect-error: a name is a string
Route.sender(5);
// @ts-expect-error: there is no such option
Route.receiver("prices", { capcity: 5 });
