/**
 * One of the processes of the soak. It sends and receives until it reads "stop", and opens and closes its endpoints all the time.
 * It reports one line of JSON at the start, at each request, and at the end.
 */
import { readdirSync } from "node:fs";
import type { Lease, QueueReceiver, Receiver, Sender } from "@libipc/core";
import { checksum, HEADER, readMessage, writeMessage } from "./message.ts";
import { processes, type Report, type Topic, topics } from "./topics.ts";

const [prefix = "", index = "0", seed = "1"] = process.argv.slice(2);
const mine = processes[Number(index)];
if (!mine) throw new Error(`there is no process ${index}`);
const LARGEST = 8 << 20;

let state = Number(seed) * 2654435761 + Number(index) + 1;
/** A number below `limit`. xorshift, so that the same seed makes the same decisions. */
function random(limit: number): number {
	state ^= state << 13;
	state ^= state >>> 17;
	state ^= state << 5;
	return (state >>> 0) % limit;
}

/** Mostly small, sometimes up to 8 MiB. 0 is an empty message, which has no header. */
function randomLength(most: number): number {
	const kind = random(200);
	if (kind === 0) return HEADER + random(most - HEADER + 1);
	if (kind < 10) return HEADER + random(Math.min(most, 1 << 17) - HEADER + 1);
	return kind === 10 ? 0 : HEADER + random(1000);
}

const counts = { sent: 0, received: 0, endpoints: 0, lost: 0 };
const queue = { sent: 0, received: 0, sentSum: 0, receivedSum: 0 };
const errors: string[] = [];
const stopping = new AbortController();
const draining = new AbortController();

/** Opens a sender, sends for a while and closes it. */
async function runSender(topic: Topic, task: number, instance: number, out: Uint8Array): Promise<void> {
	const { factory, options } = topics[topic];
	using sender: Sender = factory.sender(topic, { prefix, ...options });
	const until = performance.now() + 200 + random(2000);
	let sequence = 0;
	while (performance.now() < until && !stopping.signal.aborted) {
		const tag = { task, instance, sequence };
		const length = randomLength(Math.min(LARGEST, sender.maxMessageLength - 8));
		const message = length === 0 ? new Uint8Array() : writeMessage(out, tag, length);
		const sent = await sendByRandomMethod(sender, message);
		if (sent) {
			counts.sent++;
			if (length > 0) sequence++;
			if (topic === "queue") {
				queue.sent++;
				if (length > 0) queue.sentSum += checksum(tag);
			}
		} else {
			// There is no receiver, or none that reads: let the others run.
			await Bun.sleep(1);
		}
	}
}

async function sendByRandomMethod(sender: Sender, message: Uint8Array): Promise<boolean> {
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

/** Opens a receiver, receives for a while and closes it. */
async function runReceiver(topic: Topic): Promise<void> {
	const { factory, options } = topics[topic];
	const receiver: Receiver = factory.receiver(topic, { prefix, ...options, from: random(2) ? "oldest" : "newest" });
	receiver.unref();
	const end = setTimeout(() => receiver.close(), 300 + random(3000));
	const stop = (): void => void setTimeout(() => receiver.close(), topic === "queue" ? 0 : 1000);
	draining.signal.addEventListener("abort", stop);
	if (draining.signal.aborted) stop();
	/** The number of the next message of each instance of each sender. */
	const next = new Map<string, number>();
	let gaps = 0;
	const accept = (bytes: Uint8Array): void => {
		counts.received++;
		if (bytes.byteLength === 0) return;
		const tag = readMessage(bytes);
		const key = `${tag.task}.${tag.instance}`;
		const due = next.get(key);
		next.set(key, tag.sequence + 1);
		if (topic === "queue" || due === undefined || tag.sequence === due) return;
		if (tag.sequence < due || topic !== "oldest")
			throw new Error(`${topic}: ${key}: message ${tag.sequence} instead of ${due}`);
		gaps += tag.sequence - due;
	};
	try {
		if (topic === "queue") await takeLeases(receiver as QueueReceiver, accept);
		else for await (const message of receiver) accept(message);
	} finally {
		clearTimeout(end);
		draining.signal.removeEventListener("abort", stop);
		if (!receiver.closed) receiver.close();
	}
	counts.lost += gaps;
}

async function takeLeases(receiver: QueueReceiver, accept: (bytes: Uint8Array) => void): Promise<void> {
	const open: Lease[] = [];
	for await (const lease of receiver.leases()) {
		if (random(10) === 0) {
			lease.retry();
			continue;
		}
		accept(lease.bytes);
		// Some leases stay open for a while and end in another order, or not at all if the receiver is closed before.
		open.push(lease);
		if (open.length < 4 && random(3) === 0) continue;
		while (open.length > 0) {
			const done = open.splice(random(open.length), 1)[0] as Lease;
			queue.received++;
			if (done.bytes.byteLength > 0) queue.receivedSum += checksum(readMessage(done.bytes));
			done.done();
		}
	}
}

const recordError = (topic: string) => (error: unknown) =>
	void errors.push(`${topic}: ${error instanceof Error ? error.stack : error}`);

async function repeat(topic: Topic, isOver: () => boolean, open: (instance: number) => Promise<void>): Promise<void> {
	for (let n = 0; !isOver() && errors.length === 0; n++) {
		counts.endpoints++;
		await open(n).catch(recordError(topic));
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
		() => runReceiver(topic),
	),
);
const senders = mine.senders.map((topic, i) => {
	const task = Number(index) * 10 + i;
	const out = new Uint8Array(LARGEST);
	return repeat(
		topic,
		() => stopping.signal.aborted,
		(instance) => runSender(topic, task, instance, out),
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
