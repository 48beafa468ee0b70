import { type Order, orders } from "../orders.ts";

process.on("message", (order: Order) => {
	console.log(JSON.stringify(order));
	if (order.id === orders.length) process.disconnect?.();
});
