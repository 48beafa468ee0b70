// A program of a user, for the TypeScript compiler only: it uses each export, with the types that a user writes.
import {
	Channel,
	Condition,
	clear,
	defineChannel,
	type EngineInfo,
	engine,
	IpcError,
	type IpcErrorCode,
	Latest,
	type Lease,
	type ListedName,
	list,
	listen,
	type Message,
	Mutex,
	merge,
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
	Signal,
} from "libipc";
import { bytes, json, structured, text } from "libipc/codecs";
import { sealed } from "libipc/codecs/sealed";
import { defineService, Service } from "libipc/service";
import { BroadcastChannel, createWeb, locks } from "libipc/web";
import "libipc/web/global";

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

interface Order {
	readonly id: number;
}

export async function values(): Promise<void> {
	const orders = defineChannel("orders", { prefix: "consumer", codec: json<Order>() });
	using receiver = orders.receiver();
	orders.sender().send({ id: 1 });
	using secret = Channel.receiver("secret", { codec: sealed(text(), { id: 1, key: new Uint8Array(32) }) });
	const [order, line]: [Order | undefined, string | undefined] = [receiver.recv(), secret.recv()];
	for await (const value of merge(receiver, secret)) console.log(value, order, line);
	using latest = Latest.open("limits", { codec: structured<Map<string, number>>() });
	const limit: number | undefined = latest.get()?.get("orders");
	using signal = Signal.open("changed", { prefix: "consumer" });
	console.log(limit, signal.closed, bytes().id, listen);
}

export async function calls(): Promise<void> {
	const handlers = {
		quote: (symbol: string) => ({ symbol, price: 42.17 }),
		async *history(symbol: string) {
			yield `${symbol} on day 1`;
		},
	};
	using server = Service.serve("prices", handlers);
	using prices = Service.connect<typeof handlers>("prices", { timeout: 5000 });
	const price: number = (await prices.quote("BUN")).price;
	for await (const day of prices.history("BUN")) console.log(day.length, price, server.closed);
	using defined = defineService<typeof handlers>("prices").connect();
	// @ts-expect-error: a symbol is a string
	await defined.quote(5);
}

export async function web(): Promise<void> {
	using own = createWeb({ prefix: "consumer" });
	const news: BroadcastChannel = new BroadcastChannel("news");
	news.postMessage("news");
	await locks.request("accounts", () => own.locks.query());
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
