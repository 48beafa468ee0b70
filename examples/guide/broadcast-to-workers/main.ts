/** One sender and three Workers, each of which gets every price: `bun examples/guide/broadcast-to-workers/main.ts`. */
import { once } from "node:events";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { Route } from "libipc";

// The Workers have the same process id, so they use the same prefix.
const prefix = `guide-${process.pid}`;

/** Runs in a Worker, where a wait may block the thread. */
function listen(): string {
	using prices = Route.receiver("prices", { prefix });
	const decoder = new TextDecoder();
	let count = 0;
	let highest = 0;
	let ended = false;
	while (!ended) {
		prices.drain((view) => {
			// An empty message means the end: a convention of this program.
			if (view.byteLength === 0) ended = true;
			else {
				count++;
				highest = Math.max(highest, Number(decoder.decode(view)));
			}
		});
	}
	return `${count} prices, the highest ${highest}`;
}

/** Starts a Worker, and resolves with what it posts. Rejects if it throws. */
async function report(): Promise<string> {
	const [result] = await once(new Worker(new URL(import.meta.url)), "message");
	return String(result);
}

async function publish(): Promise<void> {
	using prices = Route.sender("prices", { prefix });
	const reports = Promise.all([1, 2, 3].map(report));
	// A Worker that connects later would miss what was sent before.
	if (!(await prices.receiversReady(3, { timeout: 5000 }))) throw new Error("the Workers did not start");
	for (let i = 1; i <= 1000; i++) prices.send(`${i / 10}`);
	prices.send("");
	for (const text of await reports) console.log(text);
}

if (isMainThread) await publish();
else parentPort?.postMessage(listen());
