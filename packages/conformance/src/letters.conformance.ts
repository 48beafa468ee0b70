import assert from "node:assert/strict";
import { isPending, rejectionCode, thrownCode } from "@libipc/testing/outcome";
import { ProgramGroup } from "@libipc/testing/test_program";
import { text } from "@libipc/testing/text";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { type Lease, Queue, type QueueReceiver } from "./under_test.ts";

const names = new Names("letters");
const { prefix } = names;

afterAll(() => names.clear());

/** The lease there must be. */
function taken(lease: Lease | null): Lease {
	if (!lease) throw new Error("nothing was taken");
	return lease;
}

const read = (lease: Lease): string => text(lease.bytes);

/** Ends all leases of what waits now, and returns the messages. */
function rest(receiver: QueueReceiver): string[] {
	const messages: string[] = [];
	for (let message = receiver.tryRecv(); message; message = receiver.tryRecv()) messages.push(text(message));
	return messages;
}

describe("dead letters", () => {
	test("a message that is put back too often, also by a receiver without the option, says where it comes from", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using first = Queue.receiver(name, { prefix, maxAttempts: 3, deadLetter: `${name}.dead` });
		using second = Queue.receiver(name, { prefix });
		using dead = Queue.receiver(`${name}.dead`, { prefix });
		sender.sendBatch(["poison", "good"]);
		for (const [index, receiver] of [first, second, first].entries()) {
			const lease = taken(receiver.take({ timeout: 10_000 }));
			assert.deepEqual([read(lease), lease.attempt, lease.origin], ["poison", index + 1, undefined]);
			lease.retry();
		}
		assert.deepEqual(rest(second), ["good"]);
		const lease = taken(dead.take({ timeout: 10_000 }));
		assert.equal(read(lease), "poison");
		assert.deepEqual(lease.origin, { queue: name, attempts: 3, reason: "max-attempts" });
		lease.done();
		assert.equal(lease.origin, undefined);
		assert.equal(dead.tryTake(), null);
	});

	test("a rejected message is moved at once, and back again", () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix, deadLetter: `${name}.dead` });
		using dead = Queue.receiver(`${name}.dead`, { prefix });
		sender.sendBatch(["{", "[", ""]);
		const lease = taken(receiver.tryTake());
		assert.equal(
			thrownCode(() => lease.redrive()),
			"ERR_IPC_INVALID_ARGUMENT",
		);
		lease.reject("no JSON: ü");
		assert.equal(
			thrownCode(() => lease.reject()),
			"ERR_IPC_LEASE_ENDED",
		);
		taken(receiver.tryTake()).reject();
		taken(receiver.tryTake()).reject("x".repeat(300));
		assert.equal(receiver.tryTake(), null);
		const letters = Array.from({ length: 3 }, () => taken(dead.tryTake()));
		assert.deepEqual(letters.map(read), ["{", "[", ""]);
		assert.deepEqual(
			letters.map((letter) => letter.origin?.reason),
			["no JSON: ü", "rejected", "x".repeat(255)],
		);
		for (const letter of letters) assert.equal(letter.redrive(), true);
		assert.equal(dead.tryTake(), null);
		const again = taken(receiver.tryTake());
		assert.deepEqual([read(again), again.attempt, again.origin], ["{", 1, undefined]);
		again.done();
		assert.deepEqual(rest(receiver), ["[", ""]);
	});

	test("without a dead-letter queue, and without the queue of a letter", () => {
		const name = names.next();
		using dead = Queue.receiver(`${name}.dead`, { prefix });
		{
			using sender = Queue.sender(name, { prefix });
			using receiver = Queue.receiver(name, { prefix });
			sender.send("job");
			const lease = taken(receiver.tryTake());
			assert.equal(
				thrownCode(() => lease.reject()),
				"ERR_IPC_NOT_FOUND",
			);
			using late = Queue.receiver(name, { prefix, deadLetter: `${name}.dead` });
			assert.equal(late.closed, false);
			lease.reject(); // the option holds for all receivers
		}
		const letter = taken(dead.tryTake());
		assert.equal(
			thrownCode(() => letter.redrive()),
			"ERR_IPC_NOT_FOUND",
		);
		assert.equal(read(letter), "job");
		letter.done();
	});

	test("options that are wrong, and that differ", () => {
		const name = names.next();
		const open = (options: object) => thrownCode(() => Queue.receiver(name, { prefix, ...options }).close());
		assert.equal(open({ maxAttempts: 3 }), "ERR_IPC_INVALID_ARGUMENT");
		assert.equal(open({ maxAttempts: 0, deadLetter: "dead" }), "ERR_IPC_INVALID_ARGUMENT");
		assert.equal(open({ deadLetter: name }), "ERR_IPC_INVALID_ARGUMENT");
		assert.equal(open({ deadLetter: "a/b" }), "ERR_IPC_INVALID_NAME");
		assert.equal(open({ prefetch: 0 }), "ERR_IPC_INVALID_ARGUMENT");
		using receiver = Queue.receiver(name, { prefix, maxAttempts: 3, deadLetter: `${name}.dead` });
		assert.equal(receiver.closed, false);
		assert.equal(open({ maxAttempts: 4, deadLetter: `${name}.dead` }), "ERR_IPC_OPTIONS_MISMATCH");
		assert.equal(open({ deadLetter: `${name}.other` }), "ERR_IPC_OPTIONS_MISMATCH");
		Queue.receiver(name, { prefix, deadLetter: `${name}.dead` }).close();
		const small = names.next();
		using dead = Queue.receiver(`${small}.dead`, { prefix, capacity: 4096 });
		assert.equal(dead.closed, false);
		const failed = thrownCode(() => Queue.receiver(small, { prefix, deadLetter: `${small}.dead` }));
		assert.equal(failed, "ERR_IPC_OPTIONS_MISMATCH");
	});

	test("workers that are killed with a poisoned message: it is a dead letter after the last, and the rest is done", async () => {
		await using crew = new ProgramGroup();
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using dead = Queue.receiver(`${name}.dead`, { prefix });
		sender.sendBatch(["poison", "good"]);
		for (let attempt = 1; attempt <= 2; attempt++) {
			const worker = crew.add(startProgram("letters", ["keep", prefix, name, "2"]));
			assert.equal(await worker.line(), `poison ${attempt}`);
			worker.kill();
		}
		using receiver = Queue.receiver(name, { prefix });
		const good = taken(await receiver.takeAsync({ timeout: 20_000 }));
		assert.equal(read(good), "good");
		good.done();
		// The receiver that asks for the next message moves the poisoned one.
		const next = rejectionCode(receiver.takeAsync());
		const letter = taken(await dead.takeAsync({ timeout: 20_000 }));
		assert.deepEqual([read(letter), letter.origin?.attempts], ["poison", 2]);
		letter.done();
		receiver.close();
		assert.equal(await next, "ERR_IPC_CLOSED");
	}, 60_000);
});

