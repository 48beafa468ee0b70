/** A sender whose ring does not fill notices that its receivers were killed, and each refusal says why. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { assertLike } from "@libipc/testing/assert_like";
import { startClock } from "@libipc/testing/clock";
import { writePattern } from "@libipc/testing/pattern";
import type { TestProgram } from "@libipc/testing/test_program";
import { fill } from "./fill.ts";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, Queue, Route, type Sender } from "./under_test.ts";

const names = new Names("receivers_gone");
const { prefix } = names;

afterAll(() => names.clear());

/** Larger than all that the tests send before they notice. */
const capacity = 64 << 20;

/** A second is the promise. A machine that is busy runs this test more slowly. */
const PATIENCE_MS = 20_000;

/** After so many messages a sender has noticed, however slow it has become. */
const MOST_MESSAGES = 64;

const factories = { route: Route, channel: Channel, queue: Queue };

async function startReceiver(kind: string, name: string): Promise<TestProgram> {
	const child = startProgram("holder", [kind, "receiver", prefix, name, "{}"]);
	assert.equal(await child.line(), "ready");
	return child;
}

/** Each way to send one message; false: it was refused. */
const ways: Record<string, (sender: Sender) => boolean | Promise<boolean>> = {
	send: (sender) => sender.send("message"),
	"send of bytes": (sender) => sender.send(new Uint8Array(16)),
	"send of a long string": (sender) => sender.send("x".repeat(5000)),
	trySend: (sender) => sender.trySend("message"),
	sendAsync: (sender) => sender.sendAsync("message"),
	sendBatch: (sender) => sender.sendBatch(["one", "two"]) === 2,
	loan: (sender) => sender.loan(16)?.send() ?? false,
};

/** Sends until a message is refused. Returns the number of those that were sent. */
async function sendUntilRefused(sender: Sender, way: string, pause: number): Promise<number> {
	const until = performance.now() + PATIENCE_MS;
	for (let sent = 0; ; sent++) {
		if (!(await ways[way]?.(sender))) return sent;
		assert.ok(performance.now() < until, `${sent} messages were sent to nobody`);
		// The event loop runs, so that a Worker can end.
		if (pause > 0) await sleep(pause);
		else if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
	}
}

describe.each(["route", "channel"] as const)("the only receiver of a %s is killed", (kind) => {
	test.each([
		["send", 2],
		["send", 50],
		["sendAsync", 2],
		["sendBatch", 2],
		["loan", 2],
		["trySend", 2],
		["send of a long string", 2],
	] as const)("%s with %d ms between two messages", async (way, pause) => {
		const name = names.next();
		using sender = factories[kind].sender(name, { prefix, capacity });
		await using child = await startReceiver(kind, name);
		for (let i = 0; i < 3; i++) assert.equal(await ways[way]?.(sender), true);
		assert.equal(sender.receiverCount, 1);
		await child.kill();
		const clock = startClock();
		const sent = await sendUntilRefused(sender, way, pause);
		// The promise is a second. A busy machine may need longer.
		assert.ok(sent <= MOST_MESSAGES || clock() < 5000, `${sent} messages`);
		assert.equal(sender.receiverCount, 0);
		const sending = sender.sendAsync("message");
		assert.deepEqual([await sending, sending.refusal], [false, "no-receivers"]);
		assert.equal(sender.send("message"), false);
		assert.equal(sender.refusal, "no-receivers");
		// Another one may come.
		using heir = factories[kind].receiver(name, { prefix });
		assert.equal(sender.send("message"), true);
		assert.equal(sender.refusal, undefined);
		assert.equal(heir.recv({ timeout: 0 })?.byteLength, 7);
	});

	test.each(Object.keys(ways))("%s at full speed", async (way) => {
		const name = names.next();
		using sender = factories[kind].sender(name, { prefix, capacity });
		await using child = await startReceiver(kind, name);
		assert.equal(await ways[way]?.(sender), true);
		await child.kill();
		await sendUntilRefused(sender, way, 0);
		assert.equal(sender.receiverCount, 0);
		assert.equal(sender.trySend("message"), false);
		assert.equal(sender.refusal, "no-receivers");
	});
});

test("receiverCount becomes true without a send", async () => {
	const name = names.next();
	using sender = Channel.sender(name, { prefix });
	await using one = await startReceiver("channel", name);
	await using two = await startReceiver("channel", name);
	const counts = async (count: number): Promise<void> => {
		const until = performance.now() + PATIENCE_MS;
		while (sender.receiverCount !== count && performance.now() < until) await sleep(10);
		assert.equal(sender.receiverCount, count);
	};
	await counts(2);
	await one.kill();
	await counts(1);
	await two.kill();
	await counts(0);
});

test.each([
	["a queue", "queue", "block"],
	["a ring that drops the oldest", "channel", "drop-oldest"],
] as const)("%s keeps the messages when its receivers are killed, and counts none", async (_, kind, overflow) => {
	const name = names.next();
	using sender = factories[kind].sender(name, { prefix, capacity: 1 << 20, overflow });
	await using child = await startReceiver(kind, name);
	assert.equal(sender.send("message"), true);
	await child.kill();
	const until = performance.now() + PATIENCE_MS;
	let sent = 1;
	while (sender.receiverCount !== 0 && performance.now() < until) {
		assert.equal(sender.send("message"), true);
		assert.equal(sender.refusal, undefined);
		sent++;
		await sleep(2);
	}
	assert.equal(sender.receiverCount, 0);
	using heir = factories[kind].receiver(name, { prefix, from: "oldest" });
	let received = 0;
	while (heir.tryRecv()) received++;
	assert.equal(received, sent);
});

