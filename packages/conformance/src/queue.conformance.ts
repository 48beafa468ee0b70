import assert from "node:assert/strict";
import { startClock } from "@libipc/testing/clock";
import { isPending, rejection, rejectionCode, thrownCode } from "@libipc/testing/outcome";
import { scale } from "@libipc/testing/scale";
import { ProgramGroup } from "@libipc/testing/test_program";
import { text } from "@libipc/testing/text";
import { expectWoken } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { type Lease, Queue, type QueueReceiver } from "./under_test.ts";

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

async function startWorkers(crew: ProgramGroup, name: string, programs: readonly string[], argument = "") {
	const workers = programs.map((program) => crew.add(startProgram("queue", [program, prefix, name, argument])));
	for (const worker of workers) assert.equal(await worker.line(), "ready");
	return workers;
}

describe("between programs", () => {
	test("four workers, each receiving in another way: every job once, each worker's in order", async () => {
		await using crew = new ProgramGroup();
		const name = names.next();
		using sender = Queue.sender(name, { prefix, capacity: 16_384 });
		const workers = await startWorkers(crew, name, ["recv", "drain", "messages", "leases", "drainBatch"]);
		assert.equal(sender.receiverCount, 5);
		const count = scale(20_000);
		for (const job of jobs(count)) assert.equal(sender.send(job, { timeout: 20_000 }), true);
		for (const _ of workers) assert.equal(sender.send("stop", { timeout: 20_000 }), true);
		const done = await Promise.all(workers.map((worker) => worker.report<string[]>()));
		for (const share of done)
			assert.deepEqual(
				share.map(number),
				share.map(number).sort((a, b) => a - b),
			);
		assert.deepEqual(
			done.flat().sort((a, b) => number(a) - number(b)),
			jobs(count),
		);
	});

	test("two senders and two workers that return jobs: every job is done once", async () => {
		await using crew = new ProgramGroup();
		const name = names.next();
		using sender = Queue.sender(name, { prefix, capacity: 16_384 });
		using second = Queue.sender(name, { prefix });
		const workers = await startWorkers(crew, name, ["retry", "retry"]);
		const count = scale(5000);
		for (let i = 0; i < count; i += 2) {
			assert.equal(sender.send(`job ${i}`, { timeout: 20_000 }), true);
			assert.equal(second.send(`job ${i + 1}`, { timeout: 20_000 }), true);
		}
		for (const _ of workers) sender.send("stop");
		const done = await Promise.all(workers.map((worker) => worker.report<string[]>()));
		// A job that was put back comes before "stop", or the worker that has it does it.
		assert.deepEqual(
			done.flat().sort((a, b) => number(a) - number(b)),
			jobs(count),
		);
	});

	test("four workers with equal work each get their share", async () => {
		await using crew = new ProgramGroup();
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const workers = await startWorkers(crew, name, Array(4).fill("slowly"), "1");
		const count = scale(1000, 300);
		assert.equal(sender.sendBatch([...jobs(count), "stop", "stop", "stop", "stop"]), count + 4);
		const done = await Promise.all(workers.map((worker) => worker.report<string[]>()));
		assert.deepEqual(
			done.flat().sort((a, b) => number(a) - number(b)),
			jobs(count),
		);
		for (const share of done) assert.ok(share.length > count * 0.05);
	});

	test.each(["waiting", "asynchronously", "trying"] as const)(
		"the job of a killed worker goes to another, %s, with its attempts counted",
		async (how) => {
			const name = names.next();
			using sender = Queue.sender(name, { prefix });
			using receiver = Queue.receiver(name, { prefix });
			sender.sendBatch(["killer", "other"]);
			for (const attempt of [1, 2]) {
				await using worker = startProgram("queue", ["keep", prefix, name]);
				assert.equal(await worker.line(), "ready");
				assert.deepEqual(await worker.report<unknown[]>(), ["killer", attempt]);
				await worker.kill();
			}
			const clock = startClock();
			const patience = performance.now() + 60_000;
			let lease: Lease | null = null;
			// The job after it is not held up, and does not take its place.
			const seen: string[] = [];
			while (seen.length < 2 && performance.now() < patience) {
				if (how === "waiting") lease = receiver.take({ timeout: 30_000 });
				else if (how === "asynchronously") lease = await receiver.takeAsync({ timeout: 30_000 });
				else lease = receiver.tryTake();
				if (!lease) continue;
				seen.push(`${text(lease.bytes)} ${lease.attempt}`);
				lease.done();
			}
			assert.deepEqual(seen.sort(), ["killer 3", "other 1"]);
			const ms = clock();
			assert.ok(ms < 1500, `took ${ms} ms`);
			assert.equal(receiver.tryTake(), null);
		},
	);
});

