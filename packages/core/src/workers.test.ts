import { afterAll, describe, expect, test } from "bun:test";
import { Channel } from "./index.ts";

const prefix = `workers${process.pid}`;

afterAll(() => {
	for (const name of ["many", "terminated"]) Channel.clear(name, { prefix });
});

/** A Worker and what it posts, in order. */
function startWorker(name: string, count: number): { worker: Worker; next(): Promise<string> } {
	const worker = new Worker(new URL("testing/worker.child.ts", import.meta.url));
	const queue: string[] = [];
	let wake = () => {};
	worker.onmessage = ({ data }: MessageEvent<string>) => {
		queue.push(data);
		wake();
	};
	worker.postMessage({ prefix, name, count });
	return {
		worker,
		async next() {
			while (queue.length === 0)
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
			return queue.shift() ?? "";
		},
	};
}

describe("in Workers", () => {
	test("sixteen Workers load the library at once and each gets every message", async () => {
		const workers = Array.from({ length: 16 }, () => startWorker("many", 100));
		for (const { next } of workers) expect(await next()).toBe("ready");
		using sender = Channel.sender("many", { prefix });
		expect(sender.receiverCount).toBe(16);
		for (let i = 0; i < 100; i++) expect(sender.send(`message ${i}`)).toBe(true);
		for (const { next, worker } of workers) {
			for (let i = 0; i < 100; i++) expect(await next()).toBe(`message ${i}`);
			worker.terminate();
		}
	}, 60_000);

	test("a terminated Worker's receiver does not hold the senders back", async () => {
		using sender = Channel.sender("terminated", { prefix, capacity: 4096 });
		const { worker, next } = startWorker("terminated", 1);
		expect(await next()).toBe("ready");
		expect(sender.send("first")).toBe(true);
		expect(await next()).toBe("first");
		const closed = new Promise((resolve) => worker.addEventListener("close", resolve));
		worker.terminate();
		await closed;
		// Nobody reads any more. The receiver counts until the full ring makes the sender look whether it is alive.
		const block = new Uint8Array(1000);
		while (sender.send(block, { timeout: 5000 }));
		expect(sender.receiverCount).toBe(0);
	}, 60_000);
});
