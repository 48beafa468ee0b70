/** Receivers with `lossy`: no sender waits for them, what they miss is counted, and what they get is whole. */
import assert from "node:assert/strict";
import { isLarge, large } from "@libipc/testing/large";
import { thrownCode } from "@libipc/testing/outcome";
import { readPattern } from "@libipc/testing/pattern";
import { scale } from "@libipc/testing/scale";
import type { TestProgram } from "@libipc/testing/test_program";
import { text } from "@libipc/testing/text";
import { until } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, list, Queue, type Receiver, Route } from "./under_test.ts";

const names = new Names("observers");
const { prefix } = names;

afterAll(() => names.clear());

/** How many messages a program sends. */
const COUNT = scale(4000);
const LARGEST = 20_000;

describe.each([
	["route", Route],
	["channel", Channel],
] as const)("an observer of a %s", (kind, factory) => {
	test("one slow viewer of 300 frames: all of them for the fast receiver, the newest for the viewer", () => {
		const name = names.next();
		using fast = factory.receiver(name, { prefix, capacity: 65_536 });
		using viewer = factory.receiver(name, { prefix, lossy: true });
		using sender = factory.sender(name, { prefix });
		const frame = (number: number) => large(number, 6000 + (number % 7));
		const shown: number[] = [];
		let received = 0;
		for (let number = 0; number < 300; number++) {
			assert.equal(sender.trySend(frame(number)), true);
			assert.ok(isLarge(fast.tryRecv() ?? new Uint8Array(1), number, 6000 + (number % 7)));
			received++;
			if (number % 40 !== 39) continue;
			const newest = viewer.recvLatest({ timeout: 0 });
			assert.ok(newest && isLarge(newest, number, 6000 + (number % 7)));
			shown.push(number);
			assert.equal(viewer.lost + viewer.skipped + shown.length, number + 1);
		}
		assert.deepEqual([received, shown.length, fast.lost], [300, 7, 0]);
		assert.ok(viewer.lost > 0);
	});

	test("is counted apart, and is enough to send to", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix, capacity: 4096 });
		assert.deepEqual([sender.send("nobody"), sender.refusal], [false, "no-receivers"]);
		using observer = factory.receiver(name, { prefix, lossy: true });
		using clone = observer.clone();
		assert.deepEqual([sender.receiverCount, sender.observerCount], [0, 2]);
		assert.equal(sender.waitForReceivers(1, { timeout: 0 }), false);
		for (let i = 0; i < 1000; i++) assert.equal(sender.send(`message ${i}`, { timeout: 0 }), true);
		assert.equal(sender.sendBatch(["a", "b"]), 2);
		assert.equal(await sender.sendAsync("c"), true);
		using loan = sender.loan(4);
		loan?.bytes.set(new TextEncoder().encode("lent"));
		assert.equal(loan?.send(), true);
		const rest: string[] = [];
		for (let message = observer.tryRecv(); message; message = observer.tryRecv()) rest.push(text(message));
		assert.deepEqual(rest.slice(-5), ["message 999", "a", "b", "c", "lent"]);
		assert.equal(observer.lost + rest.length, 1004);
		clone.close();
		assert.equal(sender.observerCount, 1);
		using ordinary = factory.receiver(name, { prefix });
		assert.equal(sender.waitForReceivers(1, { timeout: 0 }), true);
		let sent = 0;
		while (sender.trySend(`message ${sent}`)) sent++;
		assert.equal(sender.refusal, "full");
		for (let i = 0; i < sent; i++) assert.equal(text(ordinary.tryRecv()), `message ${i}`);
	});

	test("receives the newest message without blocking, also one that was sent in fragments", async () => {
		const name = names.next();
		using viewer = factory.receiver(name, { prefix, capacity: 65_536, lossy: true });
		using sender = factory.sender(name, { prefix });
		const next = viewer.recvLatestAsync({ timeout: 20_000 });
		assert.equal(sender.send("first"), true);
		assert.equal(text(await next), "first");
		assert.equal(await viewer.recvLatestAsync({ timeout: 1 }), null);
		assert.equal(viewer.recvLatest({ timeout: 1 }), null);
		const aborted = AbortSignal.abort(new Error("enough"));
		await assert.rejects(viewer.recvLatestAsync({ signal: aborted }), /enough/);
		for (let i = 0; i < 5; i++) {
			sender.send(`small ${i}`);
			sender.send(large(i, 40_000)); // in fragments: longer than half of the ring
			const newest = i % 2 === 0 ? viewer.recvLatest() : await viewer.recvLatestAsync();
			assert.ok(isLarge(newest ?? new Uint8Array(1), i, 40_000));
		}
		assert.deepEqual([viewer.lost, viewer.skipped, viewer.tryRecv()], [0, 5, null]);
	});

	test.each(["newest", "oldest"] as const)("may begin with the %s", (from) => {
		const name = names.next();
		using first = factory.receiver(name, { prefix, capacity: 4096, lossy: true });
		using sender = factory.sender(name, { prefix });
		for (let i = 0; i < 300; i++) sender.send(`message ${i}`);
		using observer = factory.receiver(name, { prefix, lossy: true, from });
		sender.send("message 300");
		const got: string[] = [];
		for (let message = observer.tryRecv(); message; message = observer.tryRecv()) got.push(text(message));
		assert.deepEqual(
			got,
			Array.from({ length: got.length }, (_, i) => `message ${301 - got.length + i}`),
		);
		assert.ok(from === "newest" ? got.length === 1 : got.length > 20);
		assert.deepEqual([first.lost, observer.lost], [0, 0]);
	});

	test("is shown by list() and peers()", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix });
		using observer = factory.receiver(name, { prefix, lossy: true });
		using ordinary = factory.receiver(name, { prefix });
		const listed = list({ prefix }).find((each) => each.name === name);
		assert.deepEqual(
			listed?.endpoints.map((each) => [each.role, each.observer]),
			[
				["sender", false],
				["receiver", true],
				["receiver", false],
			],
		);
		const seen: boolean[] = [];
		for await (const peer of sender.peers()) if (seen.push(peer.observer) === 2) break;
		assert.deepEqual(seen, [true, false]);
		assert.deepEqual([observer.closed, ordinary.closed], [false, false]);
	});

	const target = new Uint8Array(LARGEST);
	const ways: Record<string, (receiver: Receiver) => Uint8Array[] | Promise<Uint8Array[]>> = {
		recvInto: (receiver) => {
			const length = receiver.recvInto(target, { timeout: 5000 });
			return length < 0 ? [] : [target.slice(0, length)];
		},
		drain: (receiver) => {
			const all: Uint8Array[] = [];
			receiver.drain((view) => all.push(view.slice()) && undefined, { timeout: 5000 });
			return all;
		},
		recvLatestAsync: async (receiver) => {
			const message = await receiver.recvLatestAsync({ timeout: 5000 });
			return message ? [message] : [];
		},
	};

	test.each(Object.keys(ways))(
		"gets whole messages of a program that never waits, by %s",
		async (way) => {
			const name = names.next();
			// Too small for the large ones to travel whole: those are fragments, of which a part may be gone.
			using observer = factory.receiver(name, { prefix, capacity: 32_768, lossy: true });
			await using child = startProgram("policy", [kind, prefix, name, COUNT, LARGEST, "send"]);
			assert.equal(await child.line(), "ready");
			let last = -1;
			let received = 0;
			while (last < COUNT - 1) {
				const messages = (await ways[way]?.(observer)) ?? [];
				assert.ok(messages.length > 0, `nothing came after ${last}`);
				for (const message of messages) {
					// Whole, or it would not be what a message of that number is.
					const { sequence } = readPattern(message, LARGEST);
					assert.ok(sequence > last, `${sequence} came after ${last}`);
					last = sequence;
					received++;
				}
				// What was found to be lost may come after the last message that was received.
				assert.ok(observer.lost + observer.skipped + received > last);
			}
			assert.equal(observer.lost + observer.skipped + received, COUNT);
			assert.deepEqual(await child.report<object>(), { sent: COUNT, refused: 0 });
		},
		30_000,
	);

	/** An observer in another program, which never reads. */
	async function idle(name: string): Promise<TestProgram> {
		const child = startProgram("holder", [kind, "receiver", prefix, name, JSON.stringify({ lossy: true })]);
		assert.equal(await child.line(), "ready");
		return child;
	}

	test("that is killed leaves nothing", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix, capacity: 4096 });
		const child = await idle(name);
		assert.equal(sender.observerCount, 1);
		assert.equal(sender.send("to the observer"), true);
		await child.kill();
		await until(() => sender.observerCount === 0);
		assert.deepEqual([sender.send("nobody"), sender.refusal], [false, "no-receivers"]);
		sender.close();
		assert.equal(
			list({ prefix }).some((each) => each.name === name),
			false,
		);
	});

	test("that is stopped delays nobody", async () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix, capacity: 4096 });
		using ordinary = factory.receiver(name, { prefix });
		await using child = await idle(name);
		child.signal("SIGSTOP");
		for (let i = 0; i < 2000; i++) {
			assert.equal(sender.trySend(`message ${i}`), true);
			assert.equal(text(ordinary.tryRecv()), `message ${i}`);
		}
		assert.deepEqual([sender.receiverCount, sender.observerCount], [1, 1]);
	});
});

