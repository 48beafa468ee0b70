import { RedisClient } from "bun";
import { type Quote, symbols } from "../prices.ts";
import type { Request } from "./server.ts";

type Answer = { id: number; result: Quote } | { id: number; error: string };

const url = process.env.REDIS_URL;
const [redis, waiting] = [new RedisClient(url), new RedisClient(url)];
const replyTo = `answers:${process.pid}`;
const calls = new Map<number, PromiseWithResolvers<Quote>>();

async function takeAnswers(): Promise<void> {
	for (;;) {
		const [, text] = await waiting.send("BLPOP", [replyTo, "0"]);
		const answer: Answer = JSON.parse(text);
		const call = calls.get(answer.id);
		calls.delete(answer.id);
		if ("error" in answer) call?.reject(new Error(answer.error));
		else call?.resolve(answer.result);
	}
}

let lastId = 0;
function quote(symbol: string): Promise<Quote> {
	const call = Promise.withResolvers<Quote>();
	const request: Request = { id: ++lastId, symbol, replyTo };
	calls.set(request.id, call);
	redis.rpush("requests", JSON.stringify(request)).catch(call.reject);
	return call.promise;
}

takeAnswers().catch((error) => {
	for (const call of calls.values()) call.reject(error);
});
for (const symbol of symbols) console.log(JSON.stringify(await quote(symbol)));
console.log("latest", JSON.stringify(JSON.parse((await redis.get("latest")) ?? "")));
redis.close();
waiting.close();
