import { expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { createHub, entryOf } from "./hub.ts";
import { threadWord } from "./hub_layout.ts";
import { openAsReceiver, openAsSender } from "./open_segment.ts";
import { noOptions } from "./testing/pretend.ts";
import { isThreadRegistered, recordExit, threadIdentity, watchThreads } from "./thread_exits.ts";
import { Threads } from "./threads.ts";

// Others may be using the machine, too.
setDefaultTimeout(300_000);

const buffer = createHub();
const here = new Threads(buffer, { self: threadIdentity(), isAlive: isThreadRegistered });
watchThreads(() => here.hub);

const start = (levels: number): Worker =>
	new Worker(new URL("testing/watched.worker.ts", import.meta.url), { workerData: { buffer, levels } });

test.each([1, 2])(
	"without the help of the system, threads notice the end of others, %d levels below",
	async (levels) => {
		const worker = start(levels);
		const [low] = (await once(worker, "message")) as [number];
		const sender = openAsSender(here, "route", "", "other", noOptions);
		expect(() => openAsSender(here, "route", "", "name", noOptions)).toThrow("has a sender already");
		expect(here.isAlive(low, 0)).toBe(true);
		const exited = once(worker, "exit");
		await worker.terminate();
		await exited;
		expect(here.isAlive(low, 0)).toBe(false);
		openAsSender(here, "route", "", "name", noOptions).leave();
		sender.leave();
	},
);

test("the end of Bun's browser-like Workers is noticed, too", async () => {
	const worker = new globalThis.Worker(new URL("testing/watched_web.worker.ts", import.meta.url));
	const low = worker.threadId + 1;
	const other = new Threads(buffer, { self: { low, high: 0 }, isAlive: isThreadRegistered });
	expect(other.isAlive(low, 0)).toBe(true);
	expect(here.isAlive(low, 0)).toBe(true);
	const closed = once(worker, "close");
	worker.postMessage("end");
	await closed;
	expect(here.isAlive(low, 0)).toBe(false);
});

test("the end of a thread that never joined the hub ends the threads that it created", () => {
	const other = new Threads(buffer, { self: { low: 4711, high: 0 }, isAlive: isThreadRegistered });
	const { segment, at } = openAsReceiver(other, "channel", "", "name", noOptions, false);
	expect(at).toBe(segment.receivers);
	recordExit(here.hub, 4712);
	expect(here.isAlive(4711, 0)).toBe(true);
	// As recordParent does in a thread below that one.
	here.hub.words[entryOf(here.hub, other.slot) + threadWord.parent] = 4712;
	recordExit(here.hub, 4712);
	expect(here.isAlive(4711, 0)).toBe(false);
});
