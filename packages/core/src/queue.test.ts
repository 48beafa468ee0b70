import { afterAll, describe, expect, test } from "bun:test";
import { type Lease, Queue, type QueueReceiver } from "./index.ts";
import { Child } from "./testing/child.ts";
import { Names } from "./testing/names.ts";
import { isPending, rejection, rejectionCode, text, thrownCode } from "./testing/text.ts";

const names = new Names("queue");
const { prefix } = names;

afterAll(() => names.clear());

const jobs = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `job ${from + i}`);
const number = (job: string) => Number(job.slice(4));

function rest(receiver: QueueReceiver): string[] {
	const messages: string[] = [];
	for (let message = receiver.tryRecv(); message; message = receiver.tryRecv()) messages.push(text(message));
	return messages;
}

/** The lease there must be. */
function taken(lease: Lease | null): Lease {
	if (!lease) throw new Error("nothing was taken");
	return lease;
}

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
	test("done: the job is gone; bytes, attempt and order are what they should be", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		// Sent before anybody was there to receive.
		expect(sender.receiverCount).toBe(0);
		expect(sender.send("a")).toBe(true);
		expect(sender.sendBatch(["b", ""])).toBe(2);
		using receiver = Queue.receiver(name, { prefix });
		using second = receiver.clone();
		const a = taken(receiver.take());
		const b = taken(second.take());
		const empty = taken(receiver.tryTake());
		expect([a, b, empty].map((lease) => [text(lease.bytes), lease.attempt])).toEqual([
			["a", 1],
			["b", 1],
			["", 1],
		]);
		for (const lease of [b, empty, a]) lease.done();
		expect([receiver.tryTake(), second.tryTake(), receiver.take({ timeout: 5 })]).toEqual([null, null, null]);
	});

	test("retry puts it before those not yet taken, for anybody, and counts", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		using second = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b", "c"]);
		const a = taken(receiver.take());
		const b = taken(receiver.take());
		a.retry();
		const again = taken(second.take());
		expect([text(again.bytes), again.attempt]).toEqual(["a", 2]);
		b.retry();
		again.retry();
		const order = [receiver, second, receiver].map((each) => {
			const lease = taken(each.take());
			lease.done();
			return `${text(lease.bytes)} ${lease.attempt}`;
		});
		expect(order).toEqual(["a 3", "b 2", "c 1"]);
	});

	test("end once: afterwards each call says so, dispose does nothing", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const receiver = Queue.receiver(name, { prefix });
		using second = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b", "c"]);
		const done = taken(receiver.take());
		done.done();
		const retried = taken(receiver.take());
		retried.retry();
		const disposed = taken(receiver.take());
		disposed[Symbol.dispose]();
		const left = taken(receiver.take());
		const closed = taken(receiver.take());
		expect([text(left.bytes), text(closed.bytes)]).toEqual(["b", "c"]);
		receiver.close();
		for (const lease of [done, retried, disposed, left, closed]) {
			expect(thrownCode(() => lease.done())).toBe("ERR_IPC_LEASE_ENDED");
			expect(thrownCode(() => lease.retry())).toBe("ERR_IPC_LEASE_ENDED");
			lease[Symbol.dispose]();
		}
		// What the closed one had goes to the other at once, in order.
		expect([1, 2].map(() => taken(second.tryTake())).map((lease) => [text(lease.bytes), lease.attempt])).toEqual([
			["b", 4],
			["c", 2],
		]);
		expect(thrownCode(() => receiver.take())).toBe("ERR_IPC_CLOSED");
		expect(thrownCode(() => receiver.tryTake())).toBe("ERR_IPC_CLOSED");
		expect(thrownCode(() => receiver.leases())).toBe("ERR_IPC_CLOSED");
	});

	test("using gives back what was not done, also when the block throws", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b"]);
		const attempts: number[] = [];
		for (let i = 0; i < 3; i++)
			expect(() => {
				using lease = taken(receiver.take());
				attempts.push(lease.attempt);
				expect(text(lease.bytes)).toBe("a");
				throw new Error("the work failed");
			}).toThrow("the work failed");
		{
			using lease = taken(receiver.take());
			attempts.push(lease.attempt);
			lease.done();
		}
		expect(attempts).toEqual([1, 2, 3, 4]);
		expect(rest(receiver)).toEqual(["b"]);
	});

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

	test("may be kept while the ring goes round once; then senders wait for it", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix, capacity: 4096 });
		using receiver = Queue.receiver(name, { prefix });
		sender.send("kept");
		const kept = taken(receiver.take());
		let sent = 0;
		let received = 0;
		while (sender.trySend(`job ${sent}`)) {
			sent++;
			expect(text(receiver.recv())).toBe(`job ${received++}`);
		}
		expect(sent).toBeGreaterThan(20);
		expect(text(kept.bytes)).toBe("kept");
		expect(sender.send("waits", { timeout: 10 })).toBe(false);
		kept.done();
		expect(sender.send("goes on", { timeout: 10_000 })).toBe(true);
		expect(rest(receiver)).toEqual(["goes on"]);
	});

	test("takeAsync and leases(): in order, together with recvAsync, aborted and closed without loss", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const receiver = Queue.receiver(name, { prefix });
		expect(await receiver.takeAsync({ timeout: 0 })).toBeNull();
		expect(await receiver.takeAsync({ timeout: 5 })).toBeNull();
		const first = receiver.takeAsync();
		const second = receiver.recvAsync();
		const third = receiver.takeAsync();
		expect(await isPending(Promise.race([first, second, third]))).toBe(true);
		sender.sendBatch(["a", "b", "c"]);
		const a = taken(await first);
		expect([text(a.bytes), text(await second), text(taken(await third).bytes)]).toEqual(["a", "b", "c"]);
		a.retry();
		const controller = new AbortController();
		const seen: string[] = [];
		const iterated = (async () => {
			for await (const lease of receiver.leases({ signal: controller.signal })) {
				seen.push(`${text(lease.bytes)} ${lease.attempt}`);
				lease.done();
			}
		})();
		sender.send("d");
		while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
		controller.abort("enough");
		expect(await rejection(iterated)).toBe("enough");
		expect(seen).toEqual(["a 2", "d 1"]);
		sender.sendBatch(["e", "f"]);
		for await (const lease of receiver.leases()) {
			expect(text(lease.bytes)).toBe("e");
			break;
		}
		// The loop did not end that lease: it is still the receiver's, until that is closed.
		const f = taken(receiver.take());
		expect(text(f.bytes)).toBe("f");
		f.done();
		const waiting = rejectionCode(receiver.takeAsync());
		const ending = (async () => {
			for await (const lease of receiver.leases()) seen.push(text(lease.bytes));
			return "ended";
		})();
		expect(await isPending(ending)).toBe(true);
		receiver.close();
		expect([await waiting, await ending]).toEqual(["ERR_IPC_CLOSED", "ended"]);
		using successor = Queue.receiver(name, { prefix });
		expect(rest(successor)).toEqual(["c", "e"]);
	});

	test("a job put back wakes who waits", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		using other = Queue.receiver(name, { prefix });
		sender.send("a");
		const lease = taken(receiver.take());
		const waiting = other.takeAsync({ timeout: 10_000 });
		expect(await isPending(waiting)).toBe(true);
		const started = performance.now();
		lease.retry();
		expect(taken(await waiting).attempt).toBe(2);
		// It need not look around for it, which it does every 700 ms.
		expect(performance.now() - started).toBeLessThan(500);
	});
});

