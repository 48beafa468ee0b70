/**
 * Opens a name and stays until a signal ends it: `ended HOW PREFIX NAME`. Says "ready" when the name is open, and before it waits.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { args, say } from "@libipc/testing/program";
import { Channel, Mutex, Queue } from "../under_test.ts";

const [how = "", prefix = "", name = ""] = isMainThread ? args : (workerData as string[]);
const options = { prefix };
const stay = () => setInterval(() => {}, 60_000);

/** The prefix and the name again, for a Worker that opens the name too. */
function startWorker(): void {
	const worker = new Worker(new URL(import.meta.url), { workerData: ["in worker", prefix, name] });
	worker.once("message", () => say("ready"));
}

/** What keeps the endpoints from being collected. */
export const kept: unknown[] = [];

const ways: Record<string, () => unknown> = {
	async "event loop"() {
		const receiver = Channel.receiver(name, options);
		say("ready");
		for await (const _ of receiver);
	},
	"blocking recv"() {
		const receiver = Channel.receiver(name, options);
		say("ready");
		receiver.recv();
	},
	"blocking recv with a timeout"() {
		const receiver = Channel.receiver(name, options);
		say("ready");
		receiver.recv({ timeout: 600_000 });
	},
	sender() {
		kept.push(Channel.sender(name, options));
		say("ready");
		stay();
	},
	"queue with a job"() {
		const sender = Queue.sender(name, options);
		const receiver = Queue.receiver(name, options);
		sender.send("a job");
		kept.push(sender, receiver, receiver.tryTake());
		say("ready");
		stay();
	},
	"mutex held"() {
		const mutex = Mutex.open(name, options);
		mutex.lock();
		kept.push(mutex);
		say("ready");
		stay();
	},
	"worker only"() {
		startWorker();
	},
	"worker and main"() {
		kept.push(Channel.receiver(name, options));
		startWorker();
	},
	"in worker"() {
		kept.push(Channel.receiver(name, options));
		parentPort?.postMessage("open");
		stay();
	},
	"handler removed"() {
		const handler = () => {};
		for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, handler);
		kept.push(Channel.receiver(name, options));
		for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.off(signal, handler);
		setTimeout(() => {
			// A later open watches the signals again.
			kept.push(Channel.receiver(name, options));
			say("ready");
			stay();
		}, 100);
	},
	"handler before"() {
		for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(7));
		kept.push(Channel.receiver(name, options));
		say("ready");
		stay();
	},
	"handler after"() {
		kept.push(Channel.receiver(name, options));
		for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(7));
		say("ready");
		stay();
	},
};

const way = ways[how];
if (!way) throw new Error(`there is no way "${how}"`);
await way();
