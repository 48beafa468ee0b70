import { RedisClient } from "bun";
import { findRedisServer, RedisServer, redisAvailability } from "../redis_server.ts";
import type { CallAlternative, CallClient } from "./call_alternative.ts";
import { PendingCalls } from "./pending_calls.ts";
import type { Quote } from "./quote.ts";
import { LATEST, REQUESTS, type Request } from "./redis.program.ts";
import { startServer } from "./server_process.ts";

const ANSWERS = "answers";

/** Requests and answers over lists of a redis server, and GET of a key for the latest value. */
export const redis: CallAlternative = {
	name: "redis",
	available: redisAvailability,
	async connect(signal): Promise<CallClient> {
		const program = findRedisServer();
		signal?.throwIfAborted();
		await using started = new AsyncDisposableStack();
		const store = started.use(new RedisServer(program, signal));
		await store.ready();
		const server = started.use(await startServer({ program: "redis.program.ts", args: [store.url], signal }));
		const open = (): RedisClient =>
			started.adopt(new RedisClient(store.url, { autoReconnect: false }), async (client) => client.close());
		// A connection that waits in BLPOP carries nothing else.
		const [client, waiting] = [open(), open()];
		const calls = new PendingCalls();
		const taken = Promise.withResolvers<never>();
		(async () => {
			for (;;) {
				const [, text] = await waiting.send("BLPOP", [ANSWERS, "0"]);
				calls.answer(JSON.parse(text));
			}
		})().catch(taken.reject);
		taken.promise.catch(() => {});
		const cleanup = started.move();
		return {
			quote: (symbol, number) =>
				calls.start((id) =>
					client
						.rpush(REQUESTS, JSON.stringify({ id, symbol, number, replyTo: ANSWERS } satisfies Request))
						.catch(taken.reject),
				),
			async latest() {
				const text = await client.get(LATEST);
				return text === null ? undefined : (JSON.parse(text) as Quote);
			},
			failure: Promise.race([taken.promise, server.failure]),
			[Symbol.asyncDispose]: () => cleanup.disposeAsync(),
		};
	},
};
