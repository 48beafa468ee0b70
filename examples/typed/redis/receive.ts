import { RedisClient } from "bun";
import { type Order, orders } from "../orders.ts";

const redis = new RedisClient(process.env.REDIS_URL);
await redis.subscribe("orders", (message) => {
	const order: Order = JSON.parse(message);
	console.log(JSON.stringify(order));
	if (order.id === orders.length) redis.close();
});
