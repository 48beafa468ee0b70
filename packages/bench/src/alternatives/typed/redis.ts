import { RedisClient } from "bun";
import type { Alternative, AlternativeResult, MeasureOptions } from "../alternative.ts";
import { findRedisServer, RedisServer, redisAvailability } from "../redis_server.ts";
import { orderProcesses } from "./order_processes.ts";
import { measureOrders } from "./order_rounds.ts";

const name = "redis pub/sub";

/** So many publishes travel before the sender waits for their answers. With one at a time, each costs a round trip. */
const PIPELINED = 256;

/** The pub/sub of a redis server, with Bun's client. The server keeps what subscribers have not read yet, without a limit. */
export const redisPubSub: Alternative = {
	name,
	available: redisAvailability,
	async measure(options: MeasureOptions): Promise<AlternativeResult> {
		const program = findRedisServer();
		options.signal?.throwIfAborted();
		await using server = new RedisServer(program, options.signal);
		await server.ready();
		await using receivers = orderProcesses(options, { program: "redis.program.ts", args: [server.url] });
		using cleanup = new DisposableStack();
		const client = cleanup.adopt(new RedisClient(server.url, { autoReconnect: false }), (open) => open.close());
		const answers: Promise<number>[] = [];
		const flush = (): Promise<unknown> => Promise.all(answers.splice(0));
		return await measureOrders(name, options, receivers, {
			send(order) {
				answers.push(client.publish("orders", JSON.stringify(order)));
				return answers.length < PIPELINED ? undefined : flush();
			},
			flush,
		});
	},
};
