/**
 * One of the soak's processes: sends and receives until its input says stop, opening and closing its endpoints all the
 * time. Reports as one line of JSON at the start, each time it is asked, and at the end.
 */
import { readdirSync } from "node:fs";
import type { Lease, QueueReceiver, Receiver, Sender } from "@libipc/core";
import { HEADER, readMessage, type Tag, writeMessage } from "./message.ts";
import { processes, type Report, type Topic, topics } from "./topics.ts";

const [prefix = "", index = "0", seed = "1"] = process.argv.slice(2);
const mine = processes[Number(index)];
if (!mine) throw new Error(`there is no process ${index}`);
const LARGEST = 8 << 20;

let state = Number(seed) * 2654435761 + Number(index) + 1;
/** Below `limit`: xorshift, so that a seed repeats what it decides. */
function random(limit: number): number {
	state ^= state << 13;
	state ^= state >>> 17;
	state ^= state << 5;
	return (state >>> 0) % limit;
}

/** Mostly small, now and then anything up to 8 MiB; 0 is an empty message, which has no header. */
function randomLength(most: number): number {
	const kind = random(200);
	if (kind === 0) return HEADER + random(most - HEADER + 1);
	if (kind < 10) return HEADER + random(Math.min(most, 1 << 17) - HEADER + 1);
	return kind === 10 ? 0 : HEADER + random(1000);
}

const counts = { sent: 0, received: 0, lives: 0, lost: 0 };
const queue = { sent: 0, received: 0, sentSum: 0, receivedSum: 0 };
const errors: string[] = [];
const stopping = new AbortController();
const draining = new AbortController();

const weight = ({ task, life, sequence }: Tag): number => task * 7919 + life * 104_729 + sequence;

async function sendLife(topic: Topic, task: number, life: number, out: Uint8Array): Promise<void> {
	const { factory, options } = topics[topic];
	using sender: Sender = factory.sender(topic, { prefix, ...options });
	const until = performance.now() + 200 + random(2000);
	let sequence = 0;
	while (performance.now() < until && !stopping.signal.aborted) {
		const tag = { task, life, sequence };
		const length = randomLength(Math.min(LARGEST, sender.maxMessageLength - 8));
		const message = length === 0 ? new Uint8Array() : writeMessage(out, tag, length);
		const sent = await sendSomehow(sender, message);
		if (sent) {
			counts.sent++;
			if (length > 0) sequence++;
			if (topic === "queue") {
				queue.sent++;
				if (length > 0) queue.sentSum += weight(tag);
			}
		} else {
			// Nobody there, or nobody reads: let the others go on.
			await Bun.sleep(1);
		}
	}
}

async function sendSomehow(sender: Sender, message: Uint8Array): Promise<boolean> {
	switch (random(5)) {
		case 0:
			return sender.trySend(message);
		case 1:
			return sender.sendBatch([message], { timeout: 20 }) === 1;
		case 2: {
			using loan = sender.loan(message.byteLength, { timeout: 20 });
			if (!loan) return false;
			loan.bytes.set(message);
			return random(8) > 0 && loan.send();
		}
		default:
			return sender.sendAsync(message, { timeout: 500 });
	}
}

async function receiveLife(topic: Topic): Promise<void> {
	const { factory, options } = topics[topic];
	const receiver: Receiver = factory.receiver(topic, { prefix, ...options, from: random(2) ? "oldest" : "newest" });
	receiver.unref();
	const end = setTimeout(() => receiver.close(), 300 + random(3000));
	const stop = (): void => void setTimeout(() => receiver.close(), topic === "queue" ? 0 : 1000);
	draining.signal.addEventListener("abort", stop);
	if (draining.signal.aborted) stop();
	/** The next message of each sender's life. */
	const next = new Map<string, number>();
	let gaps = 0;
	const take = (bytes: Uint8Array): void => {
		counts.received++;
		if (bytes.byteLength === 0) return;
		const tag = readMessage(bytes);
		const key = `${tag.task}.${tag.life}`;
		const due = next.get(key);
		next.set(key, tag.sequence + 1);
		if (topic === "queue" || due === undefined || tag.sequence === due) return;
		if (tag.sequence < due || topic !== "oldest")
			throw new Error(`${topic}: ${key}: ${tag.sequence} where ${due} was due`);
		gaps += tag.sequence - due;
	};
	try {
		if (topic === "queue") await work(receiver as QueueReceiver, take);
		else for await (const message of receiver) take(message);
	} finally {
		clearTimeout(end);
		draining.signal.removeEventListener("abort", stop);
		if (!receiver.closed) receiver.close();
	}
	counts.lost += gaps;
}

async function work(receiver: QueueReceiver, take: (bytes: Uint8Array) => void): Promise<void> {
	const open: Lease[] = [];
	for await (const lease of receiver.leases()) {
		if (random(10) === 0) {
			lease.retry();
			continue;
		}
		take(lease.bytes);
		// Some are kept for a while, and done in another order; or not at all, if the receiver is closed before.
		open.push(lease);
		if (open.length < 4 && random(3) === 0) continue;
		while (open.length > 0) {
			const done = open.splice(random(open.length), 1)[0] as Lease;
			queue.received++;
			if (done.bytes.byteLength > 0) queue.receivedSum += weight(readMessage(done.bytes));
			done.done();
		}
	}
}

const noted = (topic: string) => (error: unknown) =>
	void errors.push(`${topic}: ${error instanceof Error ? error.stack : error}`);

async function repeat(topic: Topic, isOver: () => boolean, life: (life: number) => Promise<void>): Promise<void> {
	for (let n = 0; !isOver() && errors.length === 0; n++) {
		counts.lives++;
		await life(n).catch(noted(topic));
	}
}

function report(): void {
	Bun.gc(true);
	const { sent, received, sentSum, receivedSum } = queue;
	const now: Report = {
		rss: process.memoryUsage.rss(),
		descriptors: readdirSync("/proc/self/fd").length,
		threads: readdirSync("/proc/self/task").length,
		...counts,
		queueSent: sent,
		queueReceived: received,
		queueSentSum: sentSum,
		queueReceivedSum: receivedSum,
		errors,
	};
	console.log(JSON.stringify(now));
}

report();
const receivers = mine.receivers.map((topic) =>
	repeat(
		topic,
		() => draining.signal.aborted,
		() => receiveLife(topic),
	),
);
const senders = mine.senders.map((topic, i) => {
	const task = Number(index) * 10 + i;
	const out = new Uint8Array(LARGEST);
	return repeat(
		topic,
		() => stopping.signal.aborted,
		(life) => sendLife(topic, task, life, out),
	);
});
for await (const line of console) {
	if (line === "stop") {
		stopping.abort();
		await Promise.all(senders);
	} else if (line === "drain") {
		draining.abort();
		await Promise.all(receivers);
	}
	report();
	if (line === "drain") break;
}
process.exit(0);
