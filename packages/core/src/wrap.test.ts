import { afterAll, describe, expect, test } from "bun:test";
import { createEndpointFactory, createQueueFactory, type Engine } from "@libipc/protocol";
import { Channel, Queue } from "./index.ts";
import { nativeEngine } from "./native_engine.ts";
import { isLarge, large } from "./testing/large.ts";
import { Names } from "./testing/names.ts";
import { readPattern, writePattern } from "./testing/pattern.ts";
import { text } from "./testing/text.ts";

const names = new Names("wrap");
const { prefix } = names;
/** In units of 8 bytes: the wrap is in the first message, and in the middle of the first round. */
const positions = [2 ** 31 - 1, 2 ** 31 - 300, 2 ** 31 - 700, 2 ** 32 - 1, 2 ** 32 - 300, 2 ** 32 - 700];

afterAll(() => names.clear());

/** The engine, of which rings that a receiver creates start at a position. */
function startingAt(firstPosition: number): () => Engine {
	return () => ({
		...nativeEngine,
		openReceiver: (kind, at, name, options) => nativeEngine.openReceiver(kind, at, name, { ...options, firstPosition }),
	});
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe.each(positions)("a ring that starts at %d", (firstPosition) => {
	const starting = createEndpointFactory(startingAt(firstPosition), "channel");

	test("carries small and large messages, and batches", () => {
		const name = names.next();
		using receiver = starting.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		const buffer = new Uint8Array(2040);
		let sent = 0;
		let received = 0;
		const check = (view: Uint8Array) => expect(readPattern(view, 2040)).toEqual({ sender: 1, sequence: received++ });
		for (let round = 0; round < 200; round++) {
			while (sender.trySend(writePattern(buffer, 1, sent, 2040))) sent++;
			receiver.drain(check, { timeout: 0 });
			const batch = [0, 1, 2].map((i) => writePattern(new Uint8Array(2040), 1, sent + i, 2040));
			sent += sender.sendBatch(batch, { timeout: 0 });
			while (receiver.drain(check, { timeout: 0 }) > 0);
		}
		expect(received).toBe(sent);
		expect(sent).toBeGreaterThan(2000);
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
			if (message.byteLength < 100) expect(text(message)).toBe(`small ${small++}`);
			else expect(isLarge(message, ++largeOnes, [0, 30_000, 2041, 10_001][largeOnes] ?? 0)).toBe(true);
		}
		expect(await Promise.all([...sending, ...between])).toEqual(Array(23).fill(true));
		for (let i = 0; i < 30; i++) {
			using loan = sender.loan(1000);
			loan?.bytes.set(large(i, 1000));
			if (i % 3 === 2) continue;
			expect(loan?.send()).toBe(true);
			expect(isLarge(receiver.recv({ timeout: 1000 }) ?? new Uint8Array(), i, 1000)).toBe(true);
		}
		expect(receiver.tryRecv()).toBeNull();
	});

	test("drops the oldest, and counts them", () => {
		const name = names.next();
		const options = { prefix, capacity: 4096, overflow: "drop-oldest" } as const;
		using slow = starting.receiver(name, options);
		using quick = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		const buffer = new Uint8Array(6000);
		let received = 0;
		let last = -1;
		for (let sent = 0; sent < 3000; sent++) {
			expect(sender.trySend(writePattern(buffer, 2, sent, 6000))).toBe(true);
			const message = quick.tryRecv();
			// One that is larger than the ring overwrites its own beginning.
			if (message) expect(readPattern(message, 6000)).toEqual({ sender: 2, sequence: sent });
			// At first not at all, then now and then.
			if (sent < 700 || sent % 200 !== 0) continue;
			for (let got = slow.tryRecv(); got; got = slow.tryRecv()) {
				const { sequence } = readPattern(got, 6000);
				expect(sequence).toBeGreaterThan(last);
				last = sequence;
				received++;
			}
			expect(received + slow.lost).toBe(sent + 1);
		}
		expect(quick.lost).toBeLessThan(100);
		expect(received).toBeGreaterThan(100);
		using oldest = Channel.receiver(name, { prefix, from: "oldest" });
		const replayed: number[] = [];
		for (let got = oldest.tryRecv(); got; got = oldest.tryRecv()) replayed.push(readPattern(got, 6000).sequence);
		expect(replayed.length).toBeGreaterThan(5);
		expect(replayed).toEqual(Array.from({ length: replayed.length }, (_, i) => 3000 - replayed.length + i));
	});

	test("is a queue", () => {
		const name = names.next();
		using receiver = createQueueFactory(startingAt(firstPosition)).receiver(name, { prefix, capacity: 4096 });
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
				expect([text(lease.bytes), lease.attempt]).toEqual([`job ${received}`, 1]);
				if (received % 5 === 0) {
					lease.retry();
					const again = each.tryTake();
					expect([again && text(again.bytes), again?.attempt]).toEqual([`job ${received}`, 2]);
					again?.done();
				} else lease.done();
				received++;
			}
			expect([receiver.tryTake(), second.tryTake()]).toEqual([null, null]);
		}
		expect(sent).toBeGreaterThan(3000);
	});

	test("wakes those who wait asynchronously, on both ends", async () => {
		const name = names.next();
		using receiver = starting.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		const count = 1000;
		const started = performance.now();
		const sending = (async () => {
			for (let i = 0; i < count; i++) {
				expect(await sender.sendAsync(`message ${i} ${"x".repeat(i % 300)}`)).toBe(true);
				if (i % 50 === 0) await turn();
			}
		})();
		let next = 0;
		for await (const message of receiver) {
			expect(text(message)).toBe(`message ${next} ${"x".repeat(next % 300)}`);
			// Lets the ring run full, and then empty.
			if (next % 90 === 0) await Promise.all([turn(), turn()]);
			if (++next === count) break;
		}
		await sending;
		// If it took a look around to notice, each would take 0.7 s.
		expect(performance.now() - started).toBeLessThan(5000);
	}, 20_000);
});