describe("delayed retries", () => {
	test("a message that is put back for later does not hold up the others, and wakes a receiver that sleeps", async () => {
		await using crew = new ProgramGroup();
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		sender.sendBatch(["later", "now"]);
		const lease = taken(receiver.tryTake());
		for (const delay of [-1, Number.NaN, 604_800_001, "1"])
			assert.equal(
				thrownCode(() => lease.retry({ delay: delay as number })),
				"ERR_IPC_INVALID_ARGUMENT",
			);
		const began = performance.now();
		lease.retry({ delay: 2000 });
		assert.deepEqual(rest(receiver), ["now"]);
		const worker = crew.add(startProgram("letters", ["recv", prefix, name]));
		assert.equal(await worker.line(), "later");
		assert.ok(performance.now() - began >= 1990);
	}, 60_000);

	test("an event loop wakes for it, in the order of the times", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		using waiting = Queue.receiver(name, { prefix });
		sender.sendBatch(["third", "first", "second"]);
		const delays: Record<string, number> = { first: 50, second: 800, third: 1600 };
		const leases = [0, 1, 2].map(() => taken(receiver.tryTake()));
		for (const lease of leases) lease.retry({ delay: delays[read(lease)] });
		const found: string[] = [];
		for await (const message of waiting) {
			found.push(text(message));
			if (found.length === 3) break;
		}
		assert.deepEqual(found, ["first", "second", "third"]);
	}, 60_000);

	test("an event loop that waits already wakes for one that another receiver puts back", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix });
		using waiting = Queue.receiver(name, { prefix });
		sender.send("later");
		const lease = taken(receiver.tryTake());
		const message = waiting.recvAsync({ timeout: 20_000 });
		assert.equal(await isPending(message), true);
		lease.retry({ delay: 50 });
		assert.equal(text((await message) ?? new Uint8Array()), "later");
	}, 60_000);
});

