/** Receives orders over a route: `libipc.program.ts CODEC PREFIX`. */
import { Route } from "libipc";
import { type OrderCodec, orderCodecs } from "./order_codecs.ts";
import { ready, receiveOrders } from "./receive_orders.ts";

const [codec = "", prefix = ""] = process.argv.slice(2);
const take = receiveOrders();
using receiver = Route.receiver("orders", { prefix, codec: orderCodecs[codec as OrderCodec] });
ready();
for await (const order of receiver) take(order);
