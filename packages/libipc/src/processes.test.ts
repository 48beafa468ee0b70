import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Channel, clear, list, Queue, Route } from "@libipc/core";
import { readPattern } from "../../core/src/testing/pattern.ts";
import { hasNode, Program, type Runtime, runtimes } from "./testing/runtimes.ts";

/** Node and Bun over one name: the same programs (`testing/`), in either. */
const prefix = `cross${process.pid}`;
let count = 0;
const newName = () => `n${count++}`;

const other: Record<Runtime, Runtime> = { bun: "node", node: "bun" };
const both = [...runtimes];
const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined);

beforeAll(() => {
	if (!hasNode)
		throw new Error("There is no Node 26 here: bun install brings it, or LIBIPC_NODE_26 tells where it is.");
});
afterAll(() => {
	clear({ prefix });
	expect(list({ prefix })).toEqual([]);
});

interface Received {
	readonly received: number;
	readonly next: number[];
	readonly order: string;
	readonly sequences: number[][];
}

interface Plan {
	readonly kind: "route" | "channel" | "queue";
	readonly senders: readonly Runtime[];
	readonly receivers: readonly Runtime[];
	readonly send: string;
	readonly recv: string;
	readonly perSender: number;
	readonly largest: number;
	readonly capacity?: number;
}

async function exchange(plan: Plan): Promise<Received[]> {
	const { kind, senders, receivers, perSender, largest, capacity = 1 << 18 } = plan;
	const name = newName();
	await using stack = new AsyncDisposableStack();
	const total = perSender * senders.length;
	const receiving = receivers.map((runtime) =>
		stack.use(new Program(runtime, "receiver.child.ts", kind, prefix, name, total, largest, plan.recv, capacity)),
	);
	for (const program of receiving) expect(await program.line()).toBe("ready");
	const rest = [perSender, largest, receivers.length, plan.send, capacity];
	const sending = senders.map((runtime, i) =>
		stack.use(new Program(runtime, "sender.child.ts", kind, prefix, name, i, ...rest)),
	);
	for (const program of sending) expect(await program.line()).toBe("ready");
	for (const program of sending) expect(await program.report<{ sent: number }>()).toEqual({ sent: perSender });
	if (kind === "queue") {
		using sender = Queue.sender(name, { prefix });
		for (const _ of receivers) sender.send("");
	}
	return await Promise.all(receiving.map((program) => program.report<Received>()));
}

describe.each(both)("from %s to the other", (from) => {
	const senders = [from];
	const receivers = [other[from], other[from]];
	const ways = [
		["send", "recv", 60],
		["send", "drain", 5000],
		["batch", "drain", 3000],
		["loan", "drain", 5000],
		["async", "async", 2000],
		["send", "async", 60],
	] as const;

	test.each(ways)(
		"a route: %s, %s",
		async (send, recv, largest) => {
			const perSender = 4000;
			const results = await exchange({ kind: "route", senders, receivers, send, recv, perSender, largest });
			for (const result of results) expect(result).toMatchObject({ received: perSender, next: [perSender] });
		},
		60_000,
	);

	test.each([
		["send", "recv"],
		["async", "async"],
		["send", "drain"],
	] as const)(
		"messages in fragments: %s, %s",
		async (send, recv) => {
			const perSender = 300;
			const plan = {
				kind: "route",
				senders,
				receivers,
				send,
				recv,
				perSender,
				largest: 400_000,
				capacity: 1 << 16,
			} as const;
			for (const result of await exchange(plan))
				expect(result).toMatchObject({ received: perSender, next: [perSender] });
		},
		60_000,
	);
});

describe("both at once", () => {
	test("a channel: two senders, two receivers, one same order", async () => {
		const perSender = 10_000;
		const plan = { kind: "channel", senders: both, receivers: both, send: "send", recv: "recv", perSender } as const;
		const results = await exchange({ ...plan, largest: 3000 });
		const order = results[0]?.order ?? "";
		for (const result of results)
			expect(result).toMatchObject({ received: 2 * perSender, next: [perSender, perSender], order });
	}, 60_000);

	test.each(["recv", "lease"])(
		"a queue: each message goes to one, by %s",
		async (recv) => {
			const perSender = 3000;
			const plan = { kind: "queue", senders: both, receivers: both, send: "send", recv, perSender } as const;
			const results = await exchange({ ...plan, largest: 500 });
			for (const sender of [0, 1]) {
				const all = results.flatMap(({ sequences }) => sequences[sender] ?? []).sort((a, b) => a - b);
				expect(all).toEqual(Array.from({ length: perSender }, (_, i) => i));
			}
			for (const { received } of results) expect(received).toBeGreaterThan(0);
		},
		60_000,
	);

	test("list() tells either of both", async () => {
		const name = newName();
		using receiver = Route.receiver(name, { prefix });
		await using program = new Program("node", "holder.child.ts", "list", prefix, name);
		const expected = {
			kind: "route",
			name,
			state: "live",
			endpoints: [
				{ role: "sender", pid: program.pid, alive: true },
				{ role: "receiver", pid: process.pid, alive: true },
			],
		};
		const seen = await program.report<(typeof expected)[]>();
		expect(seen.filter((each) => each.name === name)).toEqual([expected]);
		const mine = list({ prefix }).filter((each) => each.name === name);
		expect(mine).toMatchObject([{ ...expected, path: `/dev/shm/libipc.route.${prefix.length}.${prefix}.${name}` }]);
		expect(receiver.lost).toBe(0);
	}, 30_000);
});