describe("prefetch", () => {
	test("counts a lease no more that was rejected, or moved back: a wait goes on", async () => {
		const name = names.next();
		using receiver = Queue.receiver(name, { prefix, prefetch: 1, deadLetter: `${name}.dead` });
		using dead = Queue.receiver(`${name}.dead`, { prefix, prefetch: 1 });
		using sender = Queue.sender(name, { prefix });
		sender.sendBatch(["1", "2"]);
		const first = taken(receiver.tryTake());
		const second = receiver.takeAsync();
		assert.equal(await isPending(second), true);
		first.reject();
		taken(await second).reject("é".repeat(200));
		const letter = taken(dead.tryTake());
		const next = dead.takeAsync();
		assert.equal(await isPending(next), true);
		assert.equal(letter.redrive(), true);
		const cut = taken(await next);
		assert.equal(cut.origin?.reason, "é".repeat(127)); // whole characters of 255 bytes
		cut.done();
		assert.deepEqual(rest(receiver), ["1"]);
	});

	test("leases wait until one ends; a blocking call says that it would wait for itself", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		using receiver = Queue.receiver(name, { prefix, prefetch: 2 });
		sender.sendBatch(["a", "b", "c", "d"]);
		const first = taken(receiver.tryTake());
		const second = taken(receiver.tryTake());
		assert.equal(receiver.tryTake(), null);
		assert.equal(
			thrownCode(() => receiver.take({ timeout: 1 })),
			"ERR_IPC_DEADLOCK",
		);
		// The time of these is up before a lease ends: what is in the queue stays for other receivers.
		assert.equal(await receiver.takeAsync({ timeout: 30 }), null);
		assert.equal(await receiver.recvAsync({ timeout: 30 }), null);
		const third = receiver.takeAsync();
		assert.equal(await isPending(third), true);
		assert.equal(await receiver.takeAsync({ timeout: 30 }), null);
		first.done();
		assert.equal(read(taken(await third)), "c");
		const iterator = receiver.leases();
		const fourth = iterator.next();
		assert.equal(await isPending(fourth), true);
		second.retry();
		const { value } = await fourth;
		assert.equal(value && read(value), "b");
		using clone = receiver.clone();
		taken(clone.tryTake());
		assert.equal(clone.tryTake(), null); // none is left
		receiver.close();
		assert.equal(await rejectionCode(receiver.takeAsync()), "ERR_IPC_CLOSED");
	});

	test("three workers with slow asynchronous work: each does its part", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix });
		const workers = Array.from({ length: 3 }, () => Queue.receiver(name, { prefix, prefetch: 1 }));
		const done = [0, 0, 0];
		let left = 30;
		let finish = (): void => {};
		const finished = new Promise<void>((resolve) => {
			finish = resolve;
		});
		for (const [index, worker] of workers.entries())
			void (async () => {
				for await (const lease of worker.leases())
					setTimeout(() => {
						lease.done();
						(done[index] as number)++;
						if (--left === 0) finish();
					}, 20);
			})();
		sender.sendBatch(Array.from({ length: 30 }, (_, index) => `${index}`));
		await finished;
		for (const worker of workers) worker.close();
		assert.equal(
			done.reduce((sum, each) => sum + each),
			30,
		);
		assert.ok(Math.max(...done) <= 20, `${done}`);
	}, 60_000);
});
