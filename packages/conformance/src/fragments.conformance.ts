import assert from "node:assert/strict";
import { freemem } from "node:os";
import { assertLike } from "@libipc/testing/assert_like";
import { isLarge, large } from "@libipc/testing/large";
import { rejectionCode, thrownCode } from "@libipc/testing/outcome";
import { scale } from "@libipc/testing/scale";
import { text } from "@libipc/testing/text";
import { sleep } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, Queue, Route } from "./under_test.ts";
import { wayNames, ways } from "./ways.ts";

const names = new Names("fragments");
const { prefix } = names;

afterAll(() => names.clear());

const MiB = 2 ** 20;

/** Every size near a limit of a ring of `capacity` bytes. */
function sizesAround(capacity: number): number[] {
	const limits = [
		0,
		capacity / 8,
		capacity / 4,
		capacity / 2 - 16,
		capacity / 2,
		capacity - 16,
		capacity,
		2 * capacity,
	];
	const near = limits.flatMap((limit) => [-9, -8, -7, -1, 0, 1, 7, 8, 9].map((more) => limit + more));
	return [...new Set(near.filter((size) => size >= 0))];
}

const kinds = [
	["route", Route],
	["channel", Channel],
] as const;

describe.each(kinds)("messages of every size around the limits of a %s's ring", (_, factory) => {
	test.each([4096, 65_536].flatMap((capacity) => wayNames.map((way) => [capacity, way] as const)))(
		"of %d bytes, received by %s",
		async (capacity, way) => {
			const name = names.next();
			using receiver = factory.receiver(name, { prefix, capacity });
			using sender = factory.sender(name, { prefix });
			const sizes = sizesAround(capacity);
			const sending = sizes.map((size, seed) => sender.sendAsync(large(seed, size), { timeout: 60_000 }));
			for (const [seed, size] of sizes.entries()) {
				const message = await ways[way](receiver);
				assert.equal(`${size} bytes: ${message && isLarge(message, seed, size)}`, `${size} bytes: true`);
			}
			assert.deepEqual(
				await Promise.all(sending),
				sizes.map(() => true),
			);
			assert.equal(receiver.tryRecv(), null);
		},
	);
});

