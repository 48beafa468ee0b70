import { afterAll, describe, expect, spyOn, test } from "bun:test";
import { rmSync } from "node:fs";
import { Channel, Queue, Route } from "./index.ts";
import { Child } from "./testing/child.ts";

const prefix = `hardening${process.pid}`;
let count = 0;
const unique = () => `n${count++}`;

afterAll(() => {
	for (let i = 0; i < count; i++) {
		Route.clear(`n${i}`, { prefix });
		Channel.clear(`n${i}`, { prefix });
	}
});

const code = (value: string) => expect.objectContaining({ code: value });
const index = JSON.stringify(import.meta.resolve("./index.ts"));

/** Runs a program in a process of its own and answers how it ended and what it printed. */
function run(program: string): { exitCode: number | null; output: string } {
	const { exitCode, stdout } = Bun.spawnSync([
		process.execPath,
		"-e",
		`import { Route, Channel } from ${index}; ${program}`,
	]);
	return { exitCode, output: stdout.toString().trim() };
}

describe("endpoints that are closed from unexpected places", () => {
	test("an exit handler finds them closed, not freed", () => {
		const options = JSON.stringify({ prefix });
		const { exitCode, output } = run(`
			const receiver = Channel.receiver("${unique()}", ${options});
			const sender = Channel.sender(receiver.name, ${options});
			process.on("exit", () => {
				for (const call of [() => sender.send("x"), () => receiver.recv({ timeout: 0 })])
					try { call() } catch (error) { console.log(error.code) }
			});`);
		expect({ exitCode, output }).toEqual({ exitCode: 0, output: "ERR_IPC_CLOSED\nERR_IPC_CLOSED" });
	});
});

describe("views of the ring", () => {
	test("whose buffer was transferred stay readable when the first buffer is collected", () => {
		const { exitCode, output } = run(`
			const receiver = Channel.receiver("${unique()}", { prefix: "${prefix}" });
			const sender = Channel.sender(receiver.name, { prefix: "${prefix}" });
			sender.send("kept");
			let taken;
			receiver.drain((view) => { taken = new Uint8Array(view.buffer.transfer()) });
			sender.send("next");
			receiver.drain((view) => console.log(new TextDecoder().decode(view)));
			receiver.close();
			sender.close();
			for (let i = 0; i < 50; i++) { Bun.gc(true); await Bun.sleep(1) }
			console.log(new TextDecoder().decode(taken.subarray(8, 12)));`);
		expect({ exitCode, output }).toEqual({ exitCode: 0, output: "next\nkept" });
	});
});

describe("lengths", () => {
	test("a string that cannot fit is refused before it is encoded", () => {
		const name = unique();
		using _receiver = Queue.receiver(name, { prefix });
		using sender = Queue.sender(name, { prefix });
		const encode = spyOn(TextEncoder.prototype, "encode");
		try {
			expect(() => sender.send("x".repeat(2e7))).toThrow(code("ERR_IPC_MESSAGE_TOO_LARGE"));
			expect(encode).not.toHaveBeenCalled();
		} finally {
			encode.mockRestore();
		}
	});
});

describe("waiting", () => {
	test("a large message is not starved by small ones", async () => {
		const name = unique();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using small = Channel.sender(name, { prefix });
		await using large = new Child("flood.child.ts", [prefix, name, 2000]);
		expect(await large.line()).toBe("ready");
		const target = new Uint8Array(2000);
		let larges = 0;
		const until = performance.now() + 5000;
		while (larges < 20 && performance.now() < until) {
			// Whatever one receive has made free is taken at once: the large one gets in only if it can keep what it has.
			while (small.trySend("small"));
			if (receiver.recvInto(target, { timeout: 0 }) === 2000) larges++;
		}
		expect(larges).toBe(20);
	}, 30_000);

	test("for receivers does not count a killed one, nor does a close leave it counted", async () => {
		const name = unique();
		using sender = Channel.sender(name, { prefix });
		await using child = new Child("holder.child.ts", ["channel", "receiver", prefix, name]);
		expect(await child.line()).toBe("ready");
		await child.kill();
		expect(sender.receiverCount).toBe(1);
		expect(sender.waitForReceivers(1, { timeout: 20 })).toBe(false);
		expect(sender.receiverCount).toBe(0);
		await using another = new Child("holder.child.ts", ["channel", "receiver", prefix, name]);
		expect(await another.line()).toBe("ready");
		const closing = Channel.receiver(name, { prefix });
		await another.kill();
		closing.close();
		expect(sender.receiverCount).toBe(0);
	}, 20_000);

	test("a Worker that waits for ever can be terminated", async () => {
		const worker = new Worker(new URL("testing/worker.child.ts", import.meta.url));
		const ready = new Promise((resolve) => {
			worker.onmessage = resolve;
		});
		const closed = new Promise((resolve) => worker.addEventListener("close", resolve));
		worker.postMessage({ prefix, name: unique(), count: 1 });
		await ready;
		worker.terminate();
		await closed;
	}, 10_000);

	test("a deleted file is noticed by those who only try, too", () => {
		const name = unique();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		rmSync(`/dev/shm/libipc.channel.${prefix.length}.${prefix}.${name}`);
		const until = performance.now() + 10_000;
		expect(() => {
			while (performance.now() < until) receiver.tryRecv();
		}).toThrow(code("ERR_IPC_ORPHANED"));
		expect(() => sender.trySend("x")).toThrow(code("ERR_IPC_ORPHANED"));
	}, 20_000);
});
