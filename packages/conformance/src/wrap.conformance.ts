import assert from "node:assert/strict";
import { startClock } from "@libipc/testing/clock";
import { isLarge, large } from "@libipc/testing/large";
import { readPattern, writePattern } from "@libipc/testing/pattern";
import { text } from "@libipc/testing/text";
import { turn } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, type EndpointFactory, Queue, type Receiver, type ReceiverOptions } from "./under_test.ts";

const names = new Names("wrap");
const { prefix } = names;
/** In units of 8 bytes: the wrap is in the first message, and in the middle of the first round. */
const positions = [2 ** 31 - 1, 2 ** 31 - 300, 2 ** 31 - 700, 2 ** 32 - 1, 2 ** 32 - 300, 2 ** 32 - 700];

afterAll(() => names.clear());

/** Rings that a receiver creates start at a position: an option that is for tests alone. */
function startingAt<SomeReceiver extends Receiver>(factory: EndpointFactory<SomeReceiver>, firstPosition: number) {
	return {
		receiver: (name: string, options: ReceiverOptions): SomeReceiver =>
			factory.receiver(name, { ...options, firstPosition } as ReceiverOptions),
	};
}

describe.each(positions)("a ring that starts at %d", (firstPosition) => {
	const starting = startingAt(Channel, firstPosition);

	test("carries small and large messages, and batches", () => {
		const name = names.next();
		using receiver = starting.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		const buffer = new Uint8Array(2040);
		let sent = 0;
		let received = 0;
		const check = (view: Uint8Array) => assert.deepEqual(readPattern(view, 2040), { sender: 1, sequence: received++ });
		for (let round = 0; round < 200; round++) {
			while (sender.trySend(writePattern(buffer, 1, sent, 2040))) sent++;
			receiver.drain(check, { timeout: 0 });
			const batch = [0, 1, 2].map((i) => writePattern(new Uint8Array(2040), 1, sent + i, 2040));
			sent += sender.sendBatch(batch, { timeout: 0 });
			while (receiver.drain(check, { timeout: 0 }) > 0);
		}
		assert.equal(received, sent);
		assert.ok(sent > 2000);
	});

	test("carries messages in fragments, with others between, and loans", async () => {
		const name = names.next();
		using receiver = starting.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		using other = Channel.sender(name, { prefix });
		const sending = [
			sender.sendAsync(large(1, 30_000)),
			sender.sendAsync(large(2, 2041)),
			sender.sendAsync(large(3, 10_001)),
		];
		const between = Array.from({ length: 20 }, (_, i) => other.sendAsync(`small ${i}`));
		let largeOnes = 0;
		let small = 0;
		while (largeOnes < 3 || small < 20) {
			const message = await receiver.recvAsync({ timeout: 10_000 });
			if (!message) throw new Error("nothing came");
			if (message.byteLength < 100) assert.equal(text(message), `small ${small++}`);
			else assert.equal(isLarge(message, ++largeOnes, [0, 30_000, 2041, 10_001][largeOnes] ?? 0), true);
		}
		assert.deepEqual(await Promise.all([...sending, ...between]), Array(23).fill(true));
		for (let i = 0; i < 30; i++) {
			using loan = sender.loan(1000);
			loan?.bytes.set(large(i, 1000));
			if (i % 3 === 2) continue;
			assert.equal(loan?.send(), true);
			assert.equal(isLarge(receiver.recv({ timeout: 20_000 }) ?? new Uint8Array(), i, 1000), true);
		}
		assert.equal(receiver.tryRecv(), null);
	});

	test("drops the oldest messages, and counts them", () => {
		const name = names.next();
		const options = { prefix, capacity: 4096, overflow: "drop-oldest" } as const;
		using slow = starting.receiver(name, options);
		using quick = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		// Some in one piece, some in fragments.
		const largest = sender.maxMessageLength;
		assert.ok(largest > 3000 && largest < 4096);
		const buffer = new Uint8Array(largest);
		let received = 0;
		let last = -1;
		for (let sent = 0; sent < 3000; sent++) {
			assert.equal(sender.trySend(writePattern(buffer, 2, sent, largest)), true);
			assert.deepEqual(readPattern(quick.tryRecv() ?? buffer.subarray(0, 0), largest), { sender: 2, sequence: sent });
			// At first not at all, then now and then.
			if (sent < 700 || sent % 200 !== 0) continue;
			for (let got = slow.tryRecv(); got; got = slow.tryRecv()) {
				const { sequence } = readPattern(got, largest);
				assert.ok(sequence > last);
				last = sequence;
				received++;
			}
			assert.equal(received + slow.lost, sent + 1);
		}
		assert.equal(quick.lost, 0);
		assert.ok(received > 100);
		using oldest = Channel.receiver(name, { prefix, from: "oldest" });
		const replayed: number[] = [];
		for (let got = oldest.tryRecv(); got; got = oldest.tryRecv()) replayed.push(readPattern(got, largest).sequence);
		assert.ok(replayed.length > 5);
		assert.deepEqual(
			replayed,
			Array.from({ length: replayed.length }, (_, i) => 3000 - replayed.length + i),
		);
	});

	test("is a queue", () => {
		const name = names.next();
		using receiver = startingAt(Queue, firstPosition).receiver(name, { prefix, capacity: 4096 });
		using second = Queue.receiver(name, { prefix });
		using sender = Queue.sender(name, { prefix });
		let sent = 0;
		let received = 0;
		for (let round = 0; round < 60; round++) {
			while (sender.trySend(`job ${sent}`)) sent++;
			while (received < sent) {
				const each = received % 2 === 0 ? receiver : second;
				const lease = each.tryTake();
				if (!lease) throw new Error(`job ${received} did not come`);
				assert.deepEqual([text(lease.bytes), lease.attempt], [`job ${received}`, 1]);
				if (received % 5 === 0) {
					lease.retry();
					const again = each.tryTake();
					assert.deepEqual([again && text(again.bytes), again?.attempt], [`job ${received}`, 2]);
					again?.done();
				} else lease.done();
				received++;
			}
			assert.deepEqual([receiver.tryTake(), second.tryTake()], [null, null]);
		}
		assert.ok(sent > 3000);
	});

	test("wakes asynchronous waits on both ends", async () => {
		const name = names.next();
		using receiver = starting.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		const count = 1000;
		const clock = startClock();
		const sending = (async () => {
			for (let i = 0; i < count; i++) {
				assert.equal(await sender.sendAsync(`message ${i} ${"x".repeat(i % 300)}`), true);
				if (i % 50 === 0) await turn();
			}
		})();
		let next = 0;
		for await (const message of receiver) {
			assert.equal(text(message), `message ${next} ${"x".repeat(next % 300)}`);
			// Lets the ring run full, and then empty.
			if (next % 90 === 0) await Promise.all([turn(), turn()]);
			if (++next === count) break;
		}
		await sending;
		// If a wake-up were lost, each would take the 0.7 s until the next poll.
		const ms = clock();
		assert.ok(ms < 5000, `took ${ms} ms`);
	});
});
