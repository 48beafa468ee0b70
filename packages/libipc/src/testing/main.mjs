// As a user writes it, in plain JavaScript: two threads, one import, in Node and in Bun.
import { Worker } from "node:worker_threads";
import { Channel, Queue } from "libipc";

const prefix = `packed${process.pid}`;
const jobs = Queue.sender("jobs", { prefix });
const results = Channel.receiver("results", { prefix });
const worker = new Worker(new URL("./worker.mjs", import.meta.url), { workerData: prefix });
let sum = 0;
for (let i = 1; i <= 1000; i++) {
	jobs.send(String(i));
	const result = await results.recvAsync({ timeout: 20_000 });
	if (!result) throw new Error(`no result of job ${i}`);
	sum += Number(new TextDecoder().decode(result));
}
jobs.send("end");
await new Promise((resolve) => worker.on("exit", resolve));
results.close();
jobs.close();
console.log(sum);
