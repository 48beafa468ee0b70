import { afterAll, describe, expect, test } from "bun:test";
import { Channel, Route } from "./index.ts";
import { Child } from "./testing/child.ts";

const prefix = `killed${process.pid}`;
const opened: { kind: "route" | "channel"; name: string }[] = [];

afterAll(() => {
	for (const { kind, name } of opened) (kind === "route" ? Route : Channel).clear(name, { prefix });
});

function route(name: string): string {
	opened.push({ kind: "route", name });
	return name;
}

function channel(name: string): string {
	opened.push({ kind: "channel", name });
	return name;
}

const segment = (kind: string, name: string) => Bun.file(`/dev/shm/libipc.${kind}.${prefix.length}.${prefix}.${name}`);

async function holder(kind: string, role: string, name: string, options: object = {}): Promise<Child> {
	const child = new Child("holder.child.ts", [kind, role, prefix, name, JSON.stringify(options)]);
	expect(await child.line()).toBe("ready");
	return child;
}

describe("killed peers", () => {
	test("a sender blocked by a killed receiver goes on within a second", async () => {
		const name = channel("blocked");
		using alive = Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		await using child = await holder("channel", "receiver", name);
		expect(sender.receiverCount).toBe(2);
		let sent = 0;
		while (sender.trySend(`message ${sent}`)) {
			sent++;
			if (sent % 50 === 0) while (alive.tryRecv());
		}
		await child.kill();
		const started = performance.now();
		expect(sender.send("after the kill", { timeout: 10_000 })).toBe(true);
		expect(performance.now() - started).toBeLessThan(1000);
		expect(sender.receiverCount).toBe(1);
		let last = "";
		for (let message = alive.tryRecv(); message; message = alive.tryRecv()) last = new TextDecoder().decode(message);
		expect(last).toBe("after the kill");
	}, 30_000);

	test("a stopped receiver is not a dead one: the sender waits, and nothing is lost", async () => {
		const name = route("stopped");
		using sender = Route.sender(name, { prefix, capacity: 4096 });
		await using child = new Child("receiver.child.ts", ["route", prefix, name, 1000, 64]);
		expect(await child.line()).toBe("ready");
		child.signal("SIGSTOP");
		const { writePattern } = await import("./testing/pattern.ts");
		const buffer = new Uint8Array(64);
		let sent = 0;
		while (sender.trySend(writePattern(buffer, 0, sent, 64))) sent++;
		expect(sender.send(writePattern(buffer, 0, sent, 64), { timeout: 1500 })).toBe(false);
		expect(sender.receiverCount).toBe(1);
		child.signal("SIGCONT");
		for (; sent < 1000; sent++) expect(sender.send(writePattern(buffer, 0, sent, 64), { timeout: 10_000 })).toBe(true);
		expect(await child.report<object>()).toMatchObject({ received: 1000, next: [1000] });
	}, 30_000);

	test("a route takes a new sender as soon as the old one was killed, and its receivers go on", async () => {
		const name = route("successor");
		using receiver = Route.receiver(name, { prefix });
		await using child = await holder("route", "sender", name);
		expect(() => Route.sender(name, { prefix })).toThrow(
			expect.objectContaining({ code: "ERR_IPC_HAS_SENDER", message: expect.stringContaining(String(child.pid)) }),
		);
		await child.kill();
		using sender = Route.sender(name, { prefix });
		expect(sender.send("hello")).toBe(true);
		expect(receiver.recv()).toEqual(new TextEncoder().encode("hello"));
	}, 30_000);

	test("senders killed while they send leave whole messages, in order, and the channel goes on", async () => {
		const name = channel("senders");
		using receiver = Channel.receiver(name, { prefix, capacity: 65_536 });
		const { readPattern } = await import("./testing/pattern.ts");
		for (let round = 0; round < 10; round++) {
			await using child = new Child("sender.child.ts", ["channel", prefix, name, round, 1e9, 2000, 1]);
			expect(await child.line()).toBe("ready");
			const wanted = 1000 + round * 777;
			let next = 0;
			const check = (bytes: Uint8Array) =>
				expect(readPattern(bytes, 2000)).toEqual({ sender: round, sequence: next++ });
			while (next < wanted) receiver.drain(check, { timeout: 5000, max: 100 });
			await child.kill();
			while (receiver.drain(check, { timeout: 0 }) > 0);
		}
		using sender = Channel.sender(name, { prefix });
		expect(sender.send("still works", { timeout: 5000 })).toBe(true);
		expect(new TextDecoder().decode(receiver.recv({ timeout: 5000 }) ?? undefined)).toBe("still works");
	}, 60_000);

	test("what killed processes leave behind is replaced by the next to open, also with other options", async () => {
		const name = route("leftover");
		const child = await holder("route", "receiver", name, { capacity: 8192 });
		await child.kill();
		expect(await segment("route", name).exists()).toBe(true);
		using sender = Route.sender(name, { prefix, capacity: 16_384 });
		expect(sender.receiverCount).toBe(0);
		expect((await segment("route", name).stat()).size).toBe(4096 + (64 + 1024) * 128 + 16_384);
	}, 30_000);

	test("a process that just exits leaves properly, and the last one to leave removes the storage", async () => {
		const name = channel("exit");
		const program = `import { Channel } from ${JSON.stringify(import.meta.resolve("./index.ts"))};
			Channel.receiver(${JSON.stringify(name)}, { prefix: ${JSON.stringify(prefix)} });
			process.exit(0);`;
		const { exited } = Bun.spawn([process.execPath, "-e", program]);
		expect(await exited).toBe(0);
		expect(await segment("channel", name).exists()).toBe(false);
	}, 30_000);
});
