/** Names with stamps: who has sent each message, and when; and how long messages were on their way. */
import assert from "node:assert/strict";
import { isLarge, large } from "@libipc/testing/large";
import { text } from "@libipc/testing/text";
import { until } from "@libipc/testing/timing";
import { json } from "libipc/codecs";
import { expectError } from "./expect_error.ts";
import { afterAll, describe, test } from "./harness.ts";
import { factories, Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import {
	Channel,
	defineQueue,
	type EndpointFactory,
	list,
	monotonicNs,
	Queue,
	type Receiver,
	Route,
	type Sender,
} from "./under_test.ts";
import { wayNames, ways } from "./ways.ts";

const names = new Names("stamps");
const { prefix } = names;

afterAll(() => names.clear());

/** Nanoseconds between the clocks of threads in Bun, which start one by one. */
const SKEW = 1e6;

const found = (name: string) => list({ prefix }).find((each) => each.name === name);

/** The numbers of the senders of a name, as they were opened. */
const sendersOf = (name: string): number[] =>
	(found(name)?.endpoints ?? []).filter(({ role }) => role === "sender").map(({ instance }) => instance);

/** The last message of a receiver was sent by this sender, between these times. */
function checkLast(receiver: Pick<Receiver, "lastStamp">, sender: number | undefined, from: number, to: number): void {
	const stamp = receiver.lastStamp ?? assert.fail("there is no stamp");
	assert.equal(stamp.sender, sender);
	// The clock may have more digits than a number.
	assert.ok(stamp.sentAt >= Math.floor(from) - 512 && stamp.sentAt <= to, `${from} ${stamp.sentAt} ${to}`);
}

const sendingWays: Record<string, (sender: Sender, message: Uint8Array) => unknown> = {
	send: (sender, message) => sender.send(message),
	trySend: (sender, message) => sender.trySend(message),
	sendBatch: (sender, message) => sender.sendBatch([message]) === 1,
	sendAsync: (sender, message) => sender.sendAsync(message, { timeout: 20_000 }),
	loan(sender, message) {
		const loan = sender.loan(message.byteLength + 3) ?? assert.fail("no loan");
		loan.bytes.set(message);
		return loan.send(message.byteLength);
	},
	async clone(sender, message) {
		using clone = sender.clone();
		return clone.send(message);
	},
};

describe.each(["route", "channel", "queue"] as const)("a %s with stamps", (kind) => {
	const factory: EndpointFactory = factories[kind];

	test("has one in each message, however it is sent and received", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 65_536, stamp: true });
		using sender = factory.sender(name, { prefix });
		const sizes = [0, 1, 15, 16, 17, 64, 65, 4080, 4096, 4097, 20_000, ...(kind === "queue" ? [] : [50_000])];
		let count = 0;
		let largest = 0;
		for (const [how, send] of Object.entries(sendingWays))
			for (const size of sizes) {
				const way = wayNames[count % wayNames.length] ?? assert.fail();
				const before = monotonicNs();
				const message = large(count, size);
				if (how === "loan" && size > 16_000) continue;
				assert.ok(await send(sender, message), `${how} ${size}`);
				const after = monotonicNs();
				const received = (await ways[way](receiver)) ?? assert.fail(`${how} ${size} ${way}`);
				assert.ok(isLarge(received, count, size), `${how} ${size} ${way}`);
				const ids = sendersOf(name);
				if (how === "clone" && kind !== "route") assert.notEqual(receiver.lastStamp?.sender, ids[0]);
				else checkLast(receiver, ids[0], before, after);
				largest = Math.max(largest, monotonicNs() - before);
				count++;
				assert.equal(receiver.latency?.count, count);
			}
		const latency = receiver.latency ?? assert.fail();
		const { min, mean, max } = latency;
		assert.ok(min > 0 && min <= mean && mean <= max && max <= largest + 512, `${min} ${mean} ${max} ${largest}`);
		const middle = latency.percentile(50);
		assert.ok(middle >= min && middle <= max);
		latency.reset();
		assert.equal(latency.count, 0);
		assert.notEqual(receiver.lastStamp, undefined);
	});

	test("gives a copy that begins where its buffer begins, and writes nothing behind a message", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, stamp: true });
		using sender = factory.sender(name, { prefix });
		for (const size of [1, 64, 5000]) {
			sender.send(large(size, size));
			const message = receiver.tryRecv() ?? assert.fail();
			assert.deepEqual([message.byteOffset, message.buffer.byteLength], [0, size]);
			sender.send(large(size, size));
			const target = new Uint8Array(size + 32).fill(7);
			assert.equal(receiver.recvInto(target.subarray(0, size), { timeout: 0 }), size);
			assert.ok(isLarge(target.subarray(0, size), size, size));
			assert.ok(target.subarray(size).every((byte) => byte === 7));
		}
		sender.send("four");
		expectError("ERR_IPC_BUFFER_TOO_SMALL", /next message .* has 4 bytes, the target 3/, () =>
			receiver.recvInto(new Uint8Array(3)),
		);
		assert.equal(text(receiver.tryRecv()), "four");
	});

	test("decides for all endpoints", () => {
		const name = names.next();
		using first = factory.receiver(name, { prefix, stamp: true, capacity: 4096 });
		using second = factory.receiver(name, { prefix });
		using third = first.clone();
		using sender = factory.sender(name, { prefix, stamp: true });
		assert.ok([first, second, third].every(({ latency }) => latency?.count === 0));
		assert.equal(found(name)?.stamped, true);
		const mismatch = "ERR_IPC_OPTIONS_MISMATCH";
		for (const open of [factory.sender, factory.receiver])
			expectError(mismatch, /with stamp true, .* with false/, () => open(name, { prefix, stamp: false }));

		const other = names.next();
		using plain = factory.receiver(other, { prefix, capacity: 4096 });
		using _same = factory.receiver(other, { prefix, stamp: false });
		using otherSender = factory.sender(other, { prefix });
		assert.deepEqual([found(other)?.stamped, plain.lastStamp, plain.latency], [false, undefined, undefined]);
		expectError(mismatch, /with stamp false, .* with true/, () => factory.receiver(other, { prefix, stamp: true }));
		expectError("ERR_IPC_INVALID_ARGUMENT", /stamp must be a boolean, not 1/, () =>
			factory.sender(other, { prefix, stamp: 1 as unknown as boolean }),
		);
		otherSender.send("plain");
		assert.equal(text(plain.tryRecv()), "plain");
		assert.equal(plain.lastStamp, undefined);

		assert.equal(sender.maxMessageLength, otherSender.maxMessageLength - 16);
		if (kind !== "queue") return;
		assert.equal(sender.send(new Uint8Array(sender.maxMessageLength)), true);
		assert.equal(first.tryRecv()?.byteLength, sender.maxMessageLength);
		const text_ = /limit of a queue is (\d+) bytes, half of its capacity of 4096 less 32/;
		expectError("ERR_IPC_MESSAGE_TOO_LARGE", text_, () => sender.send(new Uint8Array(sender.maxMessageLength + 1)));
	});

	test("hands values on with their stamps", async () => {
		const name = names.next();
		const options = { prefix, codec: json<number[]>() };
		using receiver = factory.receiver(name, { ...options, stamp: true });
		using sender = factory.sender(name, options);
		const start = monotonicNs();
		const [id] = sendersOf(name);
		for (const length of [1, 5000]) {
			const value = Array.from({ length }, (_, i) => i);
			sender.send(value);
			assert.deepEqual(receiver.recv(), value);
			checkLast(receiver, id, start, monotonicNs());
			sender.send(value);
			receiver.drain((each) => assert.deepEqual(each, value));
			sender.send(value);
			for await (const each of receiver) {
				assert.deepEqual(each, value);
				break;
			}
		}
		assert.equal(receiver.latency?.count, 6);
		assert.equal(sender.maxMessageLength, sender.bytes.maxMessageLength);
	});
});

