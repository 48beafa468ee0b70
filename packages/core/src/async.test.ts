import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { Channel, type IpcError, Queue, type Receiver, Route, type Sender } from "./index.ts";
import { Child } from "./testing/child.ts";
import { Names } from "./testing/names.ts";
import { readPattern } from "./testing/pattern.ts";
import { isPending, text } from "./testing/text.ts";

const names = new Names("async");
const { prefix } = names;

afterAll(() => names.clear());

const codes = (results: PromiseSettledResult<unknown>[]) =>
	results.map((result) => (result.status === "rejected" ? (result.reason as IpcError).code : result.value));

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Fills the ring with numbers from 0 and answers how many fitted. */
function fill(sender: Sender): number {
	let sent = 0;
	while (sender.trySend(`filler ${sent}`)) sent++;
	return sent;
}

/** All that is there, as text. */
function rest(receiver: Receiver): string[] {
	const messages: string[] = [];
	for (let message = receiver.tryRecv(); message; message = receiver.tryRecv()) messages.push(text(message));
	return messages;
}

const fillers = (count: number) => Array.from({ length: count }, (_, i) => `filler ${i}`);

/** Bytes that can only be those of message `seed`. */
function large(seed: number, byteLength: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(byteLength);
	const words = new Uint32Array(bytes.buffer, 0, byteLength >>> 2);
	for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) ^ seed;
	return bytes;
}

describe("sending", () => {
	test.each(["channel", "route", "queue"] as const)(
		"a full %s makes sendAsync wait, in order, until there is room",
		async (kind) => {
			const name = names.next();
			const factory = { route: Route, channel: Channel, queue: Queue }[kind];
			using receiver = factory.receiver(name, { prefix, capacity: 4096 });
			using sender = factory.sender(name, { prefix });
			const sent = fill(sender);
			const settled: string[] = [];
			const sending = ["a", "b", large(7, 100_000), "c"].map(async (message, i) => {
				if (kind === "queue" && typeof message !== "string") return;
				expect(await sender.sendAsync(message)).toBe(true);
				settled.push(String(i));
			});
			expect(await isPending(Promise.race(sending.filter((_, i) => i !== 2)))).toBe(true);
			expect(settled).toEqual([]);
			const got: string[] = [];
			for (let i = 0; i < sent; i++) got.push(text(await receiver.recvAsync({ timeout: 10_000 })) ?? "nothing");
			expect(got).toEqual(fillers(sent));
			expect(text(await receiver.recvAsync())).toBe("a");
			expect(text(await receiver.recvAsync())).toBe("b");
			if (kind !== "queue") expect(await receiver.recvAsync()).toEqual(large(7, 100_000));
			expect(text(await receiver.recvAsync())).toBe("c");
			await Promise.all(sending);
			expect(settled).toEqual(kind === "queue" ? ["0", "1", "3"] : ["0", "1", "2", "3"]);
			expect(receiver.tryRecv()).toBeNull();
		},
	);

	test.each(["timeout", "signal", "close"] as const)(
		"a large message that ends half-sent by %s is absent, the next is whole",
		async (how) => {
			const name = names.next();
			using receiver = Channel.receiver(name, { prefix, capacity: 16_384 });
			const sender = Channel.sender(name, { prefix });
			using other = Channel.sender(name, { prefix });
			const controller = new AbortController();
			const options = { timeout: { timeout: 30 }, signal: { signal: controller.signal }, close: {} }[how];
			// More than the ring takes: some of it is there, and the rest waits.
			const half = sender.sendAsync(large(1, 200_000), options);
			const after = how === "close" ? Promise.resolve(true) : sender.sendAsync(large(2, 150_000));
			expect(await isPending(half)).toBe(true);
			if (how === "signal") controller.abort("enough");
			if (how === "close") sender.close();
			expect(codes(await Promise.allSettled([half]))).toEqual([
				{ timeout: false, signal: undefined, close: "ERR_IPC_CLOSED" }[how],
			]);
			const last = other.sendAsync("last");
			if (how !== "close") expect(await receiver.recvAsync({ timeout: 10_000 })).toEqual(large(2, 150_000));
			const small = await receiver.recvAsync({ timeout: 10_000 });
			expect(text(small)).toBe("last");
			expect(await Promise.all([after, last])).toEqual([true, true]);
			expect(receiver.tryRecv()).toBeNull();
			sender.close();
		},
		20_000,
	);

	test.each([1000, 100_000])(
		"%d bytes that are transferred away while they wait fail the promise, not the process",
		async (length) => {
			const name = names.next();
			using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
			using sender = Channel.sender(name, { prefix });
			const sent = fill(sender);
			const bytes = new Uint8Array(length).fill(1);
			const shrinking = new Uint8Array(new ArrayBuffer(length, { maxByteLength: length }));
			const sending = Promise.allSettled([
				sender.sendAsync(bytes),
				sender.sendAsync(shrinking),
				sender.sendAsync("after"),
			]);
			expect(text(receiver.recv())).toBe("filler 0");
			// A part of the large one may go out before the rest is missing.
			for (let i = 1; i < sent; i++) expect(text(receiver.recv())).toBe(`filler ${i}`);
			if (length > 4096) for (let turns = 0; turns < 5; turns++) await turn();
			bytes.buffer.transfer();
			shrinking.buffer.resize(1);
			expect(text(await receiver.recvAsync({ timeout: 10_000 }))).toBe("after");
			expect(codes(await sending)).toEqual(["ERR_IPC_INVALID_ARGUMENT", "ERR_IPC_INVALID_ARGUMENT", true]);
		},
		20_000,
	);
});