describe.each(["drain", "drainBatch"] as const)("%s", (how) => {
	const call = (
		receiver: QueueReceiver,
		handler: (job: string) => void,
		options?: Parameters<QueueReceiver["drain"]>[1],
	) =>
		how === "drain"
			? receiver.drain((view) => handler(text(view)), options)
			: receiver.drainBatch(({ bytes, count, offsets, lengths }) => {
					for (let i = 0; i < count; i++) {
						const at = offsets[i] as number;
						handler(text(bytes.subarray(at, at + (lengths[i] as number))));
					}
				}, options);

	test("hands over what is there, in order; a handler that throws gives its job back", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		expect(call(receiver, () => {}, { timeout: 5 })).toBe(0);
		sender.sendBatch(["a", "b", "c"]);
		const seen: string[] = [];
		const collect = (job: string) => {
			if (job === "b" && seen.at(-1) === "a") {
				seen.push("failed");
				throw new Error("b is bad");
			}
			seen.push(job);
		};
		expect(() => {
			while (call(receiver, collect, { timeout: 0 }) > 0);
		}).toThrow("b is bad");
		const lease = taken(receiver.take());
		expect([text(lease.bytes), lease.attempt]).toEqual(["b", 2]);
		lease.retry();
		while (call(receiver, collect, { timeout: 0 }) > 0);
		expect(seen).toEqual(["a", "failed", "b", "c"]);
		expect(receiver.tryRecv()).toBeNull();
	});

	test("inside the handler the receiver can be closed but not read; the job is done", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const receiver = Queue.receiver(name, { prefix });
		using other = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b"]);
		expect(thrownCode(() => call(receiver, () => receiver.take()))).toBe("ERR_IPC_REENTRANT");
		expect(thrownCode(() => call(receiver, () => receiver.recv()))).toBe("ERR_IPC_REENTRANT");
		expect(call(receiver, () => receiver.close())).toBe(1);
		expect(receiver.closed).toBe(true);
		expect(rest(other)).toEqual(["b"]);
	});

	test("a handler that closes the receiver and throws gives its job back", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const receiver = Queue.receiver(name, { prefix });
		using other = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b"]);
		expect(() =>
			call(receiver, () => {
				receiver.close();
				throw new Error("no more");
			}),
		).toThrow("no more");
		expect(rest(other)).toEqual(["a", "b"]);
	});

	test("bad arguments are refused before a job is taken", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		sender.send("a");
		const bad = <Value>(value: unknown) => value as Value;
		for (const handler of [undefined, null, 5, "handler", {}])
			expect(thrownCode(() => receiver[how](bad(handler), { timeout: 0 }))).toBe("ERR_IPC_INVALID_ARGUMENT");
		for (const options of [
			null,
			5,
			"options",
			{ timeout: -1 },
			{ max: 0 },
			{ max: 65_537 },
			{ max: 1.5 },
			{ max: "1" },
		])
			expect(thrownCode(() => receiver[how](() => {}, bad(options)))).toBe("ERR_IPC_INVALID_ARGUMENT");
		const lease = taken(receiver.take());
		expect([text(lease.bytes), lease.attempt]).toEqual(["a", 1]);
	});
});

test("at most max jobs are handed over", () => {
	const name = names.next();
	using sender = Queue.sender(name, { prefix });
	using receiver = Queue.receiver(name, { prefix });
	sender.sendBatch(jobs(10));
	const seen: string[] = [];
	expect(receiver.drain((view) => seen.push(text(view)), { max: 3 })).toBe(3);
	expect(receiver.drain((view) => seen.push(text(view)))).toBe(7);
	expect(seen).toEqual(jobs(10));
});

test("jobs outlive the senders, as long as somebody is there", () => {
	const name = names.next();
	using receiver = Queue.receiver(name, { prefix });
	{
		using sender = Queue.sender(name, { prefix });
		sender.sendBatch(jobs(5));
	}
	expect(rest(receiver)).toEqual(jobs(5));
});
