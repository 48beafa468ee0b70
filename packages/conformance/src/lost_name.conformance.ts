/**
 * A file that was deleted by hand, or by a program that tidies up, while endpoints and handles work without a pause: they
 * notice within a second, receivers first read what was sent, and the name is free.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { afterAll, describe, test } from "./harness.ts";
import { factories, type Kind, Names } from "./names.ts";
import { type EndpointOptions, IpcError, Mutex, type Receiver, RwLock, Semaphore, type Sender } from "./under_test.ts";

const names = new Names("lost_name");
const { prefix } = names;

afterAll(() => names.clear());

/** A second is the promise. A machine that is busy runs this test more slowly. */
const MOST_MS = 5_000;

/** How often each endpoint works before its file is deleted. */
const ROUNDS_BEFORE = 100;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Works until the name was noticed to be lost. False: it goes on. */
async function isLost(work: () => unknown): Promise<boolean> {
	try {
		await work();
		return false;
	} catch (error) {
		assert.ok(error instanceof IpcError, String(error));
		assert.equal(error.code, "ERR_IPC_ORPHANED");
		return true;
	}
}

/** Has all of them work in turn, deletes their files in the middle, and returns when each has noticed. */
async function workUntilLost(works: readonly (() => unknown)[], deleteFiles: () => void): Promise<void> {
	const busy = new Set(works);
	for (let round = 0; round < ROUNDS_BEFORE; round++) for (const work of works) assert.equal(await isLost(work), false);
	deleteFiles();
	const started = performance.now();
	for (let round = 0; busy.size > 0; round++) {
		for (const work of busy) if (await isLost(work)) busy.delete(work);
		assert.ok(performance.now() - started < MOST_MS, `${busy.size} have not noticed it`);
		if (round % 100 === 0) await turn();
	}
}

/** Each way to send. How many messages were sent. */
const ways: Record<string, (sender: Sender) => number | Promise<number>> = {
	send: (sender) => Number(sender.send("message")),
	"send of bytes": (sender) => Number(sender.send(new Uint8Array(16))),
	"send of a long string": (sender) => Number(sender.send("x".repeat(5000))),
	trySend: (sender) => Number(sender.trySend("message")),
	sendAsync: async (sender) => Number(await sender.sendAsync("message")),
	sendBatch: (sender) => sender.sendBatch(["one", "two"]),
	loan: (sender) => Number(sender.loan(16)?.send() ?? false),
};

/** A sender and a receiver that always has something to read: only the sender can notice. */
class Pair {
	readonly name = names.next();
	readonly sender: Sender;
	readonly receiver: Receiver;
	sent = 0;
	received = 0;
	readonly #way: string;

	constructor(kind: Kind, way: string, options: EndpointOptions) {
		this.sender = factories[kind].sender(this.name, { prefix, ...options });
		this.receiver = factories[kind].receiver(this.name, { prefix, ...options }) as Receiver;
		this.#way = way;
	}

	async work(): Promise<void> {
		this.sent += (await ways[this.#way]?.(this.sender)) ?? 0;
		while (this.received < this.sent - 1) this.receive();
	}

	receive(): void {
		assert.ok(this.receiver.tryRecv());
		this.received++;
	}

	close(): void {
		this.sender.close();
		this.receiver.close();
	}
}

describe.each([
	["route", {}],
	["channel", {}],
	["channel", { overflow: "drop-newest" }],
	["queue", {}],
] as const)("the file of a busy %s is deleted: %j", (kind, options) => {
	test("each way to send notices; receivers read what was sent; the name is free", async () => {
		const path = (name: string): string => names.path(kind, name);
		const pairs = Object.keys(ways).map((way) => new Pair(kind, way, options));
		await workUntilLost(
			pairs.map((pair) => () => pair.work()),
			() => {
				for (const { name } of pairs) rmSync(path(name));
			},
		);
		for (const pair of pairs) {
			assert.ok(pair.sent > ROUNDS_BEFORE);
			while (pair.received < pair.sent) pair.receive();
			assert.equal(await isLost(() => pair.receiver.tryRecv()), true);
			const next = factories[kind].receiver(pair.name, { prefix });
			const sender = factories[kind].sender(pair.name, { prefix });
			assert.equal(sender.send("to the new one"), true);
			assert.equal(next.tryRecv()?.byteLength, 14);
			assert.equal(await isLost(() => pair.sender.send("to nobody")), true);
			sender.close();
			next.close();
			pair.close();
		}
	});
});

test("each way to receive notices that the file was deleted, also if no sender sends", async () => {
	const target = new Uint8Array(64);
	const receiving: readonly ((receiver: Receiver) => unknown)[] = [
		(receiver) => receiver.tryRecv(),
		(receiver) => receiver.recv({ timeout: 0 }),
		(receiver) => receiver.recv({ timeout: 1 }),
		(receiver) => receiver.recvInto(target, { timeout: 0 }),
		(receiver) => receiver.drain(() => {}, { timeout: 0 }),
		(receiver) => receiver.drainBatch(() => {}, { timeout: 0 }),
		(receiver) => receiver.recvAsync({ timeout: 1 }),
	];
	const opened = receiving.map((receive) => {
		const name = names.next();
		const sender = factories.channel.sender(name, { prefix });
		const receiver = factories.channel.receiver(name, { prefix });
		return { name, sender, receiver, work: () => receive(receiver) };
	});
	const waiting = factories.channel.receiver(names.next(), { prefix });
	const waits = assert.rejects(
		async () => {
			for await (const _ of waiting);
		},
		{ code: "ERR_IPC_ORPHANED" },
	);
	await workUntilLost(
		opened.map(({ work }) => work),
		() => {
			for (const { name } of opened) rmSync(names.path("channel", name));
			rmSync(names.path("channel", waiting.name));
		},
	);
	await waits;
	for (const { sender, receiver } of opened) {
		assert.equal(await isLost(() => sender.send("to nobody")), true);
		sender.close();
		receiver.close();
	}
	waiting.close();
});

test("locks that are free each time notice that the file was deleted, and the next open makes a new one", async () => {
	const mutex = Mutex.open(names.next(), { prefix });
	const rwlock = RwLock.open(names.next(), { prefix });
	const shared = RwLock.open(names.next(), { prefix });
	const plain = Semaphore.open(names.next(), { prefix, initial: 2 });
	const robust = Semaphore.open(names.next(), { prefix, initial: 2, robust: true });
	await workUntilLost(
		[
			() => mutex.acquire().release(),
			() => rwlock.acquire().release(),
			() => shared.acquireShared().release(),
			() => plain.acquire().release(),
			() => robust.acquire().release(),
		],
		() => {
			rmSync(names.path("mutex", mutex.name));
			for (const each of [rwlock, shared]) rmSync(names.path("rwlock", each.name));
			for (const each of [plain, robust]) rmSync(names.path("semaphore", each.name));
		},
	);
	const heir = Mutex.open(mutex.name, { prefix });
	heir.acquire().release();
	for (const each of [mutex, rwlock, shared, plain, robust, heir]) each.close();
});