describe("fairness to the event loop", () => {
	test("a flood from another process leaves timers, immediates and a server their turns", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("still here") });
		await using child = new Child("sender.child.ts", ["channel", prefix, name, 3, 1e9, 64, 1]);
		expect(await child.line()).toBe("ready");
		let ticks = 0;
		const interval = setInterval(() => ticks++, 5);
		let received = 0;
		let fetched = 0;
		const fetching = (async () => {
			for (; fetched < 20; fetched++) {
				const response = await fetch(`http://127.0.0.1:${server.port}/`);
				expect(await response.text()).toBe("still here");
			}
		})();
		const started = performance.now();
		for await (const message of receiver) {
			expect(readPattern(message, 64)).toEqual({ sender: 3, sequence: received++ });
			if ((fetched === 20 && ticks >= 20) || performance.now() - started > 20_000) break;
		}
		clearInterval(interval);
		await child.kill();
		expect({ fetched, ticks: Math.min(ticks, 20) }).toEqual({ fetched: 20, ticks: 20 });
		await fetching;
		expect(received).toBeGreaterThan(1000);
	}, 40_000);

	test("two receivers under a flood each get all of it", async () => {
		const name = names.next();
		using first = Channel.receiver(name, { prefix, capacity: 65_536 });
		using second = Channel.receiver(name, { prefix });
		await using child = new Child("sender.child.ts", ["channel", prefix, name, 1, 30_000, 64, 2]);
		expect(await child.line()).toBe("ready");
		const read = async (receiver: Receiver) => {
			let next = 0;
			for await (const message of receiver) {
				const { sequence } = readPattern(message, 64);
				if (sequence !== next) throw new Error(`${sequence} came instead of ${next}`);
				if (++next === 30_000) break;
			}
			return next;
		};
		expect(await Promise.all([read(first), read(second)])).toEqual([30_000, 30_000]);
		expect([first.tryRecv(), second.tryRecv()]).toEqual([null, null]);
	}, 40_000);
});

