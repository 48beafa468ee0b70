/** A thread on a system that does not report liveness: opens a name, or starts a Worker that does. */
import { parentPort, Worker, workerData } from "node:worker_threads";
import { openAsSender } from "../open_segment.ts";
import { isThreadRegistered, threadIdentity, watchThreads } from "../thread_exits.ts";
import { Threads } from "../threads.ts";
import { noOptions } from "./pretend.ts";

const { buffer, levels } = workerData as { readonly buffer: SharedArrayBuffer; readonly levels: number };

let here: Threads | undefined;
const join = (): Threads => {
	here ??= new Threads(buffer, { self: threadIdentity(), isAlive: isThreadRegistered });
	return here;
};
watchThreads(() => join().hub);

if (levels > 1) {
	const worker = new Worker(new URL(import.meta.url), { workerData: { buffer, levels: levels - 1 } });
	worker.on("message", (message) => parentPort?.postMessage(message));
} else {
	openAsSender(join(), "route", "", "name", noOptions);
	parentPort?.postMessage(threadIdentity().low);
	setInterval(() => {}, 1000);
}
