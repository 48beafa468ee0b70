import { Route } from "libipc";
import { json } from "libipc/codecs";
import { type Order, orders } from "../orders.ts";

using sender = Route.sender("orders", { codec: json<Order>() });
await sender.receiversReady(Number(process.argv[2]));
for (const order of orders) sender.send(order);
