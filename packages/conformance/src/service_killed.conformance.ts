import assert from "node:assert/strict";
import { isPending, rejectionCode } from "@libipc/testing/outcome";
import { RECOVERY_MS, took, until } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { TestHandlers } from "./service_handlers.ts";
import { Service } from "./service_under_test.ts";
import { startProgram } from "./start_program.ts";
import { list } from "./under_test.ts";

const names = new Names("service_killed");
const { prefix } = names;

afterAll(() => names.clear());

/** The names that a service consists of. */
const listed = (service: string): string[] =>
	list({ prefix })
		.filter(({ name }) => name === service || name.startsWith(`${service}.`))
		.map(({ kind, name }) => `${kind} ${name}`);

/** Starts a server in another program. */
async function startServer(name: string, idempotent = "") {
	const program = startProgram("service", ["serve", prefix, name, idempotent]);
	assert.equal(await program.line(), "ready");
	return program;
}

const connect = (name: string, options: Parameters<typeof Service.connect<TestHandlers>>[1] = {}) =>
	Service.connect<TestHandlers>(name, { prefix, ...options });

/** What a loop over `ticks` ends with; it begins with the promise of its first item. */
function loop(client: ReturnType<typeof connect>): { first: Promise<void>; ended: Promise<void> } {
	let begin = (): void => {};
	const first = new Promise<void>((resolve) => {
		begin = resolve;
	});
	const ended = (async () => {
		for await (const _ of client.ticks()) begin();
	})();
	ended.catch(() => {});
	return { first, ended };
}

describe("a service of another program", () => {
	test("is called, with all results and errors, and without an event loop", async () => {
		const name = names.next();
		await using program = await startServer(name);
		{
			using client = connect(name);
			assert.equal(await client.greet("program"), "Hello, program");
			assert.equal((await client.bytes(600_000)).byteLength, 600_000);
			assert.equal(await client.sum(new Uint8Array(600_000).fill(1)), 600_000);
			let sum = 0;
			for await (const item of client.items(300)) sum += item;
			assert.equal(sum, 44_850);
			const calls = Array.from({ length: 1000 }, (_, i) => client.later(0, i));
			assert.equal((await Promise.all(calls)).at(-1), 999);
			// This thread's event loop does not run.
			const { $sync } = client;
			assert.equal($sync.greet("thread"), "Hello, thread");
			assert.deepEqual([...$sync.items(100)].length, 100);
			assert.throws(() => $sync.fails("type"), TypeError);
			assert.throws(() => client.$with({ timeout: 20 }).$sync.hang(), { code: "ERR_IPC_TIMED_OUT" });
			assert.equal($sync.bytes(600_000).byteLength, 600_000);
			assert.equal($sync.sum(new Uint8Array(600_000).fill(1)), 600_000);
			for (const item of $sync.items(10_000)) if (item === 40) break;
			assert.equal(client.$pending, 0);
		}
		await program.kill();
	});

	test("answers programs that block, and ends with those that have no more calls", async () => {
		const name = names.next();
		const handlers = new TestHandlers();
		const server = Service.serve(name, handlers, { prefix });
		await using ends = startProgram("service", ["ends", prefix, name]);
		await using blocks = startProgram("service", ["sync", prefix, name]);
		assert.equal(await ends.line(), "Hello, world");
		assert.equal(await ends.exited, 0);
		assert.deepEqual(await blocks.report(), {
			...{ greeting: "Hello, thread", items: 100, first: 5049, bytes: 1_000_000, sum: 1_000_000 },
			errors: ["TypeError", "ERR_IPC_TIMED_OUT", "ERR_IPC_NO_METHOD"],
		});
		assert.equal(await blocks.exited, 0);
		await until(() => server.running === 0);
		server.close();
		assert.deepEqual(listed(name), []);
	});
});

