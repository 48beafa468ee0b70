/**
 * Serves or calls a service: `service WHAT PREFIX NAME [IDEMPOTENT] [OTHER]`. WHAT is
 *
 * - `serve`: serves the test handlers, 64 calls at once, until it is killed. IDEMPOTENT is the names of such methods, with commas; OTHER, the name of a
 *   second service with the same handlers, whose `block` sets the first word of the shared memory OTHER.blocked
 * - `hang`: calls `hang`, says "calling", and waits
 * - `open`: opens a client, says "open", and waits
 * - `ends`: calls `greet`, says the answer, and ends by itself with its client open
 * - `sync`: calls without an event loop, says what came, and exits in the middle of a stream and of large arguments
 */
import { args, say } from "@libipc/testing/program";
import { TestHandlers } from "../service_handlers.ts";
import { Service } from "../service_under_test.ts";
import { SharedMemory } from "../under_test.ts";

const [what, prefix = "", name = "", idempotent = "", other = ""] = args;

/** What keeps clients and servers from being collected. */
export const kept: unknown[] = [];

function serve(): void {
	const methods = Object.fromEntries(
		idempotent
			.split(",")
			.filter(Boolean)
			.map((method) => [method, { idempotent: true }]),
	);
	kept.push(Service.serve(name, new TestHandlers(), { prefix, methods, concurrency: 64 }));
	if (other) {
		const blocked = SharedMemory.open(`${other}.blocked`, { prefix, size: 4 });
		const handlers = new TestHandlers();
		const block = (): Promise<void> => {
			Atomics.store(blocked.words, 0, 1);
			return TestHandlers.prototype.block();
		};
		kept.push(Service.serve(other, Object.assign(handlers, { block }), { prefix, methods }));
	}
	say("ready");
}

const connect = () => {
	const client = Service.connect<TestHandlers>(name, { prefix });
	kept.push(client);
	return client;
};

switch (what) {
	case "serve":
		serve();
		break;
	case "hang": {
		const calls = [connect().hang(), connect().ticks()];
		say("calling");
		for await (const tick of calls[1] as AsyncIterable<number>) if (tick === 3) say("ticking");
		break;
	}
	case "open":
		connect();
		say("open");
		setInterval(() => {}, 60_000);
		break;
	case "ends":
		say(await connect().greet("world"));
		break;
	case "sync": {
		const client = connect();
		const { $sync, $with } = client;
		const errors: unknown[] = [];
		for (const call of [
			() => $sync.fails("type"),
			() => $with({ timeout: 50 }).$sync.hang(),
			() => ($sync as unknown as { missing(): void }).missing(),
		])
			try {
				call();
			} catch (error) {
				errors.push((error as { code?: string }).code ?? (error as Error).name);
			}
		let first = -1;
		for (const item of $sync.items(1000)) {
			first += item;
			if (item === 100) break;
		}
		say(
			JSON.stringify({
				greeting: $sync.greet("thread"),
				items: [...$sync.items(100)].length,
				first,
				bytes: $sync.bytes(1_000_000).byteLength,
				sum: $sync.sum(new Uint8Array(1_000_000).fill(1)),
				errors,
			}),
		);
		const large = client.sum(new Uint8Array(5_000_000));
		large.catch(() => {});
		for await (const tick of client.ticks()) if (tick === 40) process.exit(0);
		break;
	}
	default:
		throw new Error(`the program has no way "${what}"`);
}