describe("stamps", () => {
	test("are those of the message that a handler has, of several senders", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, stamp: true });
		using first = Channel.sender(name, { prefix });
		using second = Channel.sender(name, { prefix });
		const ids = sendersOf(name);
		const sendAll = () => {
			for (let i = 0; i < 10; i++) (i % 3 === 0 ? first : second).send(String(i));
		};
		const seen: unknown[] = [];
		const see = (message: Uint8Array) => {
			seen.push([text(message), ids.indexOf(receiver.lastStamp?.sender ?? -1)]);
		};
		const all = Array.from({ length: 10 }, (_, i) => [String(i), i % 3 === 0 ? 0 : 1]);
		sendAll();
		receiver.drain(see);
		assert.deepEqual(seen.splice(0), all);
		sendAll();
		for await (const message of receiver) {
			see(message);
			if (seen.length === 10) break;
		}
		assert.deepEqual(seen.splice(0), all);
		sendAll();
		assert.equal(receiver.latency?.count, 20);
		assert.throws(() =>
			receiver.drain((message) => {
				see(message);
				if (seen.length === 4) throw new Error("enough");
			}),
		);
		assert.equal(receiver.latency?.count, 24);
		receiver.drainBatch(({ count }) => assert.equal(count, 6));
		assert.deepEqual([receiver.latency?.count, ids.indexOf(receiver.lastStamp?.sender ?? -1)], [30, 0]);
	});

	test("are right after a handler has transferred the memory of its message, where it can", () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, stamp: true });
		using sender = Channel.sender(name, { prefix });
		const [id] = sendersOf(name);
		for (let i = 0; i < 4; i++) {
			sender.send(String(i));
			receiver.drain(({ buffer }) => {
				try {
					structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
				} catch {
					// Shared memory, and memory of native code in Node, cannot be transferred.
				}
			});
			assert.equal(receiver.lastStamp?.sender, id);
		}
		assert.equal(receiver.latency?.count, 4);
	});

	test.each(["block", "drop-oldest"] as const)("of the newest message, for a slow viewer: %s", async (overflow) => {
		const name = names.next();
		using viewer = Route.receiver(name, { prefix, stamp: true, overflow, lossy: true, capacity: 65_536 });
		using sender = Route.sender(name, { prefix });
		const [id] = sendersOf(name);
		let before = 0;
		for (let i = 0; i < 500; i++) {
			before = monotonicNs();
			assert.equal(sender.send(large(i, i % 50 === 49 ? 20_000 : 300)), true);
			if (i % 100 !== 99) continue;
			const newest = viewer.recvLatest() ?? assert.fail();
			assert.ok(isLarge(newest, i, 20_000));
			checkLast(viewer, id, before, monotonicNs());
		}
		assert.equal(viewer.latency?.count, 5);
		sender.sendBatch(["a", "b"]);
		viewer.drain((view) => assert.equal(view.byteLength, 1));
		assert.equal(viewer.latency?.count, 7);
		const rest: string[] = [];
		sender.sendBatch(["c", "d"]);
		for (let i = 0; i < 2; i++) viewer.drainBatch(({ bytes }) => rest.push(text(bytes)));
		assert.deepEqual(rest, ["c", "d"]);
	});

	test("have the time of the call, also if it waits for space", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, stamp: true, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		let sent = 0;
		while (sender.trySend(large(sent, 500))) sent++;
		const before = monotonicNs();
		const waiting = [sender.sendAsync("first"), sender.sendAsync(large(1, 3000)), sender.sendAsync("third")];
		const givenUp = sender.sendAsync(large(2, 3000), { timeout: 20 });
		const after = monotonicNs();
		assert.equal(await givenUp, false);
		for (let i = 0; i < sent; i++) assert.ok(isLarge((await receiver.recvAsync()) ?? new Uint8Array(1), i, 500));
		assert.equal(text(await receiver.recvAsync()), "first");
		checkLast(receiver, sendersOf(name)[0], before, after);
		assert.ok(isLarge((await receiver.recvAsync()) ?? new Uint8Array(1), 1, 3000));
		checkLast(receiver, sendersOf(name)[0], before, after);
		assert.equal(text(await receiver.recvAsync()), "third");
		checkLast(receiver, sendersOf(name)[0], before, after);
		assert.deepEqual(await Promise.all(waiting), [true, true, true]);
		assert.ok((receiver.latency?.max ?? 0) >= 20e6);

		assert.equal((await sender.flush({ timeout: 20_000 })).done, true);

		const loan = sender.loan(4) ?? assert.fail();
		const lent = monotonicNs();
		loan.bytes.set([49, 50, 51, 52]);
		loan.send();
		assert.equal(text(receiver.tryRecv()), "1234");
		checkLast(receiver, sendersOf(name)[0], lent, monotonicNs());
	});

	test("of another process or thread are on the same clock, and name a peer", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, stamp: true });
		await using program = startProgram("stamps", [prefix, name, 100, 2]);
		const begin = Math.floor(Number(await program.line()));
		const { value: peer } = await receiver.peers().next();
		const times: number[] = [begin];
		for (let i = 0; i < 100; i++) {
			assert.equal(text(receiver.recv({ timeout: 20_000 })), String(i).padEnd(2, "."));
			checkLast(receiver, peer?.id, begin - SKEW, monotonicNs() + SKEW);
			times.push(receiver.lastStamp?.sentAt ?? 0);
		}
		times.push(Number(await program.line()));
		assert.deepEqual(
			times,
			times.toSorted((a, b) => a - b),
		);
		assert.equal(receiver.latency?.count, 100);
	});

	test("have the time of the call of a blocking send that waits for space in place", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, stamp: true, capacity: 16_384 });
		await using program = startProgram("stamps", [prefix, name, 4, 5000]);
		const begin = Number(await program.line());
		const isFull = () => found(name)?.endpoints.some(({ role, sleeping }) => role === "sender" && sleeping) === true;
		await until(isFull);
		const end = monotonicNs();
		await new Promise((resolve) => setTimeout(resolve, 20));
		for (let i = 0; i < 4; i++) assert.equal(receiver.recv({ timeout: 20_000 })?.byteLength, 5000);
		checkLast(receiver, sendersOf(name)[0], begin - SKEW, end + SKEW);
		await program.line();
	});

	test("stay with leases, dead letters and what comes back from there", () => {
		const name = names.next();
		const jobs = defineQueue(name, { prefix, codec: json<string>(), stamp: true, deadLetter: `${name}.dead` });
		using receiver = jobs.receiver();
		using sender = jobs.sender();
		using dead = Queue.receiver(`${name}.dead`, { prefix });
		assert.equal(found(`${name}.dead`)?.stamped, true);
		const [id] = sendersOf(name);
		const sent: number[] = [];
		for (const each of ["a", "b", "c"]) {
			sender.send(each);
			sent.push(monotonicNs());
		}
		const leases = [receiver.take(), receiver.take(), receiver.take()];
		const stamps = leases.map((lease) => lease?.stamp ?? assert.fail());
		assert.ok(stamps.every((stamp, i) => stamp.sender === id && stamp.sentAt <= (sent[i] ?? 0)));
		assert.ok((stamps[0]?.sentAt ?? 0) <= (stamps[1]?.sentAt ?? 0));
		assert.deepEqual(receiver.lastStamp, stamps[2]);
		leases[0]?.done();
		assert.equal(leases[0]?.stamp, undefined);
		leases[1]?.retry();
		assert.deepEqual(receiver.take()?.stamp, stamps[1]);
		leases[2]?.reject("because");
		const letter = dead.take() ?? assert.fail();
		assert.deepEqual([text(letter.bytes), letter.stamp, letter.origin?.reason], ['"c"', stamps[2], "because"]);
		assert.equal(letter.redrive(), true);
		const again = receiver.take();
		assert.deepEqual([again?.value, again?.stamp], ["c", stamps[2]]);
		again?.done();
		expectError("ERR_IPC_INVALID_ARGUMENT", /stamp is set by defineQueue/, () =>
			jobs.sender({ stamp: false } as object),
		);
	});

	test("a dead-letter queue without stamps is refused", () => {
		const name = names.next();
		using _dead = Queue.receiver(`${name}.dead`, { prefix });
		expectError("ERR_IPC_OPTIONS_MISMATCH", /\.dead" .*with stamp false, .* with true/, () =>
			Queue.receiver(name, { prefix, stamp: true, deadLetter: `${name}.dead` }),
		);
	});
});
