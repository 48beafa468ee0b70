import { RedisClient } from "bun";
import { quoteOf } from "../prices.ts";

export interface Request {
	readonly id: number;
	readonly symbol: string;
	readonly replyTo: string;
}

const url = process.env.REDIS_URL;
const [requests, answers] = [new RedisClient(url), new RedisClient(url)];
process.once("SIGTERM", () => process.exit());
await answers.set("latest", JSON.stringify(quoteOf("BUN")));
for (;;) {
	const [, text] = await requests.send("BLPOP", ["requests", "0"]);
	const { id, symbol, replyTo }: Request = JSON.parse(text);
	try {
		const result = quoteOf(symbol);
		await answers.set("latest", JSON.stringify(result));
		await answers.rpush(replyTo, JSON.stringify({ id, result }));
	} catch (error) {
		await answers.rpush(replyTo, JSON.stringify({ id, error: String(error) }));
	}
}
