import { afterAll, describe, expect, test } from "bun:test";
import { Channel, monotonicNs, Route } from "./index.ts";

const prefix = `messages${process.pid}`;
let count = 0;
const names: string[] = [];

function unique(): string {
	const name = `n${count++}`;
	names.push(name);
	return name;
}

afterAll(() => {
	for (const name of names) {
		Route.clear(name, { prefix });
		Channel.clear(name, { prefix });
	}
});

const text = (bytes: Uint8Array | null) => (bytes ? new TextDecoder().decode(bytes) : null);

describe.each([
	["route", Route],
	["channel", Channel],
] as const)("%s", (_, factory) => {
	test("endpoints close once, with using, and say so", async () => {
		const name = unique();
		const sender = factory.sender(name, { prefix });
		{
			using receiver = factory.receiver(name, { prefix });
			await using second = receiver.clone();
			expect(second.name).toBe(name);
			expect(sender.receiverCount).toBe(2);
			second.close();
			second.close();
			expect(second.closed).toBe(true);
			expect(receiver.closed).toBe(false);
		}
		expect(sender.receiverCount).toBe(0);
		sender.close();
		sender.close();
		expect(sender.closed).toBe(true);
		expect(await Bun.file(`/dev/shm/libipc.${_}.${prefix.length}.${prefix}.${name}`).exists()).toBe(false);
	});
});

test("opening and closing leaves no descriptor and no mapping behind", async () => {
	const { readdirSync, readFileSync } = await import("node:fs");
	const name = unique();
	const resources = () => [
		readdirSync("/proc/self/fd").length,
		readFileSync("/proc/self/maps", "utf8")
			.split("\n")
			.filter((line) => line.includes(prefix)).length,
	];
	const before = resources();
	for (let i = 0; i < 300; i++) {
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		sender.send("x");
		expect(text(receiver.recv())).toBe("x");
	}
	expect(resources()).toEqual(before);
});

test("a forgotten endpoint leaves when it is collected", async () => {
	const name = unique();
	using sender = Channel.sender(name, { prefix });
	(() => {
		for (let i = 0; i < 10; i++) Channel.receiver(name, { prefix });
	})();
	expect(sender.receiverCount).toBe(10);
	// Collection is the engine's business: conservative scanning of the stack may keep one or another for a while.
	for (let i = 0; i < 200 && sender.receiverCount > 2; i++) {
		Bun.gc(true);
		await Bun.sleep(5);
	}
	expect(sender.receiverCount).toBeLessThanOrEqual(2);
});

test("one that has waited in the event loop does, too", async () => {
	const name = unique();
	using sender = Channel.sender(name, { prefix });
	await (async () => {
		const receivers = Array.from({ length: 10 }, () => Channel.receiver(name, { prefix }));
		await Promise.all(receivers.map((receiver) => receiver.recvAsync({ timeout: 5 })));
	})();
	expect(sender.receiverCount).toBe(10);
	for (let i = 0; i < 200 && sender.receiverCount > 2; i++) {
		Bun.gc(true);
		await Bun.sleep(5);
	}
	expect(sender.receiverCount).toBeLessThanOrEqual(2);
});

test("monotonicNs counts nanoseconds, and the same in another process", () => {
	const before = monotonicNs();
	const program = `import { monotonicNs } from ${JSON.stringify(import.meta.resolve("./index.ts"))}; console.log(monotonicNs())`;
	const there = Number(Bun.spawnSync([process.execPath, "-e", program]).stdout.toString());
	const after = monotonicNs();
	expect(there).toBeGreaterThan(before);
	expect(there).toBeLessThan(after);
});
