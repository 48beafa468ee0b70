import { RedisClient } from "bun";
import { orders } from "../orders.ts";

const receivers = Number(process.argv[2]);
const redis = new RedisClient(process.env.REDIS_URL);
while ((await redis.send("PUBSUB", ["NUMSUB", "orders"]))[1] < receivers) await Bun.sleep(10);
await Promise.all(orders.map((order) => redis.publish("orders", JSON.stringify(order))));
redis.close();
