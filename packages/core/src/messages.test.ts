import { afterAll, describe, expect, test } from "bun:test";
import { Channel, type Message, monotonicNs, Route } from "./index.ts";

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
const bytes = (...values: number[]) => Uint8Array.from(values);
const utf8 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text));

describe.each([
	["route", Route],
	["channel", Channel],
] as const)("%s", (_, factory) => {
	test("carries every kind of message", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const shared = new SharedArrayBuffer(3);
		new Uint8Array(shared).set([7, 8, 9]);
		const backing = bytes(1, 2, 3, 4, 5);
		const cases: [Message, Uint8Array<ArrayBuffer>][] = [
			["grüße 🚀", utf8("grüße 🚀")],
			["", bytes()],
			[bytes(1, 2, 3), bytes(1, 2, 3)],
			[bytes(), bytes()],
			[backing.subarray(1, 4), bytes(2, 3, 4)],
			[backing.buffer.slice(0, 2), bytes(1, 2)],
			[new ArrayBuffer(0), bytes()],
			[new DataView(backing.buffer, 3), bytes(4, 5)],
			[Buffer.from("buffer"), utf8("buffer")],
			[Uint16Array.of(0x0201), bytes(1, 2)],
			[shared, bytes(7, 8, 9)],
			["x".repeat(100_000), utf8("x".repeat(100_000))],
		];
		for (const [message] of cases) expect(sender.send(message)).toBe(true);
		for (const [, expected] of cases) expect(receiver.recv()).toEqual(expected);
		expect(receiver.tryRecv()).toBeNull();
		expect(sender.sendBatch(cases.map(([message]) => message))).toBe(cases.length);
		for (const [, expected] of cases) expect(receiver.tryRecv()).toEqual(expected);
	});

	test("every receiver gets every message sent after it was opened, and none from before", () => {
		const name = unique();
		using first = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.send("1");
		using second = factory.receiver(name, { prefix });
		sender.send("2");
		expect([text(first.recv()), text(first.recv()), text(second.recv())]).toEqual(["1", "2", "2"]);
		expect([first.tryRecv(), second.tryRecv()]).toEqual([null, null]);
	});

	test("a full ring makes senders wait, and trySend say so; nothing is lost", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		let sent = 0;
		while (sender.trySend(`message ${sent}`)) sent++;
		expect(sent).toBeGreaterThan(4096 / 40);
		expect(sender.send("message too late", { timeout: 20 })).toBe(false);
		for (let i = 0; i < sent; i++) expect(text(receiver.recv())).toBe(`message ${i}`);
		expect(receiver.tryRecv()).toBeNull();
		expect(sender.send("again", { timeout: 0 })).toBe(true);
		expect(text(receiver.recv())).toBe("again");
	});

	test("a batch larger than the ring says how much of it was sent", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		const messages = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
		const sent = sender.sendBatch(messages, { timeout: 10 });
		expect(sent).toBeGreaterThan(100);
		expect(sent).toBeLessThan(1000);
		for (let i = 0; i < sent; i++) expect(text(receiver.recv())).toBe(`message ${i}`);
		expect(receiver.tryRecv()).toBeNull();
	});

	test("a batch takes any iterable; what came before a failure in it is sent", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		function* failing() {
			yield "one";
			yield "two";
			throw new Error("the source failed");
		}
		expect(() => sender.sendBatch(failing())).toThrow("the source failed");
		expect([text(receiver.recv()), text(receiver.recv()), receiver.tryRecv()]).toEqual(["one", "two", null]);
		expect(sender.sendBatch(new Set(["three"]))).toBe(1);
		expect(sender.sendBatch([])).toBe(0);
		expect(text(receiver.recv())).toBe("three");
	});

	test("the iterable of a batch cannot send in between", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		function* nested(send: () => unknown) {
			yield "one";
			send();
		}
		for (const send of [() => sender.send("x"), () => sender.trySend("x"), () => sender.sendBatch(["x"])]) {
			expect(() => sender.sendBatch(nested(send))).toThrow(expect.objectContaining({ code: "ERR_IPC_REENTRANT" }));
			expect([text(receiver.recv()), receiver.tryRecv()]).toEqual(["one", null]);
		}
		expect(sender.send("two")).toBe(true);
		expect(text(receiver.recv())).toBe("two");
	});

	test("with nobody connected a send is refused at once", () => {
		const name = unique();
		using sender = factory.sender(name, { prefix });
		expect(sender.receiverCount).toBe(0);
		expect(sender.send("x")).toBe(false);
		expect(sender.trySend("x")).toBe(false);
		expect(sender.sendBatch(["x", "y"])).toBe(0);
		expect(sender.waitForReceivers(1, { timeout: 10 })).toBe(false);
		expect(sender.waitForReceivers(0)).toBe(true);
		const receiver = factory.receiver(name, { prefix });
		expect(sender.waitForReceivers(1)).toBe(true);
		expect(sender.receiverCount).toBe(1);
		receiver.close();
		expect(sender.receiverCount).toBe(0);
	});

	test("recvInto copies, and leaves a message that does not fit", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const target = new Uint8Array(8).fill(0xff);
		sender.send(bytes(1, 2, 3));
		expect(receiver.recvInto(target)).toBe(3);
		expect(target).toEqual(bytes(1, 2, 3, 0xff, 0xff, 0xff, 0xff, 0xff));
		sender.send(new Uint8Array(9));
		expect(() => receiver.recvInto(target)).toThrow(
			expect.objectContaining({ code: "ERR_IPC_BUFFER_TOO_SMALL", message: expect.stringMatching(/9 bytes.*8/) }),
		);
		expect(() => receiver.recvInto(new Uint8Array(0))).toThrow(
			expect.objectContaining({ code: "ERR_IPC_BUFFER_TOO_SMALL" }),
		);
		expect(receiver.recvInto(new Uint8Array(9))).toBe(9);
		sender.send("");
		expect(receiver.recvInto(new Uint8Array(0))).toBe(0);
		expect(receiver.recvInto(target, { timeout: 0 })).toBe(-1);
		expect(receiver.recvInto(new Uint8Array(0), { timeout: 0 })).toBe(-1);
	});

	test("drain hands over views, at most max, and waits only if there is nothing", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const seen: (string | null)[] = [];
		const collect = (view: Uint8Array) => void seen.push(text(view));
		sender.sendBatch(["a", "", "c", "d"]);
		expect(receiver.drain(collect, { max: 3 })).toBe(3);
		expect(receiver.drain(collect)).toBe(1);
		expect(receiver.drain(collect, { timeout: 5 })).toBe(0);
		expect(seen).toEqual(["a", "", "c", "d"]);
	});

	test("a drain handler that throws has received its message; the later ones stay", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.sendBatch(["a", "b", "c"]);
		expect(() =>
			receiver.drain((view) => {
				if (text(view) === "b") throw new Error("b is bad");
			}),
		).toThrow("b is bad");
		expect(text(receiver.recv())).toBe("c");
	});

	test("inside a drain handler the receiver can be closed but not read", () => {
		const name = unique();
		const receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.sendBatch(["a", "b"]);
		expect(() => receiver.drain(() => receiver.recv())).toThrow(expect.objectContaining({ code: "ERR_IPC_REENTRANT" }));
		let kept: Uint8Array | undefined;
		const handled = receiver.drain((view) => {
			receiver.close();
			kept = view;
			expect(text(view)).toBe("b");
		});
		expect(handled).toBe(1);
		expect(sender.receiverCount).toBe(0);
		// A view kept for too long may read anything, but must not crash.
		Bun.gc(true);
		expect(kept?.byteLength).toBe(1);
		expect(typeof kept?.[0]).toBe("number");
	});

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