describe("a killed server", () => {
	test("fails its calls, or others run them again, within a second", async () => {
		const name = names.next();
		await using victim = await startServer(name, "rest");
		using client = connect(name);
		await client.greet();
		const streamed = loop(client);
		await streamed.first;
		const hanging = client.hang();
		const again = client.rest(1000);
		while ((await client.active()) < 2);
		const handlers = new TestHandlers();
		using server = Service.serve(name, handlers, { prefix, methods: { rest: { idempotent: true } } });
		// Before the kill: on a busy machine, this process learns of it late.
		const codes = Promise.all([hanging, streamed.ended].map((call) => rejectionCode(call)));
		await victim.kill();
		const ms = await took(async () => {
			assert.deepEqual(await codes, ["ERR_IPC_PEER_DIED", "ERR_IPC_PEER_DIED"]);
			await until(() => handlers.seen.resting === 1);
		});
		assert.ok(ms < RECOVERY_MS, `took ${ms} ms`);
		await again;
		assert.equal(await client.greet(), "Hello, you");
		assert.equal(client.$pending, 0);
		// Its inbox is removed by the other server.
		await until(() => listed(name).length === 3);
		assert.equal(server.running, 0);
	});

	test("or one that exits in the middle of a call, fails it", async () => {
		const name = names.next();
		await using program = await startServer(name);
		using client = connect(name);
		const hanging = client.hang();
		while ((await client.active()) < 1);
		const codes = await Promise.all([hanging, client.exit()].map((call) => rejectionCode(call)));
		assert.deepEqual(codes, ["ERR_IPC_PEER_DIED", "ERR_IPC_PEER_DIED"]);
		assert.equal(await program.exited, 0);
		client.$close();
		assert.deepEqual(listed(name), []);
	});

	test("that was the last one fails all calls, and the next server does not run them", async () => {
		const name = names.next();
		await using victim = await startServer(name);
		using client = connect(name);
		using again = connect(name, { methods: { note: { idempotent: true } } });
		await client.greet();
		await again.greet();
		// Its event loop does not answer: what follows is in the queue.
		const hanging = client.hang();
		while ((await client.active()) < 1);
		const blocked = client.block();
		const queued = [client.note("queued"), client.greet()];
		const idempotent = again.note("again");
		assert.equal(await isPending(Promise.race([...queued, idempotent, blocked, hanging])), true);
		const codes = Promise.all([hanging, blocked, ...queued].map((call) => rejectionCode(call)));
		await victim.kill();
		const ms = await took(async () => {
			assert.deepEqual(new Set(await codes), new Set(["ERR_IPC_PEER_DIED"]));
		});
		assert.ok(ms < RECOVERY_MS, `took ${ms} ms`);
		const handlers = new TestHandlers();
		using server = Service.serve(name, handlers, { prefix });
		await idempotent;
		assert.equal(await client.greet(), "Hello, you");
		assert.deepEqual(handlers.seen.notes, ["again"]);
		client.$close();
		again.$close();
		server.close();
		assert.deepEqual(listed(name), []);
	});
});

describe("a killed client", () => {
	test("has its work aborted, and nothing of it stays", async () => {
		const name = names.next();
		const handlers = new TestHandlers();
		const server = Service.serve(name, handlers, { prefix });
		await using calling = startProgram("service", ["hang", prefix, name]);
		await using idle = startProgram("service", ["open", prefix, name]);
		assert.equal(await calling.line(), "calling");
		assert.equal(await calling.line(), "ticking");
		assert.equal(await idle.line(), "open");
		await until(() => server.running === 2);
		await Promise.all([calling.kill(), idle.kill()]);
		const ms = await took(async () => {
			await until(() => server.running === 0);
			// Also the ring of a client that no server has answered.
			await until(() => listed(name).length === 2);
		});
		assert.ok(ms < RECOVERY_MS, `took ${ms} ms`);
		assert.equal(handlers.seen.aborted, 1);
		server.close();
		assert.deepEqual(listed(name), []);
	});

	test("and a killed server leave what the next server removes", async () => {
		const name = names.next();
		await using server = await startServer(name);
		await using client = startProgram("service", ["hang", prefix, name]);
		assert.equal(await client.line(), "calling");
		assert.equal(await client.line(), "ticking");
		await Promise.all([server.kill(), client.kill()]);
		Service.serve(name, new TestHandlers(), { prefix }).close();
		assert.deepEqual(listed(name), []);
	});
});