test("one of two receivers is killed: the other one gets everything, in order", async () => {
	const name = names.next();
	using sender = Route.sender(name, { prefix, capacity });
	await using victim = await startReceiver("route", name);
	const count = 3000;
	await using reader = startProgram("receiver", ["route", prefix, name, count, 64]);
	assert.equal(await reader.line(), "ready");
	const buffer = new Uint8Array(64);
	let sent = 0;
	const send = () => assert.equal(sender.send(writePattern(buffer, 0, sent++, 64), { timeout: 10_000 }), true);
	while (sent < 1000) send();
	await victim.kill();
	// Each read of the count looks for dead receivers as well, so it is not read before the sends had the time to do so.
	for (const until = performance.now() + 1000; sent < 2900 && performance.now() < until; await sleep(2)) send();
	const until = performance.now() + PATIENCE_MS;
	while (sender.receiverCount !== 1 && performance.now() < until) await sleep(2);
	assert.equal(sender.receiverCount, 1);
	while (sent < count) send();
	assertLike(await reader.report<object>(), { received: count, next: [count] });
});

describe("a refusal says why", () => {
	test("full, timed-out, and undefined again", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		assert.equal(sender.refusal, undefined);
		using receiver = Channel.receiver(name, { prefix });
		fill(sender);
		const message = "a message that is longer than what is left";
		assert.equal(sender.refusal, "full");
		assert.equal(sender.send(message, { timeout: 10 }), false);
		assert.equal(sender.refusal, "timed-out");
		assert.equal(sender.send(message, { timeout: 0 }), false);
		assert.equal(sender.refusal, "full");
		assert.equal(sender.sendBatch([message, message], { timeout: 10 }), 0);
		assert.equal(sender.refusal, "timed-out");
		assert.equal(sender.loan(100, { timeout: 0 }), null);
		assert.equal(sender.refusal, "full");
		assert.equal(sender.loan(100, { timeout: 10 }), null);
		assert.equal(sender.refusal, "timed-out");
		assert.equal(sender.send(new Uint8Array(10_000), { timeout: 0 }), false);
		assert.equal(sender.refusal, "full");
		receiver.drain(() => {}, { timeout: 0 });
		assert.equal(sender.send(message), true);
		assert.equal(sender.refusal, undefined);
		// A batch of which only a part was sent.
		const sent = sender.sendBatch(
			Array.from({ length: 200 }, () => message),
			{ timeout: 0 },
		);
		assert.ok(sent > 0 && sent < 200);
		assert.equal(sender.refusal, "full");
	});

	test("dropped", async () => {
		const name = names.next();
		using sender = Route.sender(name, { prefix, capacity: 4096, overflow: "drop-newest" });
		using receiver = Route.receiver(name, { prefix });
		fill(sender);
		const message = "a message that is longer than what is left";
		assert.equal(sender.send(message), false);
		assert.equal(sender.refusal, "dropped");
		assert.equal(sender.loan(100), null);
		assert.equal(sender.refusal, "dropped");
		assert.equal(sender.sendBatch([message]), 0);
		assert.equal(sender.refusal, "dropped");
		const sending = sender.sendAsync(message);
		assert.deepEqual([await sending, sending.refusal], [false, "dropped"]);
		receiver.close();
		assert.equal(sender.send(message), false);
		assert.equal(sender.refusal, "no-receivers");
	});

	test("of an open loan that is not in the ring", () => {
		const name = names.next();
		using sender = Route.sender(name, { prefix, capacity: 4096 });
		using receiver = Route.receiver(name, { prefix });
		using loan = sender.loan(3000, { timeout: 10 });
		assert.equal(sender.refusal, undefined);
		fill(sender);
		assert.equal(loan?.send(), false);
		assert.equal(sender.refusal, "timed-out");
		assert.equal(receiver.closed, false);
	});

	test("of each of several asynchronous calls, and of none that were sent or aborted", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		const nobody = sender.sendAsync("message");
		assert.equal(await nobody, false);
		using receiver = Channel.receiver(name, { prefix });
		fill(sender);
		const message = "a message that is longer than what is left";
		const controller = new AbortController();
		const late = sender.sendAsync(message, { timeout: 20 });
		const now = sender.sendAsync(message, { timeout: 0 });
		const aborted = sender.sendAsync(message, { signal: controller.signal });
		const last = sender.sendAsync(message);
		assert.equal(last.refusal, undefined);
		controller.abort(new Error("not needed"));
		await assert.rejects(aborted, /not needed/);
		assert.equal(await now, false);
		assert.equal(await late, false);
		assert.equal(sender.refusal, "full"); // of the last call that was not asynchronous
		receiver.close();
		assert.equal(await last, false);
		assert.deepEqual(
			[nobody, late, now, aborted, last].map(({ refusal }) => refusal),
			["no-receivers", "timed-out", "full", undefined, "no-receivers"],
		);
		using heir = Channel.receiver(name, { prefix });
		const sent = sender.sendAsync("message");
		assert.deepEqual([await sent, sent.refusal], [true, undefined]);
		assert.equal(heir.closed, false);
	});

	test("after the sender was closed", async () => {
		const name = names.next();
		const sender = Route.sender(name, { prefix });
		assert.equal(sender.send("message"), false);
		sender.close();
		assert.equal(sender.refusal, "no-receivers");
		const sending = sender.sendAsync("message");
		await assert.rejects(sending, { code: "ERR_IPC_CLOSED" });
		assert.equal(sending.refusal, undefined);
	});
});
