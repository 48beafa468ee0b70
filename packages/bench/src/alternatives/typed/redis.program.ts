/** Receives orders by a subscription: `redis.program.ts URL`. */
import { RedisClient } from "bun";
import { ready, receiveOrders } from "./receive_orders.ts";

const take = receiveOrders();
const client = new RedisClient(process.argv[2]);
await client.subscribe("orders", (message) => take(JSON.parse(message)));
ready();
