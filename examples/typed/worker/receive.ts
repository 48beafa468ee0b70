import { parentPort } from "node:worker_threads";
import { type Order, orders } from "../orders.ts";

parentPort?.on("message", (order: Order) => {
	console.log(JSON.stringify(order));
	if (order.id === orders.length) parentPort?.close();
});
