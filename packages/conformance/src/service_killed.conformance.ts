import assert from "node:assert/strict";
import { isPending, rejection, rejectionCode } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { RECOVERY_MS, sleep, took, until } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { TestHandlers } from "./service_handlers.ts";
import { Service } from "./service_under_test.ts";
import { startProgram } from "./start_program.ts";
import { list, SharedMemory } from "./under_test.ts";

const names = new Names("service_killed");
const { prefix } = names;

afterAll(() => names.clear());

/** The names that a service consists of. */
const listed = (service: string): string[] =>
	list({ prefix })
		.filter(({ name }) => name === service || name.startsWith(`${service}.`))
		.map(({ kind, name }) => `${kind} ${name}`);

/** Starts a server in another program. */
async function startServer(name: string, idempotent = "", other = "") {
	const program = startProgram("service", ["serve", prefix, name, idempotent, other]);
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

/** A server that runs as many calls as it may, all of which wait for their clients, does not end. */
async function fillWithStreams(program: TestProgram, client: ReturnType<typeof connect>): Promise<void> {
	const streams = Array.from({ length: 64 }, () => client.items(1_000_000)[Symbol.asyncIterator]());
	await Promise.all(streams.map((stream) => stream.next()));
	await sleep(30); // it has time to end
	assert.equal(program.hasEnded, false);
	for (let i = 1; i < 100; i++) assert.deepEqual(await streams[0]?.next(), { value: i, done: false });
	await Promise.all(streams.map((stream) => stream.return?.()));
	assert.equal(await client.greet("streams"), "Hello, streams");
}

/** A server that is stopped answers nothing, and goes on as if nothing had happened. */
async function stopAndContinue(program: TestProgram, client: ReturnType<typeof connect>): Promise<void> {
	program.signal("SIGSTOP");
	const waiting = client.greet("again");
	// More than a client may have in the queue.
	const calls = Array.from({ length: 70 }, () => rejectionCode(client.$with({ timeout: 50 }).greet()));
	assert.deepEqual(new Set(await Promise.all(calls)), new Set(["ERR_IPC_TIMED_OUT"]));
	assert.equal(await isPending(waiting), true);
	program.signal("SIGCONT");
	assert.equal(await waiting, "Hello, again");
	assert.equal(await client.greet("then"), "Hello, then");
	assert.equal(client.$pending, 0);
}

/**
 * A service with a server that has taken a call of `block`, and has not said so, because it blocks; and with a second one, of another
 * version, without `block`, which runs as many calls as it may.
 */
async function fillOther(name: string) {
	const client = connect(name);
	const taken = client.block();
	{
		using blocked = SharedMemory.open(`${name}.blocked`, { prefix, size: 4 });
		await until(() => Atomics.load(blocked.words, 0) === 1);
	}
	const handlers = new TestHandlers();
	const { hang, seen } = handlers;
	const server = Service.serve(
		name,
		{ hang, note: (value: unknown) => handlers.note(value), caller: handlers.caller },
		{ prefix, concurrency: 1 },
	);
	const abort = new AbortController();
	const running = rejection(client.$with({ signal: abort.signal }).hang());
	await until(() => server.running === 1);
	const calls = [client.note("never taken"), client.caller("never taken")] as const;
	return {
		taken,
		/** What no server had taken waits, and is run. */
		async check(): Promise<void> {
			assert.deepEqual([server.running, seen.notes, await isPending(Promise.race(calls))], [1, [], true]);
			abort.abort("enough");
			assert.equal(await running, "enough");
			await calls[0];
			assert.deepEqual([(await calls[1]).attempt, seen.notes], [1, ["never taken"]]);
		},
		async [Symbol.asyncDispose](): Promise<void> {
			client.$close();
			server.close();
		},
	};
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
			await fillWithStreams(program, client);
			if (instance.transport === "processes") await stopAndContinue(program, client);
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
		assert.equal(handlers.seen.hanging, 0);
		// 0: the time of the call was up before this thread saw it, and it was not run.
		assert.ok(handlers.seen.aborted <= 1);
		server.close();
		assert.deepEqual(listed(name), []);
	});
});

describe("a killed server", () => {
	test("fails its calls, or others run them again, within a second", async () => {
		const name = names.next();
		const full = names.next();
		await using victim = await startServer(name, "rest", full);
		using client = connect(name);
		await client.greet();
		const streamed = loop(client);
		await streamed.first;
		const hanging = client.hang();
		const again = client.rest(1000);
		while ((await client.active()) < 2);
		await using atLimit = await fillOther(full);
		const handlers = new TestHandlers();
		using server = Service.serve(name, handlers, { prefix, methods: { rest: { idempotent: true } } });
		// Before the kill: on a busy machine, this process learns of it late.
		const codes = Promise.all([hanging, streamed.ended, atLimit.taken].map((call) => rejectionCode(call)));
		await victim.kill();
		const ms = await took(async () => {
			assert.deepEqual(await codes, ["ERR_IPC_PEER_DIED", "ERR_IPC_PEER_DIED", "ERR_IPC_PEER_DIED"]);
			await until(() => handlers.seen.resting === 1);
		});
		assert.ok(ms < RECOVERY_MS, `took ${ms} ms`);
		await atLimit.check();
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
		using asks = connect(name, { waitForServer: false });
		const hanging = client.hang();
		while ((await client.active()) < 1);
		await asks.greet();
		const large = asks.sum(new Uint8Array(8_000_000));
		const calls = [hanging, large, client.exit(), asks.note("after the exit")];
		const codes = await Promise.all(calls.map((call) => rejectionCode(call as Promise<unknown>)));
		assert.deepEqual([codes[0], codes[2]], ["ERR_IPC_PEER_DIED", "ERR_IPC_PEER_DIED"]);
		// The arguments had not arrived, and what came later was not taken: neither has run.
		assert.deepEqual([codes[1], codes[3]], ["ERR_IPC_NO_SERVER", "ERR_IPC_NO_SERVER"]);
		assert.equal(await program.exited, 0);
		client.$close();
		// The inbox of the server, in which the arguments would wait, is closed by the client.
		await until(() => listed(name).length === 2);
		asks.$close();
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
