import { afterAll, describe, expect, test } from "bun:test";
import { type Lease, Queue } from "./index.ts";
import { Child } from "./testing/child.ts";
import { Names } from "./testing/names.ts";
import { text } from "./testing/text.ts";

const names = new Names("queue");
const { prefix } = names;

afterAll(() => names.clear());

const jobs = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `job ${from + i}`);
const number = (job: string) => Number(job.slice(4));

async function startWorkers(stack: AsyncDisposableStack, name: string, programs: readonly string[], argument = "") {
	const workers = programs.map((program) => stack.use(new Child("queue.child.ts", [program, prefix, name, argument])));
	for (const worker of workers) expect(await worker.line()).toBe("ready");
	return workers;
}

describe("between processes", () => {
	test("four workers, each receiving in another way: every job once, each worker's in order", async () => {
		await using stack = new AsyncDisposableStack();
		const name = names.next();
		using sender = Queue.sender(name, { prefix, capacity: 16_384 });
		const workers = await startWorkers(stack, name, ["recv", "drain", "messages", "leases", "drainBatch"]);
		expect(sender.receiverCount).toBe(5);
		const count = 20_000;
		for (const job of jobs(count)) expect(sender.send(job, { timeout: 20_000 })).toBe(true);
		for (const _ of workers) expect(sender.send("stop", { timeout: 20_000 })).toBe(true);
		const done = await Promise.all(workers.map((worker) => worker.report<string[]>()));
		for (const share of done) expect(share.map(number)).toEqual(share.map(number).sort((a, b) => a - b));
		expect(done.flat().sort((a, b) => number(a) - number(b))).toEqual(jobs(count));
	}, 60_000);

	test("two senders and two workers that put jobs back: every job is done once", async () => {
		await using stack = new AsyncDisposableStack();
		const name = names.next();
		using sender = Queue.sender(name, { prefix, capacity: 16_384 });
		using second = Queue.sender(name, { prefix });
		const workers = await startWorkers(stack, name, ["retry", "retry"]);
		for (let i = 0; i < 5000; i += 2) {
			expect(sender.send(`job ${i}`, { timeout: 20_000 })).toBe(true);
			expect(second.send(`job ${i + 1}`, { timeout: 20_000 })).toBe(true);
		}
		for (const _ of workers) sender.send("stop");
		const done = await Promise.all(workers.map((worker) => worker.report<string[]>()));
		// A job that was put back comes before "stop", or the worker that has it does it.
		expect(done.flat().sort((a, b) => number(a) - number(b))).toEqual(jobs(5000));
	}, 60_000);

	test("four workers with equal work each get their share", async () => {
		await using stack = new AsyncDisposableStack();
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const workers = await startWorkers(stack, name, Array(4).fill("slowly"), "1");
		const count = 1000;
		expect(sender.sendBatch([...jobs(count), "stop", "stop", "stop", "stop"])).toBe(count + 4);
		const done = await Promise.all(workers.map((worker) => worker.report<string[]>()));
		expect(done.flat().sort((a, b) => number(a) - number(b))).toEqual(jobs(count));
		for (const share of done) expect(share.length).toBeGreaterThan(count * 0.05);
	}, 60_000);

	test.each(["waiting", "asynchronously", "trying"] as const)(
		"a killed worker's job goes to another, %s, with its attempts counted",
		async (how) => {
			const name = names.next();
			using sender = Queue.sender(name, { prefix });
			using receiver = Queue.receiver(name, { prefix });
			sender.sendBatch(["killer", "other"]);
			for (const attempt of [1, 2]) {
				await using worker = new Child("queue.child.ts", ["keep", prefix, name]);
				expect(await worker.line()).toBe("ready");
				expect(await worker.report<unknown[]>()).toEqual(["killer", attempt]);
				await worker.kill();
			}
			const killed = performance.now();
			let lease: Lease | null = null;
			// The job after it is not held up, and does not take its place.
			const seen: string[] = [];
			while (seen.length < 2 && performance.now() - killed < 10_000) {
				if (how === "waiting") lease = receiver.take({ timeout: 10_000 });
				else if (how === "asynchronously") lease = await receiver.takeAsync({ timeout: 10_000 });
				else lease = receiver.tryTake();
				if (!lease) continue;
				seen.push(`${text(lease.bytes)} ${lease.attempt}`);
				lease.done();
			}
			expect(seen.sort()).toEqual(["killer 3", "other 1"]);
			expect(performance.now() - killed).toBeLessThan(1500);
			expect(receiver.tryTake()).toBeNull();
		},
		30_000,
	);
});

describe("leases", () => {
	test("a forgotten one is given back when it is collected", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		const count = 20;
		sender.sendBatch(jobs(count));
		(() => {
			for (let i = 0; i < count; i++) receiver.take();
		})();
		const seen = new Set<string>();
		// Conservative scanning of the stack may keep one or another for a while.
		for (let i = 0; i < 1000 && seen.size < count - 2; i++) {
			Bun.gc(true);
			await Bun.sleep(1);
			for (let lease = receiver.tryTake(); lease; lease = receiver.tryTake()) {
				expect(lease.attempt).toBe(2);
				seen.add(text(lease.bytes));
				lease.done();
			}
		}
		expect(seen.size).toBeGreaterThanOrEqual(count - 2);
	}, 30_000);
});
