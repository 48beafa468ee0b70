/** What happens to objects that a program forgets without closing them. */
import assert from "node:assert/strict";
import { collectGarbage } from "@libipc/testing/garbage";
import { text } from "@libipc/testing/text";
import { sleep } from "@libipc/testing/timing";
import { afterAll, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, Queue } from "./under_test.ts";

const names = new Names("collected");
const { prefix } = names;

afterAll(() => names.clear());

/** Collects garbage until `isDone`. The scan of the stack is conservative: it may keep one object or another for a while. */
async function collectUntil(isDone: () => boolean): Promise<void> {
	for (let i = 0; i < 400 && !isDone(); i++) {
		collectGarbage();
		await sleep(5);
	}
}

test("a forgotten endpoint leaves when it is collected", async () => {
	const name = names.next();
	using sender = Channel.sender(name, { prefix });
	(() => {
		for (let i = 0; i < 10; i++) Channel.receiver(name, { prefix });
	})();
	assert.equal(sender.receiverCount, 10);
	await collectUntil(() => sender.receiverCount <= 2);
	assert.ok(sender.receiverCount <= 2, `${sender.receiverCount} are left`);
});

test("a forgotten endpoint that has waited in the event loop leaves, too", async () => {
	const name = names.next();
	using sender = Channel.sender(name, { prefix });
	await (async () => {
		const receivers = Array.from({ length: 10 }, () => Channel.receiver(name, { prefix }));
		await Promise.all(receivers.map((receiver) => receiver.recvAsync({ timeout: 5 })));
	})();
	assert.equal(sender.receiverCount, 10);
	await collectUntil(() => sender.receiverCount <= 2);
	assert.ok(sender.receiverCount <= 2, `${sender.receiverCount} are left`);
});

test("a forgotten loan is given up when it is collected", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix });
	using sender = Channel.sender(name, { prefix });
	(() => {
		for (let i = 0; i < 20; i++) sender.loan(100);
	})();
	sender.send("after");
	let message = receiver.tryRecv();
	// All of them must be given up in the end, before "after" can come.
	await collectUntil(() => {
		message ??= receiver.tryRecv();
		return message !== null;
	});
	assert.equal(text(message), "after");
});

test("a forgotten lease is given back when it is collected", async () => {
	const name = names.next();
	using sender = Queue.sender(name, { prefix });
	using receiver = Queue.receiver(name, { prefix });
	const count = 20;
	sender.sendBatch(Array.from({ length: count }, (_, i) => `job ${i}`));
	(() => {
		for (let i = 0; i < count; i++) receiver.take();
	})();
	const seen = new Set<string>();
	await collectUntil(() => {
		for (let lease = receiver.tryTake(); lease; lease = receiver.tryTake()) {
			assert.equal(lease.attempt, 2);
			seen.add(text(lease.bytes));
			lease.done();
		}
		return seen.size >= count - 2;
	});
	assert.ok(seen.size >= count - 2, `${seen.size} of ${count} were given back`);
});
