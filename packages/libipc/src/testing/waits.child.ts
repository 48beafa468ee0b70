/** What keeps a process alive, and what is left of Workers: `waits.child.ts WHAT PREFIX NAME`. Prints when it ends by itself. */
import { readdirSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Channel } from "libipc";

const told = (isMainThread ? process.argv.slice(2) : workerData) as string[];
const [what = "", prefix = "", name = ""] = told;
const descriptors = (): number => readdirSync("/proc/self/fd").length;

if (!isMainThread) {
	const receiver = Channel.receiver(name, { prefix });
	void receiver.recvAsync();
	parentPort?.postMessage("waits");
	setInterval(() => receiver.closed, 60_000);
} else if (what === "waits") {
	const receiver = Channel.receiver(name, { prefix });
	console.log("ready");
	const message = await receiver.recvAsync();
	console.log(new TextDecoder().decode(message ?? undefined));
	receiver.close();
} else if (what === "echoes") {
	const receiver = Channel.receiver(name, { prefix });
	const sender = Channel.sender(`${name}.back`, { prefix });
	console.log("ready");
	for await (const message of receiver) {
		if (message.byteLength === 0) break;
		await sender.sendAsync(message);
	}
	sender.close();
	receiver.close();
} else if (what === "unref") {
	const receiver = Channel.receiver(name, { prefix });
	receiver.unref();
	void receiver.recvAsync();
	process.on("exit", () => console.log("ended"));
} else if (what === "exit") {
	const receiver = Channel.receiver(name, { prefix });
	void receiver.recvAsync();
	setTimeout(() => process.exit(7), 20);
} else if (what === "workers") {
	let before = 0;
	for (let round = 0; round < 12; round++) {
		const worker = new Worker(new URL(import.meta.url), { workerData: told });
		await new Promise((resolve) => worker.once("message", resolve));
		await worker.terminate();
		if (round === 1) before = descriptors();
	}
	console.log(JSON.stringify({ more: descriptors() - before }));
}