describe("large messages", () => {
	test("that fit in fragments are sent without waiting; those that do not fit are refused and do not arrive", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		assert.equal(sender.trySend(large(1, 2500)), true);
		assert.equal(isLarge(receiver.tryRecv() ?? new Uint8Array(), 1, 2500), true);
		for (let i = 0; i < 5; i++) {
			assert.equal(sender.trySend(large(2, 10_000)), false);
			assert.equal(sender.send(large(2, 10_000), { timeout: 5 }), false);
			assert.equal(receiver.tryRecv(), null);
			assert.equal(sender.trySend(`after ${i}`), true);
			assert.equal(text(receiver.tryRecv()), `after ${i}`);
		}
		assert.equal(sender.maxMessageLength, 2 ** 31 - 1);
	});

	test("are refused by a queue, with the limit in the text", async () => {
		const name = names.next();
		using sender = Queue.sender(name, { prefix, capacity: 8192 });
		assert.equal(sender.maxMessageLength, 4080);
		const bytes = new Uint8Array(4081);
		for (const call of [() => sender.send(bytes), () => sender.trySend(bytes), () => sender.sendBatch([bytes])])
			assert.throws(call, { code: "ERR_IPC_MESSAGE_TOO_LARGE", message: /4081.*4080/ });
		assert.equal(await rejectionCode(sender.sendAsync(bytes)), "ERR_IPC_MESSAGE_TOO_LARGE");
		using receiver = Queue.receiver(name, { prefix });
		assert.equal(receiver.tryRecv(), null);
		assert.equal(sender.send(large(3, 4080)), true);
		assert.equal(isLarge(receiver.recv() ?? new Uint8Array(), 3, 4080), true);
	});

	test("stay when the target of recvInto is too small", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		const sending = sender.sendAsync(large(1, 20_000));
		const small = new Uint8Array(19_999);
		const patience = performance.now() + 20_000;
		let error: unknown;
		while (!error && performance.now() < patience) {
			try {
				assert.equal(receiver.recvInto(small, { timeout: 0 }), -1);
				await new Promise((resolve) => setImmediate(resolve));
			} catch (thrown) {
				error = thrown;
			}
		}
		assertLike(error, {
			code: "ERR_IPC_BUFFER_TOO_SMALL",
			message: /20000 bytes.*19999/,
		});
		assert.equal(
			thrownCode(() => receiver.recvInto(small)),
			"ERR_IPC_BUFFER_TOO_SMALL",
		);
		const target = new Uint8Array(20_005).fill(0xee);
		assert.equal(receiver.recvInto(target), 20_000);
		assert.equal(isLarge(target.subarray(0, 20_000), 1, 20_000), true);
		assert.deepEqual([...target.subarray(20_000)], [0xee, 0xee, 0xee, 0xee, 0xee]);
		assert.equal(await sending, true);
	});

	test.each(["drain", "drainBatch"] as const)(
		"a handler of %s that throws at a large message has received it",
		async (how) => {
			const name = names.next();
			using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
			using sender = Channel.sender(name, { prefix });
			const sending = Promise.all([sender.sendAsync(large(1, 20_000)), sender.sendAsync("after")]);
			const failing = () => {
				throw new Error("cannot take it");
			};
			const patience = performance.now() + 20_000;
			let error = "";
			while (!error && performance.now() < patience) {
				try {
					assert.equal(receiver[how](failing, { timeout: 0 }), 0);
					await new Promise((resolve) => setImmediate(resolve));
				} catch (thrown) {
					error = String(thrown);
				}
			}
			assert.equal(error, "Error: cannot take it");
			assert.equal(text(await receiver.recvAsync({ timeout: 10_000 })), "after");
			assert.deepEqual(await sending, [true, true]);
		},
	);

	test("drain passes all that is there, in the ring or assembled, up to max", () => {
		for (const overflow of ["block", "drop-oldest"] as const) {
			const name = names.next();
			using receiver = Channel.receiver(name, { prefix, capacity: 65_536, overflow });
			using sender = Channel.sender(name, { prefix });
			const lengths = [1, 2, 40_000, 3, 4, 5];
			const got: number[] = [];
			const collect = (view: Uint8Array) => {
				assert.equal(isLarge(view, 9, view.byteLength), true);
				got.push(view.byteLength);
			};
			for (const length of lengths) assert.equal(sender.trySend(large(9, length)), true);
			assert.equal(receiver.drain(collect), 6);
			assert.deepEqual(got, lengths);
			for (const length of lengths) assert.equal(sender.trySend(large(9, length)), true);
			assert.equal(receiver.drain(collect, { max: 4 }), 4);
			assert.equal(receiver.drain(collect, { max: 4 }), 2);
			assert.deepEqual(got, [...lengths, ...lengths]);
		}
	});

	test("strings: 3 MiB of several alphabets through small rings", async () => {
		const string = "aé漢🚀 ".repeat(280_000);
		for (const [, factory] of kinds)
			for (const capacity of [4096, MiB, 8 * MiB]) {
				const name = names.next();
				using receiver = factory.receiver(name, { prefix, capacity });
				using sender = factory.sender(name, { prefix });
				const sending = sender.sendAsync(string);
				assert.equal(text(await receiver.recvAsync({ timeout: 20_000 })) === string, true);
				assert.equal(await sending, true);
				if (capacity > MiB) {
					assert.equal(sender.send(string), true);
					assert.equal(text(receiver.recv()) === string, true);
				}
			}
	});

	test("loans larger than the ring: sent whole, in part, and not at all", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 65_536 });
		using sender = Channel.sender(name, { prefix });
		{
			using loan = sender.loan(50_000);
			loan?.bytes.set(large(1, 50_000));
			sender.send("before");
			assert.equal(loan?.send(), true);
			assert.throws(() => loan?.send(), { code: "ERR_IPC_LOAN_ENDED" });
		}
		assert.equal(text(receiver.recv()), "before");
		assert.equal(isLarge(receiver.recv() ?? new Uint8Array(), 1, 50_000), true);
		{
			using loan = sender.loan(500_000);
			loan?.bytes.set(large(2, 500_000));
			assert.equal(loan?.send(40_000), true);
			assert.deepEqual(receiver.recv(), large(2, 500_000).slice(0, 40_000));
		}
		{
			using gone = sender.loan(500_000);
			assert.equal(gone?.bytes.byteLength, 500_000);
		}
		{
			using late = sender.loan(500_000, { timeout: 10 });
			// No receiver reads: there is no room within the time.
			assert.equal(late?.send(), false);
			using empty = sender.loan(500_000);
			assert.equal(empty?.send(0), true);
		}
		assert.deepEqual(receiver.recv(), new Uint8Array());
		assert.equal(receiver.tryRecv(), null);
	});

	test("a loan larger than the ring, to another program", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 65_536 });
		await using child = startProgram("fragments", ["receive", prefix, name, 3_000_001]);
		assert.equal(await child.line(), "ready");
		sender.send("begin");
		using loan = sender.loan(3_000_001);
		loan?.bytes.set(large(0, 3_000_001));
		assert.equal(loan?.send(), true);
		sender.send("end");
		assert.deepEqual(await child.report<string[]>(), ["true", "true", "true"]);
	});

	test("sendBatch sends large and small messages in their order", async () => {
		const lengths = [0, 10, 3000, 5, 100_000, 1, 2, 3, 70_000, 70_001, 2040, 2041, 7];
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		await using child = startProgram("fragments", ["receive", prefix, name, ...lengths]);
		assert.equal(await child.line(), "ready");
		const messages = ["begin", ...lengths.map((length, seed) => large(seed, length)), "end"];
		assert.equal(sender.sendBatch(messages, { timeout: 20_000 }), messages.length);
		assert.deepEqual(
			await child.report<string[]>(),
			messages.map(() => "true"),
		);
		// No receiver reads any more, and the time is up in the middle: sendBatch returns how many were sent.
		await child.exited;
		using receiver = Channel.receiver(name, { prefix });
		assert.equal(sender.sendBatch(["a", "b", large(1, 50_000), "c"], { timeout: 20 }), 2);
		assert.deepEqual([text(receiver.recv()), text(receiver.recv()), receiver.tryRecv()], ["a", "b", null]);
	});

	test("64 MiB pass through 1 MiB, with small messages of another sender in between", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		await using chatter = startProgram("fragments", ["chatter", prefix, name]);
		assert.equal(await chatter.line(), "ready");
		await using child = startProgram("fragments", ["send", prefix, name, 64 * MiB]);
		let small = 0;
		let between = -1;
		let came = "nothing";
		for (;;) {
			const message = receiver.recv({ timeout: 20_000 });
			if (!message) break;
			if (message.byteLength > 100) {
				came = isLarge(message, 0, 64 * MiB) ? "as it was" : "otherwise";
				between = small - between;
				continue;
			}
			const what = text(message);
			if (what === "end") break;
			if (what === "begin") between = small;
			else if (what !== `small ${small++}`) throw new Error(`${what} came instead of small ${small - 1}`);
		}
		assert.equal(came, "as it was");
		// Sixty-four times around the ring: at least one for each.
		assert.ok(between > 64);
		assert.equal(await child.line(), "sent");
	});

	test("as large as memory allows, up to 1 GiB, pass through 1 MiB", async () => {
		const name = names.next();
		// The message, its twin at the receiver, and what is put together of it.
		const most = Math.min(1024, Math.max(256, Math.floor(freemem() / MiB / 6)));
		const size = scale(most, 64) * MiB + 3;
		using keeper = Channel.sender(name, { prefix });
		await using to = startProgram("fragments", ["receive", prefix, name, size]);
		assert.equal(await to.line(), "ready");
		await using from = startProgram("fragments", ["send", prefix, name, size]);
		assert.deepEqual(await to.report<string[]>(), ["true", "true", "true"]);
		assert.equal(await from.line(), "sent");
		assert.equal(await from.exited, 0);
		assert.equal(keeper.closed, false);
	}, 120_000);

	test("that take longer than a second arrive, if no timeout ends the call", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		await using child = startProgram("fragments", ["send", prefix, name, 100_000]);
		assert.equal(text(await receiver.recvAsync({ timeout: 20_000 })), "begin");
		let message: Uint8Array | null = null;
		// Each look takes what the ring holds of it.
		for (let looks = 0; !message && looks < 300; looks++) {
			await sleep(60);
			message = receiver.tryRecv();
		}
		assert.equal(message && isLarge(message, 0, 100_000), true);
		assert.equal(text(receiver.recv({ timeout: 20_000 })), "end");
		assert.equal(await child.line(), "sent");
	});

	test("of a sender that was killed in the middle do not arrive, and the next one does", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 65_536 });
		for (let round = 0; round < 5; round++) {
			await using child = startProgram("fragments", ["send", prefix, name, 16 * MiB]);
			assert.equal(text(receiver.recv({ timeout: 20_000 })), "begin");
			// No receiver reads on: the ring has only a part of it, more of it in each round.
			await sleep(round);
			await child.kill();
			using sender = Channel.sender(name, { prefix });
			assert.equal(await sender.sendAsync(`after ${round}`, { timeout: 10_000 }), true);
			assert.equal(text(await receiver.recvAsync({ timeout: 10_000 })), `after ${round}`);
			assert.equal(receiver.tryRecv(), null);
		}
	});
});