describe("between processes", () => {
	test("each wakes the other, asynchronously on both sides", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix });
		using receiver = Channel.receiver(`${name}.back`, { prefix });
		await using child = new Child("async.child.ts", ["echoes", prefix, name]);
		expect(await child.line()).toBe('"ready"');
		expect(await sender.receiversReady(1)).toBe(true);
		const started = performance.now();
		for (let i = 0; i < 500; i++) {
			expect(await sender.sendAsync(`ping ${i}`)).toBe(true);
			expect(text(await receiver.recvAsync({ timeout: 10_000 }))).toBe(`ping ${i}`);
		}
		// If it took a look around to notice, each would take 0.7 s.
		expect(performance.now() - started).toBeLessThan(10_000);
		await sender.sendAsync("end");
		expect(await child.report<object>()).toEqual({ unhandled: [] });
		expect(await child.exited).toBe(0);
		Channel.clear(`${name}.back`, { prefix });
	}, 30_000);

	test("a wait aborted at the moment a message comes loses nothing", async () => {
		const name = names.next();
		const count = 1500;
		using sender = Channel.sender(name, { prefix });
		await using child = new Child("async.child.ts", ["aborts", prefix, name, count]);
		expect(await child.line()).toBe('"ready"');
		for (let i = 0; i < count; i++) {
			const started = performance.now();
			while (performance.now() - started < (i % 7) / 20);
			expect(sender.send(String(i), { timeout: 10_000 })).toBe(true);
		}
		const report = await child.report<{ next: number; aborted: number; unhandled: string[]; rest: string | null }>();
		expect(report).toMatchObject({ next: count, rest: null, unhandled: [] });
		expect(report.aborted).toBeGreaterThanOrEqual(200);
		expect(await child.exited).toBe(0);
	}, 40_000);

	test("a loan left behind right after the last look is passed over within a second", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using idle = Channel.receiver(names.next(), { prefix });
		await using child = new Child("lender.child.ts", ["channel", prefix, name]);
		expect(await child.line()).toBe("lent");
		expect(text(receiver.recv())).toBe("before");
		using sender = Channel.sender(name, { prefix });
		sender.send("after");
		// The first wait begins the looking around of all.
		const first = idle.recvAsync({ timeout: 2000 });
		await Bun.sleep(430);
		const waiting = receiver.recvAsync();
		const killed = performance.now();
		await child.kill();
		expect(text(await waiting)).toBe("after");
		expect(performance.now() - killed).toBeLessThan(1000);
		expect(await first).toBeNull();
	}, 30_000);

	test("what a killed sender had sent still comes", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		const waiting = receiver.recvAsync({ timeout: 20_000 });
		await using child = new Child("async.child.ts", ["sends and dies", prefix, name]);
		expect(text(await waiting)).toBe("last words");
		await child.exited;
		expect(await receiver.recvAsync({ timeout: 0 })).toBeNull();
	}, 30_000);

	test.each([
		["by a wait without end", undefined],
		["by short waits", 100],
	] as const)(
		"the loan of a killed lender is passed over, %s",
		async (_, timeout) => {
			const name = names.next();
			using receiver = Channel.receiver(name, { prefix });
			await using child = new Child("lender.child.ts", ["channel", prefix, name]);
			expect(await child.line()).toBe("lent");
			expect(text(await receiver.recvAsync())).toBe("before");
			using sender = Channel.sender(name, { prefix });
			sender.send("after");
			let message: Promise<Uint8Array | null> = receiver.recvAsync({ timeout });
			expect(await isPending(message)).toBe(true);
			await child.kill();
			const killed = performance.now();
			let got = await message;
			while (got === null && performance.now() - killed < 10_000) {
				message = receiver.recvAsync({ timeout });
				got = await message;
			}
			expect(text(got)).toBe("after");
			expect(performance.now() - killed).toBeLessThan(1500);
		},
		30_000,
	);

	test("a sender that waits for room goes on within 1.5 s when the receiver it waits for is killed", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		using alive = Channel.receiver(name, { prefix });
		await using child = new Child("holder.child.ts", ["channel", "receiver", prefix, name]);
		expect(await child.line()).toBe("ready");
		const sent = fill(sender);
		const waiting = sender.sendAsync("after");
		expect(rest(alive)).toEqual(fillers(sent));
		expect(await isPending(waiting)).toBe(true);
		await child.kill();
		const killed = performance.now();
		expect(await waiting).toBe(true);
		expect(performance.now() - killed).toBeLessThan(1500);
		expect(rest(alive)).toEqual(["after"]);
	}, 30_000);
});

describe("what keeps a process alive", () => {
	const run = (program: string, name: string, argument: string | number = "") =>
		new Child("async.child.ts", [program, prefix, name, argument]);

	test.each(["waits", "unref, waits, ref"])(
		"a receiver that waits does (%s)",
		async (program) => {
			const name = names.next();
			using sender = Channel.sender(name, { prefix });
			await using child = run(program, name);
			expect(await child.line()).toBe('"waiting"');
			expect(await Promise.race([child.exited, Bun.sleep(300)])).toBeUndefined();
			expect(await sender.sendAsync("hello")).toBe(true);
			expect(await child.line()).toBe('"hello"');
			// And then it has nothing to wait for.
			expect(await child.exited).toBe(0);
		},
		20_000,
	);

	test("a sender that waits for room does", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		await using child = run("sends to a full ring", name);
		expect(await child.line()).toBe('"waiting"');
		expect(await Promise.race([child.exited, Bun.sleep(300)])).toBeUndefined();
		let last = "";
		while (last !== "last") last = text(await receiver.recvAsync({ timeout: 10_000 })) ?? "nothing came";
		expect(await child.line()).toBe("true");
		expect(await child.exited).toBe(0);
	}, 20_000);

	test.each([
		["waits, unref", '"waiting"'],
		["unref, waits", '"waiting"'],
		["waits with a timeout, unref", '"waiting"'],
		["waited, aborted", '"enough"'],
		["waited, got it", '"it"'],
		["opens only", '"open"'],
	])(
		"nothing else does (%s)",
		async (program, line) => {
			await using child = run(program, names.next());
			expect(await child.line()).toBe(line);
			expect(await child.exited).toBe(0);
		},
		10_000,
	);

	test.each([0, 100])(
		"process.exit ends a process that waits, after %d ms",
		async (delay) => {
			const name = names.next();
			using sender = Channel.sender(name, { prefix });
			await using child = run("exits while waiting", name, delay);
			expect(await child.exited).toBe(7);
			// It left properly: nobody has to find out that it is gone.
			expect(sender.receiverCount).toBe(0);
		},
		10_000,
	);

	test("eight waiting endpoints use no processor time", async () => {
		const name = names.next();
		await using child = run("idles", name, 3000);
		const { cpuMs } = await child.report<{ cpuMs: number }>();
		expect(cpuMs).toBeLessThan(50);
		expect(await child.report<string[]>()).toEqual(Array(8).fill("ERR_IPC_CLOSED"));
		expect(await child.exited).toBe(0);
	}, 30_000);
});

