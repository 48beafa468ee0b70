import assert from "node:assert/strict";
import { isPending, rejection, rejectionCode, thrownCode } from "@libipc/testing/outcome";
import { scale } from "@libipc/testing/scale";
import { until } from "@libipc/testing/timing";
import { json, structured } from "libipc/codecs";
import { sealed } from "libipc/codecs/sealed";
import { z } from "zod";
import { afterAll, afterEach, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { TestHandlers } from "./service_handlers.ts";
import { defineService, Service } from "./service_under_test.ts";
import { Channel, IpcError, list, Queue } from "./under_test.ts";

const names = new Names("service");
const { prefix } = names;

/** Closed clients and servers leave nothing: this does not clear before it looks. */
afterEach(() => assert.deepEqual(list({ prefix }), []));
afterAll(() => names.clear());

type ServerOptions = Parameters<typeof Service.serve<TestHandlers>>[2];
type ClientOptions = Parameters<typeof Service.connect<TestHandlers>>[1];

/** How many calls wait at once. */
const IN_FLIGHT = scale(10_000, 1000);
/** How many calls a client makes that leaves others no time. */
const FLOOD = scale(2000, 700);

/** A server and a client of a service. */
function open(serverOptions: ServerOptions = {}, clientOptions: ClientOptions = {}) {
	const name = names.next();
	const handlers = new TestHandlers();
	const server = Service.serve(name, handlers, { prefix, ...serverOptions });
	const client = Service.connect<TestHandlers>(name, { prefix, ...clientOptions });
	return {
		...{ name, handlers, seen: handlers.seen, server, client },
		[Symbol.dispose]() {
			client.$close();
			server.close();
		},
	};
}

describe("calls of a service", () => {
	test("bring arguments to a method, and its result back", async () => {
		using service = open();
		const { client } = service;
		assert.equal(await client.greet("world"), "Hello, world");
		assert.equal(await client.greet(), "Hello, you");
		assert.equal(await client.nothing(), undefined);
		assert.equal(await client.echo(undefined), undefined);
		assert.equal(await client.echo(null), null);
		assert.equal(await client.count(), 0);
		assert.equal(await client.count(1, undefined, 3), 3);
		assert.equal(await client.later(3, "late"), "late");
		assert.deepEqual(await client.echo(new Map([["a", [new Date(0), 1n]]])), new Map([["a", [new Date(0), 1n]]]));
		assert.equal(await client.$call("greet", ["name"]), "Hello, name");
		assert.deepEqual([client.$pending, service.server.running, client.$servers], [0, 0, 1]);
	});

	test("are answered in any order, ten thousand at once", async () => {
		using service = open({ concurrency: IN_FLIGHT });
		const { client } = service;
		const slow = client.later(20, "slow");
		const calls = Array.from({ length: IN_FLIGHT }, (_, i) => client.later(i % 3, i));
		assert.equal(client.$pending, IN_FLIGHT + 1);
		assert.deepEqual(
			await Promise.all(calls),
			Array.from({ length: IN_FLIGHT }, (_, i) => i),
		);
		assert.equal(await slow, "slow");
		assert.equal(client.$pending, 0);
		const fast = Array.from({ length: IN_FLIGHT }, (_, i) => client.echo(i));
		assert.equal((await Promise.all(fast)).length, IN_FLIGHT);
	});

	test("may have large arguments and results", async () => {
		using service = open({ capacity: 65_536 }, { replyCapacity: 4096 });
		const { client } = service;
		for (const length of [0, 1, 5000, 20_000, 40_000, 1_000_000]) {
			assert.equal((await client.bytes(length)).byteLength, length);
			assert.equal(await client.sum(new Uint8Array(length).fill(1)), length);
		}
		// Others are answered in between.
		const large = Array.from({ length: 4 }, () => client.bytes(500_000));
		assert.equal(await client.greet("x"), "Hello, x");
		for (const bytes of await Promise.all(large)) assert.equal(bytes[499_999], 7);
	});

	test("use a codec that all of a service share", async () => {
		using service = open({ codec: json() }, { codec: json() });
		const { client, name } = service;
		assert.deepEqual(await client.echo({ date: new Date(0) }), { date: "1970-01-01T00:00:00.000Z" });
		assert.equal(await client.echo(undefined), null); // an undefined argument, in JSON
		assert.equal(await client.nothing(), undefined);
		assert.equal(await client.sum(Array.from({ length: 200_000 }, () => 1)), 200_000);
		assert.ok((await rejection(client.echo(1n))) instanceof TypeError);
		assert.equal(client.$pending, 0);
		assert.equal(
			thrownCode(() => Service.connect(name, { prefix })),
			"ERR_IPC_OPTIONS_MISMATCH",
		);
		assert.equal(
			thrownCode(() => Queue.receiver(name, { prefix, codec: json() })),
			"ERR_IPC_OPTIONS_MISMATCH",
		);
	});

	test("use a codec with state, which seals errors and items too", async () => {
		const codec = sealed(json(), { id: 1, key: new Uint8Array(32).fill(7) });
		using service = open({ codec }, { codec });
		const { client } = service;
		assert.deepEqual(await client.echo({ a: [1] }), { a: [1] });
		assert.ok((await rejection(client.fails("type"))) instanceof TypeError);
		const items: number[] = [];
		for await (const item of client.items(3)) items.push(item);
		assert.deepEqual(items, [0, 1, 2]);
		assert.equal(await client.sum(Array.from({ length: 200_000 }, () => 1)), 200_000);
	});

	test("of a client that does not read are no burden for others", async () => {
		const name = names.next();
		const handlers = { bytes: (length: number) => new Uint8Array(length) };
		using server = Service.serve(name, handlers, { prefix, capacity: 16_384 });
		using other = Service.connect<typeof handlers>(name, { prefix });
		// The requests of a client of bytes, whose ring has room for three answers.
		const id = 0x123456789abcd;
		using ring = Channel.receiver(`${name}.client.0${id.toString(16)}`, { prefix, capacity: 4096, maxReceivers: 1 });
		using requests = Queue.sender(name, { prefix });
		const args = new Uint8Array(structured().encode?.([1000]) as Uint8Array);
		for (let call = 0; call < 20; call++) {
			const frame = new Uint8Array(48 + 5 + args.byteLength);
			const view = new DataView(frame.buffer);
			frame.set([1, 1]);
			view.setUint32(4, call, true);
			view.setBigUint64(8, BigInt(id), true);
			view.setUint16(40, 5, true);
			frame.set(new TextEncoder().encode("bytes"), 48);
			frame.set(args, 53);
			await requests.sendAsync(frame);
		}
		// More than the queue has room for behind messages that are not done.
		for (let call = 0; call < 1000; call++) assert.equal((await other.bytes(1)).byteLength, 1);
		assert.ok(server.running > 10, `${server.running} calls run`);
		let answers = 0;
		while (answers < 20) {
			const frame = (await ring.recvAsync()) as Uint8Array;
			if (frame[1] === 3) answers++;
		}
		await until(() => server.running === 0);
	});

	test("tell the method who calls, if it asks", async () => {
		using service = open();
		const { client, name } = service;
		const { deadline, ...known } = await client.caller("value");
		assert.equal(deadline, undefined);
		const uid = process.getuid?.();
		assert.deepEqual(known, { pid: process.pid, uid, method: "caller", service: name, attempt: 1, value: "value" });
		assert.equal(typeof (await client.$with({ timeout: 60_000 }).caller(1)).deadline, "number");
		assert.equal(
			thrownCode(() => service.handlers.caller(1)),
			"ERR_IPC_INVALID_ARGUMENT",
		);
	});

	test("of a method that does not exist fail", async () => {
		using service = open();
		const client = service.client as unknown as Record<string, () => Promise<void>>;
		for (const method of ["missing", "seen", "$no"]) {
			const call = method.startsWith("$") ? service.client.$call(method) : client[method]?.();
			assert.equal(await rejectionCode(call as Promise<unknown>), "ERR_IPC_NO_METHOD", method);
		}
		// A client is no promise, and no method is called because an object is shown or compared.
		assert.equal((client as unknown as PromiseLike<void>).then, undefined);
		assert.equal(String(client.valueOf), String(Object.prototype.valueOf));
		assert.equal(service.client.$pending, 0);
	});

	test("fail with what the method has thrown", async () => {
		const reported: unknown[] = [];
		using service = open({ onError: (error, { method }) => reported.push(method, (error as Error).message) });
		const { client } = service;
		const type = (await rejection(client.fails("type"))) as Error;
		assert.ok(type instanceof TypeError);
		assert.equal(type.message, "a wrong type");
		assert.doesNotMatch(type.stack ?? "", /service_handlers/);
		const coded = (await rejection(client.fails("code"))) as Error & { code?: string };
		assert.ok(!(coded instanceof IpcError));
		assert.deepEqual([coded.name, coded.code, coded.message], ["CodedError", "E_TEST", "with a code"]);
		const { cause } = (await rejection(client.fails("cause"))) as { cause: Error };
		assert.deepEqual([cause instanceof Error, cause.message, cause.cause], [true, "inner", { depth: 3 }]);
		assert.deepEqual(await rejection(client.fails("value")), { no: "error" });
		assert.equal(((await rejection(client.fails("function"))) as Error).message, "cannot travel");
		assert.equal(((await rejection(client.rejects())) as Error).message, "later");
		assert.match(((await rejection(client.unsendable())) as Error).message, /function|clone/i);
		assert.deepEqual(reported.slice(0, 2), ["fails", "a wrong type"]);
		assert.equal(service.server.running, 0);
	});

	test("fail with the stack of the server, if it says so", async () => {
		using service = open({ stacks: true });
		assert.match(((await rejection(service.client.fails("x"))) as Error).stack ?? "", /service_handlers/);
	});

	test("check arguments and results by schemas", async () => {
		const name = names.next();
		let calls = 0;
		const definition = defineService<{ quote(symbol: string): number; wrong(): unknown }>(name, {
			prefix,
			codec: json(),
			methods: {
				quote: { args: z.tuple([z.string().max(5)]), result: z.number().transform((price) => price * 100) },
				wrong: { result: z.string() },
			},
		});
		using server = definition.serve({
			quote: (symbol) => {
				calls++;
				return symbol.length;
			},
			wrong: () => 42,
		});
		using client = definition.connect();
		assert.equal(await client.quote("BUN"), 300);
		const error = (await rejection(client.quote("LONGER"))) as IpcError;
		assert.equal(error.code, "ERR_IPC_INVALID_MESSAGE");
		assert.deepEqual(error.issues?.[0]?.path, [0]);
		assert.equal(await rejectionCode((client.quote as () => Promise<unknown>)()), "ERR_IPC_INVALID_MESSAGE");
		assert.equal(calls, 1);
		const wrong = (await rejection(client.wrong() as Promise<unknown>)) as IpcError;
		assert.equal(wrong.code, "ERR_IPC_INVALID_MESSAGE");
		assert.match(wrong.message, /result of wrong/);
		assert.equal(server.running, 0);
		assert.equal(
			thrownCode(() => definition.connect({ codec: json() } as object)),
			"ERR_IPC_INVALID_ARGUMENT",
		);
	});

	test("end with their time, and with their signal, on both sides", async () => {
		using service = open();
		const { client, seen } = service;
		// On a busy machine, the time may be over before the server gets the request. Then it is not run.
		for (let timeout = 20; seen.aborted === 0; timeout *= 2) {
			assert.equal(await rejectionCode(client.$with({ timeout }).hang()), "ERR_IPC_TIMED_OUT");
			await until(() => service.server.running === 0);
		}
		const controller = new AbortController();
		const calls = [1, 2, 3].map(() => client.$with({ signal: controller.signal }).hang());
		await until(() => service.server.running === 3);
		controller.abort("enough");
		assert.deepEqual(await Promise.all(calls.map((call) => rejection(call))), ["enough", "enough", "enough"]);
		await until(() => seen.aborted === 4);
		assert.deepEqual(new Set(seen.reasons.slice(1)), new Set(["AbortError"]));
		assert.equal(await rejection(client.$with({ signal: controller.signal }).greet()), "enough");
		await until(() => service.server.running === 0);
		// A call that has not been sent, and one whose server does not know yet that it is not needed.
		const second = new AbortController();
		const early = client.$with({ signal: second.signal }).note("early");
		second.abort("early");
		assert.equal(await rejection(early), "early");
		assert.equal(await client.greet(), "Hello, you");
		assert.equal(client.$pending, 0);
	});

	test("are not run when their time is over", async () => {
		const name = names.next();
		using client = Service.connect<TestHandlers>(name, { prefix });
		assert.equal(await rejectionCode(client.$with({ timeout: 1 }).note("late")), "ERR_IPC_TIMED_OUT");
		const handlers = new TestHandlers();
		using server = Service.serve(name, handlers, { prefix });
		await client.note("in time");
		assert.deepEqual(handlers.seen.notes, ["in time"]);
		assert.equal(server.running, 0);
	});

	test("do not keep others from being sent when their time is over", async () => {
		const name = names.next();
		using client = Service.connect<TestHandlers>(name, { prefix });
		// More than a client may have in the queue.
		const calls = Array.from({ length: 70 }, () => rejectionCode(client.$with({ timeout: 5 }).note("late")));
		assert.deepEqual(new Set(await Promise.all(calls)), new Set(["ERR_IPC_TIMED_OUT"]));
		using server = Service.serve(name, new TestHandlers(), { prefix });
		const { note } = client.$with({ timeout: 60_000 });
		await Promise.all(Array.from({ length: 70 }, () => note("in time")));
		assert.equal(server.running, 0);
	});

	test("keep to the limits of a server and of a method", async () => {
		using service = open({ concurrency: 5, methods: { later: { concurrency: 1 } } });
		const { client, seen } = service;
		const calls = Array.from({ length: 20 }, () => client.rest(2));
		await until(() => service.server.running === 5);
		await Promise.all(calls);
		assert.equal(seen.mostResting, 5);
		const order: number[] = [];
		await Promise.all([3, 2, 1].map(async (ms) => order.push((await client.later(ms, ms)) as number)));
		assert.deepEqual(order, [3, 2, 1]);
	});

	test("of a client that floods the service leave others their share", async () => {
		using service = open({ concurrency: 4 });
		using modest = Service.connect<TestHandlers>(service.name, { prefix });
		let answered = 0;
		const flood = Array.from({ length: FLOOD }, () => service.client.rest(0).then(() => answered++));
		await until(() => answered > 0);
		await modest.greet();
		// Not after all of them: a client has at most 64 requests in the queue.
		assert.ok(answered < FLOOD / 2, `${answered} calls were answered before`);
		await Promise.all(flood);
	});

	test("of several clients and servers are shared", async () => {
		using service = open({ concurrency: 2 });
		const others = [1, 2].map(() => new TestHandlers());
		const servers = others.map((handlers) => Service.serve(service.name, handlers, { prefix, concurrency: 2 }));
		const clients = [1, 2, 3].map(() => Service.connect<TestHandlers>(service.name, { prefix }));
		assert.equal(service.client.$servers, 3);
		await Promise.all(clients.flatMap((client) => Array.from({ length: 10 }, () => client.rest(3))));
		for (const { seen } of [service, ...others]) assert.ok(seen.mostResting > 0);
		for (const each of clients) each.$close();
		for (const each of servers) each.close();
	});
});

describe("streams of a service", () => {
	test("give the items of a generator, in order", async () => {
		using service = open();
		const { client, seen } = service;
		const items: number[] = [];
		for await (const item of client.items(500)) items.push(item);
		assert.deepEqual(
			items,
			Array.from({ length: 500 }, (_, i) => i),
		);
		const squares: number[] = [];
		for await (const square of client.squares(4)) squares.push(square);
		assert.deepEqual(squares, [0, 1, 4, 9]);
		for await (const _ of client.items(0)) assert.fail("there is no item");
		assert.equal(seen.finished, 2);
		// Several at once, with calls in between.
		const streams = [1, 2, 3].map(async () => {
			let sum = 0;
			for await (const item of client.items(200)) sum += item + (await client.count());
			return sum;
		});
		assert.deepEqual(await Promise.all(streams), [19_900, 19_900, 19_900]);
	});

	test("wait for the loop: a server is a few items ahead", async () => {
		using service = open({}, { streamBuffer: 8 });
		const { client, seen } = service;
		let taken = 0;
		for await (const _ of client.items(200)) {
			if (++taken % 50 === 0) await client.greet(); // time for the server
			assert.ok(seen.yielded <= taken + 8, `${seen.yielded} items were made, ${taken} were taken`);
		}
		assert.deepEqual([taken, seen.yielded], [200, 200]);
	});

	test("end when the loop is left, aborted, or out of time", async () => {
		using service = open();
		const { client, seen } = service;
		for await (const item of client.items(10_000)) if (item === 5) break;
		await until(() => seen.finished === 1);
		assert.ok(seen.yielded < 100, `${seen.yielded} items`);
		const controller = new AbortController();
		const aborted = (async () => {
			for await (const tick of client.$with({ signal: controller.signal }).ticks())
				if (tick === 3) controller.abort("enough");
		})();
		assert.equal(await rejection(aborted), "enough");
		const timed = (async () => {
			for await (const _ of client.$with({ timeout: 20 }).ticks());
		})();
		assert.equal(await rejectionCode(timed), "ERR_IPC_TIMED_OUT");
		await until(() => service.server.running === 0);
		// A loop that is left before the server has answered at all.
		const iterator = client.items(10)[Symbol.asyncIterator]();
		await iterator.return?.();
		assert.deepEqual(await iterator.next(), { value: undefined, done: true });
		await until(() => service.server.running === 0);
		assert.equal(client.$pending, 0);
	});

	test("fail with what the generator has thrown, after its items", async () => {
		using service = open();
		const items: number[] = [];
		const failed = (async () => {
			for await (const item of service.client.breaks(3)) items.push(item);
		})();
		assert.ok((await rejection(failed)) instanceof RangeError);
		assert.deepEqual(items, [0, 1, 2]);
	});

	test("may be awaited first, and what is no stream is none", async () => {
		using service = open();
		const stream = await (service.client.items(3) as unknown as Promise<AsyncIterable<number>>);
		const items: number[] = [];
		for await (const item of stream) items.push(item);
		assert.deepEqual(items, [0, 1, 2]);
		const none = (async () => {
			for await (const _ of service.client.greet() as unknown as AsyncIterable<string>);
		})();
		assert.equal(await rejectionCode(none), "ERR_IPC_INVALID_ARGUMENT");
	});

	test("may have large items", async () => {
		const name = names.next();
		const handlers = {
			async *blobs(count: number, length: number) {
				for (let i = 0; i < count; i++) yield new Uint8Array(length).fill(i);
			},
		};
		using server = Service.serve(name, handlers, { prefix });
		using client = Service.connect<typeof handlers>(name, { prefix, streamBuffer: 2 });
		let next = 0;
		for await (const blob of client.blobs(6, 300_000)) assert.equal(blob[299_999], next++);
		assert.equal(next, 6);
		assert.equal(server.running, 0);
	});
});

describe("servers of a service", () => {
	test("are waited for, or not", async () => {
		const name = names.next();
		using waits = Service.connect<TestHandlers>(name, { prefix });
		using asks = Service.connect<TestHandlers>(name, { prefix, waitForServer: false });
		assert.equal(await rejectionCode(asks.greet()), "ERR_IPC_NO_SERVER");
		assert.equal(
			thrownCode(() => asks.$sync.greet()),
			"ERR_IPC_NO_SERVER",
		);
		assert.equal(await waits.$ready({ timeout: 5 }), false);
		const calls = Array.from({ length: 100 }, () => waits.greet());
		const ready = waits.$ready();
		assert.equal(await isPending(Promise.race([ready, ...calls])), true);
		using server = Service.serve(name, new TestHandlers(), { prefix });
		assert.equal(await ready, true);
		assert.equal((await Promise.all(calls)).length, 100);
		assert.equal(await asks.greet(), "Hello, you");
		server.close();
		assert.equal(await rejectionCode(asks.greet()), "ERR_IPC_NO_SERVER");
	});

	test("finish what runs when they are shut down, and leave the rest to others", async () => {
		using service = open();
		const { client, server } = service;
		const running = [client.later(30, "done"), client.later(0, "soon")];
		const stream = client.items(5)[Symbol.asyncIterator]();
		assert.deepEqual(await stream.next(), { value: 0, done: false });
		const shutdown = server.shutdown({ timeout: 60_000 });
		assert.equal(server.closed, true);
		const later = client.greet();
		let items = 1;
		while (!(await stream.next()).done) items++;
		assert.equal(items, 5);
		assert.deepEqual(await Promise.all(running), ["done", "soon"]);
		assert.equal(await shutdown, true);
		await server.ended;
		assert.equal(await isPending(later), true);
		using next = Service.serve(service.name, new TestHandlers(), { prefix });
		assert.equal(await later, "Hello, you");
		assert.equal(next.running, 0);
	});

	test("that leave give their calls an error, or the next server, also if the queue is full", async () => {
		const name = names.next();
		const capacity = 4096;
		const server = Service.serve(name, new TestHandlers(), { prefix, capacity, concurrency: 1 });
		using waits = Service.connect<TestHandlers>(name, { prefix, capacity, waitForServer: true });
		using short = Service.connect<TestHandlers>(name, { prefix, capacity, waitForServer: 1 });
		using asks = Service.connect<TestHandlers>(name, { prefix, capacity, waitForServer: false });
		const hanging = waits.hang();
		await until(() => server.running === 1);
		const waiting = waits.note("waits");
		const large = "x".repeat(400);
		const lost = Array.from({ length: 100 }, () => short.note(large));
		// As many as wait in memory.
		for (let i = 0; i < 5000; i++) lost.push(asks.note(i < 100 ? large : i));
		assert.equal(await isPending(Promise.race([hanging, waiting, ...lost])), true);
		const codes = Promise.all([hanging, ...lost].map((call) => rejectionCode(call)));
		server.close();
		assert.deepEqual(await codes, ["ERR_IPC_PEER_DIED", ...lost.map(() => "ERR_IPC_NO_SERVER")]);
		assert.equal(await isPending(waiting), true);
		const next = new TestHandlers();
		using _server = Service.serve(name, next, { prefix, capacity });
		await waiting;
		await short.note("short");
		assert.deepEqual([next.seen.notes, short.$pending, asks.$pending], [["waits", "short"], 0, 0]);
	});

	test("that leave tell a client whose ring of answers is full, too", async () => {
		const name = names.next();
		const handlers = { bytes: (length: number) => new Uint8Array(length), close: () => server.close() };
		const server = Service.serve(name, handlers, { prefix });
		using client = Service.connect<typeof handlers>(name, { prefix, waitForServer: true, replyCapacity: 4096 });
		await client.bytes(1);
		// In one turn of the server: the client does not read meanwhile.
		const calls = Array.from({ length: 40 }, () => client.bytes(150).then(() => "answered", String));
		calls.push(client.close().then(() => "answered", String));
		const outcomes = await Promise.all(calls);
		const kinds = outcomes.map((each) => (each === "answered" ? each : /closed before it answered/.test(each)));
		assert.deepEqual(new Set(kinds), new Set(["answered", true]), [...new Set(outcomes)].join("; "));
		assert.equal(client.$pending, 0);
	});

	test("leave what they have not begun to others, which run it once", async () => {
		using service = open({ methods: { hang: { concurrency: 1 } } });
		const { client, server, seen } = service;
		const begun = client.hang();
		const abort = new AbortController();
		const others = [1, 2].map(() => rejection(client.$with({ signal: abort.signal }).hang()));
		await until(() => server.running === 3);
		const large = client.sum(new Uint8Array(600_000).fill(1));
		assert.equal(await isPending(begun), true);
		const handlers = new TestHandlers();
		using _next = Service.serve(service.name, handlers, { prefix });
		const code = rejectionCode(begun);
		server.close();
		assert.equal(await code, "ERR_IPC_PEER_DIED");
		assert.equal(await large, 600_000);
		await until(() => handlers.seen.hanging === 2);
		// The closed server has begun nothing else when its call ended.
		assert.deepEqual([seen.hanging, seen.aborted], [0, 1]);
		abort.abort("enough");
		assert.deepEqual(await Promise.all(others), ["enough", "enough"]);
	});

	test("give up what still runs when the time of the shutdown is over", async () => {
		using service = open();
		const hanging = service.client.hang();
		await until(() => service.server.running === 1);
		const code = rejectionCode(hanging);
		assert.equal(await service.server.shutdown({ timeout: 10 }), false);
		assert.equal(await code, "ERR_IPC_PEER_DIED");
		await until(() => service.seen.aborted === 1);
	});

	test("are not called by a thread that would block itself", async () => {
		using service = open();
		const { client } = service;
		assert.equal(
			thrownCode(() => client.$sync.greet()),
			"ERR_IPC_DEADLOCK",
		);
		assert.equal(client.$pending, 0);
		assert.equal(await client.greet(), "Hello, you");
	});

	test("give calls of idempotent methods to others when they are closed", async () => {
		using service = open({ methods: { later: { idempotent: true } } });
		const { client, server } = service;
		const calls = [client.later(50, "again"), client.hang(), client.later(50, "too")];
		const loop = (async () => {
			for await (const _ of client.ticks());
		})();
		loop.catch(() => {});
		await until(() => server.running === 4);
		const other = new TestHandlers();
		using next = Service.serve(service.name, other, { prefix, methods: { later: { idempotent: true } } });
		server.close();
		const codes = await Promise.all([calls[1] as Promise<unknown>, loop].map((call) => rejectionCode(call)));
		assert.deepEqual(codes, ["ERR_IPC_PEER_DIED", "ERR_IPC_PEER_DIED"]);
		assert.deepEqual([await calls[0], await calls[2]], ["again", "too"]);
		assert.equal(next.running, 0);
		assert.equal(await client.greet(), "Hello, you");
	});

	test("end with an error when the name is cleared", async () => {
		using service = open();
		await service.client.greet();
		Queue.clear(service.name, { prefix });
		assert.equal(await rejectionCode(service.server.ended), "ERR_IPC_ORPHANED");
		assert.equal(service.server.closed, true);
		assert.equal(await rejectionCode(service.client.greet()), "ERR_IPC_ORPHANED");
	});

	test("abort the work for a client that is closed", async () => {
		using service = open();
		const client = Service.connect<TestHandlers>(service.name, { prefix });
		const hanging = client.hang();
		const items = client.items(1_000_000)[Symbol.asyncIterator]();
		await items.next();
		await until(() => service.server.running === 2);
		client.$close();
		assert.equal(await rejectionCode(hanging), "ERR_IPC_CLOSED");
		assert.equal(await rejectionCode(client.greet()), "ERR_IPC_CLOSED");
		await until(() => service.server.running === 0);
		assert.deepEqual([service.seen.aborted, service.seen.finished], [1, 1]);
	});

	test.each([
		["", /name/],
		["x".repeat(105), /105/],
	] as const)("have a name that leaves room for those of their clients (%p)", (name, message) => {
		assert.throws(() => Service.serve(name, new TestHandlers(), { prefix }), { code: "ERR_IPC_INVALID_NAME", message });
		assert.throws(() => Service.connect(name, { prefix }), { code: "ERR_IPC_INVALID_NAME", message });
	});

	test("refuse options and handlers that are wrong, and open nothing", () => {
		const name = names.next();
		const wrong: (() => unknown)[] = [
			() => Service.serve(name, undefined as unknown as object),
			() => Service.serve(name, {}),
			() => Service.serve(name, { constructor: 1, toString() {} }),
			() => Service.serve(name, { $x() {} }),
			() => Service.serve(name, { ["x".repeat(256)]() {} }),
			() => Service.serve(name, { a() {} }, { methods: { b: {} } } as object),
			() => Service.serve(name, { a() {} }, { methods: { a: { concurrency: 0 } } }),
			() => Service.serve(name, { a() {} }, { methods: { a: { idempotent: 1 } } } as object),
			() => Service.serve(name, { a() {} }, { concurrency: 0 }),
			() => Service.serve(name, { a() {} }, { onError: 1 } as object),
			() => Service.serve(name, { a() {} }, { timeout: 1 } as object),
			() => Service.serve(name, { a() {} }, { codec: { id: "x".repeat(60), encode: String, decode: String } }),
			() => Service.connect(name, { waitForServer: "yes" } as object),
			() => Service.connect(name, { waitForServer: -1 }),
			() => Service.connect(name, { waitForServer: Number.NaN }),
			() => Service.connect(name, { streamBuffer: 0 }),
			() => Service.connect(name, { timeout: -1 }),
			() => Service.connect(name, { replyCapacity: 5000 }),
			() => Service.withContext(1 as unknown as () => void),
			() => defineService(name, { methods: { a: { idempotent: "yes" } } } as object),
		];
		for (const each of wrong) assert.equal(thrownCode(each), "ERR_IPC_INVALID_ARGUMENT", String(each));
	});
});
