/** Takes requests from a list, and answers into the list of the client: `redis.program.ts URL`. */
import { RedisClient } from "bun";
import { report } from "../../launcher/started.ts";
import type { Answer } from "./pending_calls.ts";
import { quoteServer } from "./quote_server.ts";

export const REQUESTS = "requests";
export const LATEST = "latest";

export interface Request {
	readonly id: number;
	readonly symbol: string;
	readonly number: number;
	/** The list of the client. */
	readonly replyTo: string;
}

/** Not when a client imports the names. */
if (import.meta.main) {
	const url = process.argv[2];
	// A connection that waits in BLPOP carries nothing else.
	const [requests, answers] = [new RedisClient(url), new RedisClient(url)];
	const quote = await quoteServer((next) => answers.set(LATEST, JSON.stringify(next)));
	report("ready");
	for (;;) {
		const [, text] = await requests.send("BLPOP", [REQUESTS, "0"]);
		const { id, symbol, number, replyTo }: Request = JSON.parse(text);
		await answers.rpush(replyTo, JSON.stringify({ id, result: quote(symbol, number) } satisfies Answer));
	}
}