test("a queue refuses an observer, and a ring that drops the oldest accepts one", () => {
	assert.throws(() => Queue.receiver(names.next(), { prefix, lossy: true } as object), {
		code: "ERR_IPC_INVALID_ARGUMENT",
		message: /lossy is an option of Route\.receiver and Channel\.receiver only, not of Queue\.receiver/,
	});
	using jobs = Queue.receiver(names.next(), { prefix });
	assert.equal(
		thrownCode(() => jobs.recvLatest({ timeout: 0 })),
		"ERR_IPC_INVALID_ARGUMENT",
	);
	assert.equal(
		thrownCode(() => Route.receiver(names.next(), { prefix, lossy: 1 as never })),
		"ERR_IPC_INVALID_ARGUMENT",
	);
	const name = names.next();
	using observer = Channel.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest", lossy: true });
	using usual = Channel.receiver(name, { prefix });
	using sender = Channel.sender(name, { prefix });
	assert.deepEqual([sender.receiverCount, sender.observerCount], [1, 1]);
	for (let i = 0; i < 1000; i++) sender.send(`message ${i}`);
	for (const receiver of [observer, usual]) {
		assert.equal(text(receiver.recvLatest()), "message 999");
		assert.equal(receiver.lost + receiver.skipped, 999);
	}
});