describe("clones of senders", () => {
	test("a route's are one sender, which leaves with the last of them", () => {
		const name = unique();
		using receiver = Route.receiver(name, { prefix });
		const first = Route.sender(name, { prefix });
		const second = first.clone();
		first.send("1");
		second.send("2");
		first.close();
		expect(() => first.send("x")).toThrow(expect.objectContaining({ code: "ERR_IPC_CLOSED" }));
		expect(() => Route.sender(name, { prefix })).toThrow(expect.objectContaining({ code: "ERR_IPC_HAS_SENDER" }));
		second.send("3");
		second.close();
		using successor = Route.sender(name, { prefix });
		successor.send("4");
		expect([1, 2, 3, 4].map(() => text(receiver.recv()))).toEqual(["1", "2", "3", "4"]);
	});

	test("a channel's are senders of their own", () => {
		const name = unique();
		using receiver = Channel.receiver(name, { prefix });
		using first = Channel.sender(name, { prefix });
		using second = first.clone();
		first.send("1");
		second.send("2");
		expect([text(receiver.recv()), text(receiver.recv())]).toEqual(["1", "2"]);
	});
});

describe("clear", () => {
	test("what was sent before can be read, then both ends learn that they are orphaned", () => {
		const name = unique();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		sender.send("kept");
		Route.clear(name, { prefix });
		expect(() => sender.send("x")).toThrow(expect.objectContaining({ code: "ERR_IPC_ORPHANED" }));
		expect(text(receiver.recv())).toBe("kept");
		expect(() => receiver.recv()).toThrow(expect.objectContaining({ code: "ERR_IPC_ORPHANED" }));
		using fresh = Route.sender(name, { prefix });
		expect(fresh.receiverCount).toBe(0);
		Route.clear("never opened", { prefix });
	});

	test("names of different kinds and prefixes do not meet", () => {
		const name = unique();
		using route = Route.receiver(name, { prefix });
		using channel = Channel.receiver(name, { prefix });
		using other = Route.receiver(name, { prefix: `${prefix}.other` });
		using sender = Route.sender(name, { prefix });
		expect(sender.receiverCount).toBe(1);
		sender.send("x");
		expect([text(route.recv()), channel.tryRecv(), other.tryRecv()]).toEqual(["x", null, null]);
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