describe("resources", () => {
	const descriptors = () => readdirSync("/proc/self/fd").length;
	const threads = () => readdirSync("/proc/self/task").length;
	/** The runtime starts and ends threads of its own, to compile and to collect. */
	const SOME = 16;

	/** Answers how many descriptors and threads there were while all waited. */
	async function waitForMany(count: number): Promise<{ descriptors: number; threads: number }> {
		const name = names.next();
		const opened: { receiver: Receiver; sender: Sender }[] = [];
		try {
			for (let i = 0; i < count; i++) {
				const options = { prefix, capacity: 4096, maxReceivers: 1 };
				opened.push({
					receiver: Channel.receiver(`${name}.${i}`, options),
					sender: Channel.sender(`${name}.${i}`, options),
				});
			}
			const waits = opened.map(({ receiver }) => receiver.recvAsync({ timeout: 30_000 }));
			await turn();
			const used = { descriptors: descriptors(), threads: threads() };
			// Backwards, so that who gets what is not a matter of the order of waiting.
			for (let i = count - 1; i >= 0; i--) expect(opened[i]?.sender.trySend(`message ${i}`)).toBe(true);
			const got = await Promise.all(waits);
			expect(got.map((message) => text(message))).toEqual(Array.from({ length: count }, (_, i) => `message ${i}`));
			return used;
		} finally {
			for (const { receiver, sender } of opened) {
				receiver.close();
				sender.close();
			}
		}
	}

	test("a thousand endpoints wait, each gets its message, and nothing stays behind", async () => {
		// What the runtime opens for good when it first needs it.
		await waitForMany(2);
		const before = { descriptors: descriptors(), threads: threads() };
		const used = await waitForMany(1000);
		// One socket for all of them; an endpoint has no descriptor.
		expect(used.descriptors).toBeLessThanOrEqual(before.descriptors + 3);
		expect(used.threads).toBeLessThan(before.threads + SOME);
		const patience = performance.now() + 10_000;
		while (descriptors() > before.descriptors && performance.now() < patience) await Bun.sleep(5);
		expect(descriptors()).toBeLessThanOrEqual(before.descriptors);
		expect(threads()).toBeLessThan(before.threads + SOME);
	}, 60_000);

	test("a Worker that waits asynchronously under a flood can be terminated, fifty times", async () => {
		const name = names.next();
		using sentinel = Channel.receiver(name, { prefix });
		await using flood = new Child("flood.child.ts", [prefix, name, 32]);
		expect(await flood.line()).toBe("ready");
		let flooding = true;
		let seen = 0;
		// Reads along, so that the flood goes on.
		const reading = (async () => {
			for await (const message of sentinel) {
				seen += Number(message.byteLength === 32);
				if (!flooding) break;
			}
		})();
		const round = async (i: number) => {
			const worker = new Worker(new URL("testing/async.worker.ts", import.meta.url));
			const said = (wanted: (data: unknown) => boolean) =>
				new Promise<void>((resolve) => {
					worker.onmessage = ({ data }: MessageEvent<unknown>) => {
						if (wanted(data)) resolve();
					};
				});
			const ready = said((data) => data === "ready");
			worker.postMessage({ prefix, name });
			await ready;
			// Half of them in the middle of receiving, the others at the first wait.
			if (i % 2 === 0) await said((data) => data === 32);
			const closed = new Promise((resolve) => worker.addEventListener("close", resolve));
			worker.terminate();
			await closed;
		};
		for (let i = 0; i < 50; i += 5) await Promise.all([0, 1, 2, 3, 4].map((more) => round(i + more)));
		flooding = false;
		await reading;
		await flood.kill();
		expect(seen).toBeGreaterThan(100);
		// The process works as before.
		using sender = Channel.sender(name, { prefix });
		rest(sentinel);
		expect(await sender.sendAsync("still works", { timeout: 10_000 })).toBe(true);
		for (;;) {
			const message = await sentinel.recvAsync({ timeout: 10_000 });
			if (message?.byteLength === 32) continue;
			expect(text(message)).toBe("still works");
			break;
		}
	}, 120_000);
});
