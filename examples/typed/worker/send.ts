import { Worker } from "node:worker_threads";
import { orders } from "../orders.ts";

const workers = Array.from(
	{ length: Number(process.argv[2]) },
	() => new Worker(new URL("receive.ts", import.meta.url)),
);
for (const order of orders) for (const worker of workers) worker.postMessage(order);
