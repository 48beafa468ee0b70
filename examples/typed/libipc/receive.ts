import { Route } from "libipc";
import { json } from "libipc/codecs";
import { type Order, orders } from "../orders.ts";

using receiver = Route.receiver("orders", { codec: json<Order>() });
for await (const order of receiver) {
	console.log(JSON.stringify(order));
	if (order.id === orders.length) break;
}