/** Who is killed, in one runtime, with what; who goes on is in the other. */
describe.each(both)("killed in %s", (killed) => {
	test("a receiver: who waits for room goes on", async () => {
		const name = newName();
		await using holder = new Program(killed, "holder.child.ts", "receiver", prefix, name);
		await holder.line();
		await using reader = new Program(
			other[killed],
			"receiver.child.ts",
			"route",
			prefix,
			name,
			2000,
			2000,
			"recv",
			1 << 16,
		);
		expect(await reader.line()).toBe("ready");
		const args = ["route", prefix, name, 0, 2000, 2000, 2, "send", 1 << 16];
		await using sender = new Program(other[killed], "sender.child.ts", ...args);
		expect(await sender.line()).toBe("ready");
		await holder.kill();
		expect(await sender.report<{ sent: number }>()).toEqual({ sent: 2000 });
		expect(await reader.report<Received>()).toMatchObject({ received: 2000, next: [2000] });
	}, 60_000);

	test("a sender at a loan: what it had sent comes, and what others send after it", async () => {
		const name = newName();
		await using reader = new Program(other[killed], "waits.child.ts", "waits", prefix, name);
		expect(await reader.line()).toBe("ready");
		using receiver = Channel.receiver(name, { prefix });
		await using holder = new Program(killed, "holder.child.ts", "loan", prefix, name);
		await holder.line();
		expect(await reader.line()).toBe("before");
		using sender = Channel.sender(name, { prefix });
		expect(sender.send("after")).toBe(true);
		await holder.kill();
		expect(text(receiver.recv({ timeout: 5000 }))).toBe("before");
		expect(text(receiver.recv({ timeout: 5000 }))).toBe("after");
	}, 30_000);

	test("senders at random moments: what they had sent is whole and in order, and others lose nothing", async () => {
		const name = newName();
		const steady = 20_000;
		const largest = 2000;
		using receiver = Channel.receiver(name, { prefix, capacity: 1 << 16 });
		const next: number[] = [];
		let isReading = true;
		const reading = (async () => {
			while (isReading || (next[0] ?? 0) < steady) {
				const message = await receiver.recvAsync({ timeout: 100 });
				if (!message) continue;
				const { sender, sequence } = readPattern(message, largest);
				if (sequence !== (next[sender] ?? 0)) throw new Error(`${sender}: ${sequence} came, not ${next[sender] ?? 0}`);
				next[sender] = sequence + 1;
			}
		})();
		const start = (runtime: Runtime, sender: number, messages: number) =>
			new Program(runtime, "sender.child.ts", "channel", prefix, name, sender, messages, largest, 1, "send", 1 << 16);
		await using others = start(other[killed], 0, steady);
		for (let i = 1; i <= 8; i++) {
			await using victim = start(killed, i, 1e9);
			expect(await victim.line()).toBe("ready");
			await Bun.sleep(Math.random() * 40);
			await victim.kill();
		}
		expect(await others.line()).toBe("ready");
		expect(await others.report<{ sent: number }>()).toEqual({ sent: steady });
		isReading = false;
		await reading;
		expect(next[0]).toBe(steady);
		expect(next.length).toBeGreaterThan(1);
	}, 60_000);

	test("a worker of a queue: its message goes to another", async () => {
		const name = newName();
		using sender = Queue.sender(name, { prefix });
		sender.send("job");
		await using holder = new Program(killed, "holder.child.ts", "lease", prefix, name);
		expect(await holder.report<string>()).toBe("job");
		await using second = new Program(other[killed], "holder.child.ts", "lease", prefix, name);
		await holder.kill();
		expect(await second.report<string>()).toBe("job");
	}, 30_000);
});

describe("Node's event loop", () => {
	test("each is woken by the other", async () => {
		const name = newName();
		using receiver = Channel.receiver(`${name}.back`, { prefix });
		await using program = new Program("node", "waits.child.ts", "echoes", prefix, name);
		expect(await program.line()).toBe("ready");
		using sender = Channel.sender(name, { prefix });
		await sender.receiversReady(1);
		const started = performance.now();
		for (let i = 0; i < 40; i++) {
			await sender.sendAsync(`ping ${i}`);
			expect(text(await receiver.recvAsync({ timeout: 10_000 }))).toBe(`ping ${i}`);
		}
		// If either took a look around to notice, a round would take half a second, and all of them twenty.
		expect(performance.now() - started).toBeLessThan(8000);
		await sender.sendAsync("");
		expect(await program.exited).toBe(0);
	}, 60_000);

	test("a receiver that waits keeps the process, an unref'd one does not, and exit ends it", async () => {
		await using unref = new Program("node", "waits.child.ts", "unref", prefix, newName());
		expect(await unref.line()).toBe("ended");
		expect(await unref.exited).toBe(0);
		await using exit = new Program("node", "waits.child.ts", "exit", prefix, newName());
		expect(await exit.exited).toBe(7);
	}, 30_000);

	test("Workers that wait are terminated, and no descriptor stays behind", async () => {
		await using program = new Program("node", "waits.child.ts", "workers", prefix, newName());
		expect(await program.report<{ more: number }>()).toEqual({ more: 0 });
		expect(await program.exited).toBe(0);
	}, 60_000);
});
