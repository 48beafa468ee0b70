import { afterAll, describe, expect, test } from "bun:test";
import { freemem } from "node:os";
import { Channel, Route } from "./index.ts";
import { Child } from "./testing/child.ts";
import { isLarge, large } from "./testing/large.ts";
import { Names } from "./testing/names.ts";
import { text } from "./testing/text.ts";
import { wayNames, ways } from "./testing/ways.ts";

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
				expect(`${size} bytes: ${message && isLarge(message, seed, size)}`).toBe(`${size} bytes: true`);
			}
			expect(await Promise.all(sending)).toEqual(sizes.map(() => true));
			expect(receiver.tryRecv()).toBeNull();
		},
		60_000,
	);
});

describe("large messages", () => {
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
					expect(receiver[how](failing, { timeout: 0 })).toBe(0);
					await new Promise((resolve) => setImmediate(resolve));
				} catch (thrown) {
					error = String(thrown);
				}
			}
			expect(error).toBe("Error: cannot take it");
			expect(text(await receiver.recvAsync({ timeout: 10_000 }))).toBe("after");
			expect(await sending).toEqual([true, true]);
		},
		30_000,
	);

	test("a loan larger than the ring, to another process", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 65_536 });
		await using child = new Child("fragments.child.ts", ["receive", prefix, name, 3_000_001]);
		expect(await child.line()).toBe("ready");
		sender.send("begin");
		using loan = sender.loan(3_000_001);
		loan?.bytes.set(large(0, 3_000_001));
		expect(loan?.send()).toBe(true);
		sender.send("end");
		expect(await child.report<string[]>()).toEqual(["true", "true", "true"]);
	}, 30_000);

	test("sendBatch takes large and small ones, in their order", async () => {
		const lengths = [0, 10, 3000, 5, 100_000, 1, 2, 3, 70_000, 70_001, 2040, 2041, 7];
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		await using child = new Child("fragments.child.ts", ["receive", prefix, name, ...lengths]);
		expect(await child.line()).toBe("ready");
		const messages = ["begin", ...lengths.map((length, seed) => large(seed, length)), "end"];
		expect(sender.sendBatch(messages, { timeout: 20_000 })).toBe(messages.length);
		expect(await child.report<string[]>()).toEqual(messages.map(() => "true"));
		// Nobody reads any more, and the time is up in the middle: the first so many.
		await child.exited;
		using receiver = Channel.receiver(name, { prefix });
		expect(sender.sendBatch(["a", "b", large(1, 50_000), "c"], { timeout: 20 })).toBe(2);
		expect([text(receiver.recv()), text(receiver.recv()), receiver.tryRecv()]).toEqual(["a", "b", null]);
	}, 30_000);

	test("64 MiB through 1 MiB between processes, while another sender's small ones come in between", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		await using chatter = new Child("fragments.child.ts", ["chatter", prefix, name]);
		expect(await chatter.line()).toBe("ready");
		await using child = new Child("fragments.child.ts", ["send", prefix, name, 64 * MiB]);
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
		expect(came).toBe("as it was");
		// Sixty-four times around the ring: at least one for each.
		expect(between).toBeGreaterThan(64);
		expect(await child.line()).toBe("sent");
	}, 60_000);

	test("as large as memory allows, up to 1 GiB, through 1 MiB", async () => {
		const name = names.next();
		// The message, its twin at the receiver, and what is put together of it.
		const size = Math.min(1024, Math.max(256, Math.floor(freemem() / MiB / 6))) * MiB + 3;
		using keeper = Channel.sender(name, { prefix });
		await using to = new Child("fragments.child.ts", ["receive", prefix, name, size]);
		expect(await to.line()).toBe("ready");
		await using from = new Child("fragments.child.ts", ["send", prefix, name, size]);
		expect(await to.report<string[]>()).toEqual(["true", "true", "true"]);
		expect(await from.line()).toBe("sent");
		expect(await from.exited).toBe(0);
		expect(keeper.closed).toBe(false);
	}, 120_000);

	test("of a sender killed in the middle are absent, and the next comes", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 65_536 });
		for (let round = 0; round < 5; round++) {
			await using child = new Child("fragments.child.ts", ["send", prefix, name, 16 * MiB]);
			expect(text(receiver.recv({ timeout: 20_000 }))).toBe("begin");
			// Nobody reads on: the ring can have but a part of it, more of it from round to round.
			await Bun.sleep(round);
			await child.kill();
			using sender = Channel.sender(name, { prefix });
			expect(await sender.sendAsync(`after ${round}`, { timeout: 10_000 })).toBe(true);
			expect(text(await receiver.recvAsync({ timeout: 10_000 }))).toBe(`after ${round}`);
			expect(receiver.tryRecv()).toBeNull();
		}
	}, 60_000);
});
