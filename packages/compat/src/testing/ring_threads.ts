/**
 * Several senders and receivers of one name, each in a thread: `ring_threads.ts KIND SENDERS RECEIVERS COUNT OVERFLOW`, in Bun or
 * in Node. Ends with what was wrong, or prints "right" and how many messages were lost on the way.
 */
import { Worker } from "node:worker_threads";
import { Channel, type Overflow, Queue, Route } from "../index.ts";
import type { RingResult, RingTask } from "./ring.worker.ts";

const [kindText = "channel", senderText = "1", receiverText = "1", countText = "1000", overflow = "block"] =
	process.argv.slice(2);
const kind = kindText as RingTask["kind"];
const senders = Number(senderText);
const receivers = Number(receiverText);
const count = Number(countText);
const name = "threads";
const end = 255;

const messageOf = (worker: Worker): Promise<unknown> =>
	new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));

/** A thread that has its endpoint open. */
async function start(role: RingTask["role"], number: number): Promise<Worker> {
	const workerData: RingTask = { kind, role, name, number, count, all: senders * count, end };
	const worker = new Worker(new URL("ring.worker.ts", import.meta.url), { workerData });
	await messageOf(worker);
	return worker;
}

const factory = { route: Route, channel: Channel, queue: Queue }[kind];
// The ring is small: it runs full, empty and round many times. This one makes it, and leaves.
const maker = factory.receiver(name, { capacity: 16_384, overflow: overflow as Overflow });
const receiving = await Promise.all(Array.from({ length: receivers }, (_, i) => start("receiver", i)));
const sending = await Promise.all(Array.from({ length: senders }, (_, i) => start("sender", i)));
maker.close();
const results = receiving.map((worker) => messageOf(worker) as Promise<RingResult>);
const sent = sending.map(messageOf);
for (const worker of [...receiving, ...sending]) worker.postMessage("go");
await Promise.all(sent);
if (kind === "queue") {
	const last = Queue.sender(name);
	last.send(Uint8Array.of(end, 0, 0, 0, 0));
	await Promise.all(results);
	last.close();
}
const all = await Promise.all(results);

const wrong = all.map((result) => result.wrong).filter(Boolean);
if (kind === "queue") {
	// Each job once, wherever.
	const jobs = all.flatMap(({ order }) =>
		Array.from({ length: order.length / 3 }, (_, i) => order.slice(3 * i, 3 * i + 3).join()),
	);
	if (new Set(jobs).size !== jobs.length || jobs.length !== senders * count)
		wrong.push(`${new Set(jobs).size} jobs came, in ${jobs.length} messages, not ${senders * count}`);
} else if (overflow === "block") {
	// One order for all receivers.
	const [first] = all;
	for (const { order } of all)
		if (order.length !== senders * count || order.join() !== first?.order.join()) wrong.push("orders differ");
}
console.log(wrong.length > 0 ? wrong.join("\n") : `right, ${all.reduce((sum, { lost }) => sum + lost, 0)} lost`);
process.exit(wrong.length > 0 ? 1 : 0);