describe("leases", () => {
	test("done() removes the job; bytes, attempt and order are right", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		// Sent before anybody was there to receive.
		assert.equal(sender.receiverCount, 0);
		assert.equal(sender.send("a"), true);
		assert.equal(sender.sendBatch(["b", ""]), 2);
		using receiver = Queue.receiver(name, { prefix });
		using second = receiver.clone();
		const a = taken(receiver.take());
		const b = taken(second.take());
		const empty = taken(receiver.tryTake());
		assert.deepEqual(
			[a, b, empty].map((lease) => [text(lease.bytes), lease.attempt]),
			[
				["a", 1],
				["b", 1],
				["", 1],
			],
		);
		for (const lease of [b, empty, a]) lease.done();
		assert.deepEqual([receiver.tryTake(), second.tryTake(), receiver.take({ timeout: 5 })], [null, null, null]);
	});

	test("retry() puts the job before those not yet taken, for any receiver, and counts", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		using second = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b", "c"]);
		const a = taken(receiver.take());
		const b = taken(receiver.take());
		a.retry();
		const again = taken(second.take());
		assert.deepEqual([text(again.bytes), again.attempt], ["a", 2]);
		b.retry();
		again.retry();
		const order = [receiver, second, receiver].map((each) => {
			const lease = taken(each.take());
			lease.done();
			return `${text(lease.bytes)} ${lease.attempt}`;
		});
		assert.deepEqual(order, ["a 3", "b 2", "c 1"]);
	});

	test("end once: later calls throw, and dispose does nothing", () => {
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
		assert.deepEqual([text(left.bytes), text(closed.bytes)], ["b", "c"]);
		receiver.close();
		for (const lease of [done, retried, disposed, left, closed]) {
			assert.equal(
				thrownCode(() => lease.done()),
				"ERR_IPC_LEASE_ENDED",
			);
			assert.equal(
				thrownCode(() => lease.retry()),
				"ERR_IPC_LEASE_ENDED",
			);
			lease[Symbol.dispose]();
		}
		// What the closed one had goes to the other at once, in order.
		assert.deepEqual(
			[1, 2].map(() => taken(second.tryTake())).map((lease) => [text(lease.bytes), lease.attempt]),
			[
				["b", 4],
				["c", 2],
			],
		);
		assert.equal(
			thrownCode(() => receiver.take()),
			"ERR_IPC_CLOSED",
		);
		assert.equal(
			thrownCode(() => receiver.tryTake()),
			"ERR_IPC_CLOSED",
		);
		assert.equal(
			thrownCode(() => receiver.leases()),
			"ERR_IPC_CLOSED",
		);
	});

	test("using gives a job back that was not done, also when the block throws", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b"]);
		const attempts: number[] = [];
		for (let i = 0; i < 3; i++)
			assert.throws(() => {
				using lease = taken(receiver.take());
				attempts.push(lease.attempt);
				assert.equal(text(lease.bytes), "a");
				throw new Error("the work failed");
			}, /the work failed/);
		{
			using lease = taken(receiver.take());
			attempts.push(lease.attempt);
			lease.done();
		}
		assert.deepEqual(attempts, [1, 2, 3, 4]);
		assert.deepEqual(rest(receiver), ["b"]);
	});

	test("may be kept while the ring is filled once; then senders wait for it", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix, capacity: 4096 });
		using receiver = Queue.receiver(name, { prefix });
		sender.send("kept");
		const kept = taken(receiver.take());
		let sent = 0;
		let received = 0;
		while (sender.trySend(`job ${sent}`)) {
			sent++;
			assert.equal(text(receiver.recv()), `job ${received++}`);
		}
		assert.ok(sent > 20);
		assert.equal(text(kept.bytes), "kept");
		assert.equal(sender.send("waits", { timeout: 10 }), false);
		kept.done();
		assert.equal(sender.send("goes on", { timeout: 10_000 }), true);
		assert.deepEqual(rest(receiver), ["goes on"]);
	});

	test("takeAsync and leases(): in order, together with recvAsync, aborted and closed without loss", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const receiver = Queue.receiver(name, { prefix });
		assert.equal(await receiver.takeAsync({ timeout: 0 }), null);
		assert.equal(await receiver.takeAsync({ timeout: 5 }), null);
		const first = receiver.takeAsync();
		const second = receiver.recvAsync();
		const third = receiver.takeAsync();
		assert.equal(await isPending(Promise.race([first, second, third])), true);
		sender.sendBatch(["a", "b", "c"]);
		const a = taken(await first);
		assert.deepEqual([text(a.bytes), text(await second), text(taken(await third).bytes)], ["a", "b", "c"]);
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
		assert.equal(await rejection(iterated), "enough");
		assert.deepEqual(seen, ["a 2", "d 1"]);
		sender.sendBatch(["e", "f"]);
		for await (const lease of receiver.leases()) {
			assert.equal(text(lease.bytes), "e");
			break;
		}
		// The loop did not end that lease: it is still the receiver's, until that is closed.
		const f = taken(receiver.take());
		assert.equal(text(f.bytes), "f");
		f.done();
		const waiting = rejectionCode(receiver.takeAsync());
		const ending = (async () => {
			for await (const lease of receiver.leases()) seen.push(text(lease.bytes));
			return "ended";
		})();
		assert.equal(await isPending(ending), true);
		receiver.close();
		assert.deepEqual([await waiting, await ending], ["ERR_IPC_CLOSED", "ended"]);
		using successor = Queue.receiver(name, { prefix });
		assert.deepEqual(rest(successor), ["c", "e"]);
	});

	test("a job that is given back wakes a waiting receiver", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		using other = Queue.receiver(name, { prefix });
		sender.send("a");
		const lease = taken(receiver.take());
		const waiting = other.takeAsync({ timeout: 10_000 });
		assert.equal(await isPending(waiting), true);
		const clock = startClock();
		lease.retry();
		assert.equal(taken(await waiting).attempt, 2);
		// It does not need a poll, which comes every 700 ms.
		expectWoken(clock());
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

	test("passes what is there, in order; a handler that throws gives its job back", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		assert.equal(
			call(receiver, () => {}, { timeout: 5 }),
			0,
		);
		sender.sendBatch(["a", "b", "c"]);
		const seen: string[] = [];
		const collect = (job: string) => {
			if (job === "b" && seen.at(-1) === "a") {
				seen.push("failed");
				throw new Error("b is bad");
			}
			seen.push(job);
		};
		assert.throws(() => {
			while (call(receiver, collect, { timeout: 0 }) > 0);
		}, /b is bad/);
		const lease = taken(receiver.take());
		assert.deepEqual([text(lease.bytes), lease.attempt], ["b", 2]);
		lease.retry();
		while (call(receiver, collect, { timeout: 0 }) > 0);
		assert.deepEqual(seen, ["a", "failed", "b", "c"]);
		assert.equal(receiver.tryRecv(), null);
	});

	test("inside the handler the receiver can be closed but not read; the job is done", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const receiver = Queue.receiver(name, { prefix });
		using other = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b"]);
		assert.equal(
			thrownCode(() => call(receiver, () => receiver.take())),
			"ERR_IPC_REENTRANT",
		);
		assert.equal(
			thrownCode(() => call(receiver, () => receiver.recv())),
			"ERR_IPC_REENTRANT",
		);
		assert.equal(
			call(receiver, () => receiver.close()),
			1,
		);
		assert.equal(receiver.closed, true);
		assert.deepEqual(rest(other), ["b"]);
	});

	test("a handler that closes the receiver and throws gives its job back", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const receiver = Queue.receiver(name, { prefix });
		using other = Queue.receiver(name, { prefix });
		sender.sendBatch(["a", "b"]);
		assert.throws(
			() =>
				call(receiver, () => {
					receiver.close();
					throw new Error("no more");
				}),
			/no more/,
		);
		assert.deepEqual(rest(other), ["a", "b"]);
	});

	test("bad arguments are refused before a job is taken", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		sender.send("a");
		const bad = <Value>(value: unknown) => value as Value;
		for (const handler of [undefined, null, 5, "handler", {}])
			assert.equal(
				thrownCode(() => receiver[how](bad(handler), { timeout: 0 })),
				"ERR_IPC_INVALID_ARGUMENT",
			);
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
			assert.equal(
				thrownCode(() => receiver[how](() => {}, bad(options))),
				"ERR_IPC_INVALID_ARGUMENT",
			);
		const lease = taken(receiver.take());
		assert.deepEqual([text(lease.bytes), lease.attempt], ["a", 1]);
	});
});

test("at most max jobs are passed", () => {
	const name = names.next();
	using sender = Queue.sender(name, { prefix });
	using receiver = Queue.receiver(name, { prefix });
	sender.sendBatch(jobs(10));
	const seen: string[] = [];
	assert.equal(
		receiver.drain((view) => seen.push(text(view)), { max: 3 }),
		3,
	);
	assert.equal(
		receiver.drain((view) => seen.push(text(view))),
		7,
	);
	assert.deepEqual(seen, jobs(10));
});

test("jobs outlive their senders, as long as any endpoint is open", () => {
	const name = names.next();
	using receiver = Queue.receiver(name, { prefix });
	{
		using sender = Queue.sender(name, { prefix });
		sender.sendBatch(jobs(5));
	}
	assert.deepEqual(rest(receiver), jobs(5));
});
