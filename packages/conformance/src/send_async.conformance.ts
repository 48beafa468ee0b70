import assert from "node:assert/strict";
import { large } from "@libipc/testing/large";
import { isPending, rejection, rejectionCode } from "@libipc/testing/outcome";
import { text } from "@libipc/testing/text";
import { turn } from "@libipc/testing/timing";
import { fill, fillers, rest } from "./fill.ts";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, type IpcError, Queue, Route } from "./under_test.ts";

const names = new Names("send_async");
const { prefix } = names;

afterAll(() => names.clear());

const codes = (results: PromiseSettledResult<unknown>[]) =>
	results.map((result) => (result.status === "rejected" ? (result.reason as IpcError).code : result.value));

describe("sending", () => {
	test("sendAsync resolves at once if there is room, with false if there is no receiver", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix });
		assert.equal(await sender.sendAsync("x"), false);
		using receiver = Channel.receiver(name, { prefix });
		assert.equal(await sender.sendAsync("a"), true);
		assert.equal(await sender.sendAsync(new Uint8Array()), true);
		assert.equal(await sender.sendAsync(new DataView(Uint8Array.of(1, 98).buffer, 1)), true);
		assert.equal(await sender.sendAsync("", { timeout: 0 }), true);
		assert.deepEqual(rest(receiver), ["a", "", "b", ""]);
	});

	test.each(["channel", "route", "queue"] as const)(
		"a full %s makes sendAsync wait, in order, until there is room",
		async (kind) => {
			const name = names.next();
			const factory = { route: Route, channel: Channel, queue: Queue }[kind];
			using receiver = factory.receiver(name, { prefix, capacity: 4096 });
			using sender = factory.sender(name, { prefix });
			const sent = fill(sender);
			const settled: string[] = [];
			const sending = ["a", "b", large(7, 100_000), "c"].map(async (message, i) => {
				if (kind === "queue" && typeof message !== "string") return;
				assert.equal(await sender.sendAsync(message), true);
				settled.push(String(i));
			});
			assert.equal(await isPending(Promise.race(sending.filter((_, i) => i !== 2))), true);
			assert.deepEqual(settled, []);
			const got: string[] = [];
			for (let i = 0; i < sent; i++) got.push(text(await receiver.recvAsync({ timeout: 10_000 })) ?? "nothing");
			assert.deepEqual(got, fillers(sent));
			assert.equal(text(await receiver.recvAsync()), "a");
			assert.equal(text(await receiver.recvAsync()), "b");
			if (kind !== "queue") assert.deepEqual(await receiver.recvAsync(), large(7, 100_000));
			assert.equal(text(await receiver.recvAsync()), "c");
			await Promise.all(sending);
			assert.deepEqual(settled, kind === "queue" ? ["0", "1", "3"] : ["0", "1", "2", "3"]);
			assert.equal(receiver.tryRecv(), null);
		},
	);

	test("when the first sendAsync gives up, the next one, for which there is room, is sent at once", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		while (sender.trySend(new Uint8Array(1000)));
		for (const giveUp of ["timeout", "abort"]) {
			const controller = new AbortController();
			const options = giveUp === "abort" ? { signal: controller.signal } : { timeout: 10 };
			const first = sender.sendAsync(new Uint8Array(1000), options).catch((reason) => reason);
			const next = sender.sendAsync("next", { timeout: 200 });
			if (giveUp === "abort") controller.abort("enough");
			assert.equal(await first, giveUp === "abort" ? "enough" : false);
			assert.equal(await next, true);
		}
		let last = "";
		for (const message of rest(receiver)) last = message;
		assert.equal(last, "next");
	});

	test("a message whose sendAsync gave up does not arrive, and the others keep their order", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		const sent = fill(sender);
		const controller = new AbortController();
		const sending = [
			sender.sendAsync("a"),
			sender.sendAsync("b", { timeout: 20 }),
			sender.sendAsync("c", { signal: controller.signal }),
			sender.sendAsync("d", { timeout: 600_000 }),
			sender.sendAsync("e", { timeout: 0 }),
		];
		assert.equal(await sending[4], false);
		assert.equal(await sending[1], false);
		controller.abort("enough");
		assert.equal(await rejection(sending[2] as Promise<boolean>), "enough");
		const got: string[] = [];
		while (got.length < sent + 2) got.push(text(await receiver.recvAsync({ timeout: 10_000 })) ?? "nothing");
		assert.deepEqual(got, [...fillers(sent), "a", "d"]);
		assert.deepEqual(await Promise.all([sending[0], sending[3]]), [true, true]);
		assert.equal(receiver.tryRecv(), null);
	});

	test("a string is copied when sendAsync is called", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		const sent = fill(sender);
		const sending = [sender.sendAsync("one"), sender.sendAsync("two"), sender.sendAsync("grün 🚀")];
		assert.equal(sender.trySend("three"), false);
		for (let i = 0; i < sent; i++) receiver.recv();
		assert.deepEqual(
			[text(await receiver.recvAsync()), text(await receiver.recvAsync()), text(await receiver.recvAsync())],
			["one", "two", "grün 🚀"],
		);
		assert.deepEqual(await Promise.all(sending), [true, true, true]);
	});

	test.each(["timeout", "signal", "close"] as const)(
		"a large message that is ended half-sent by %s does not arrive, and the next one is whole",
		async (how) => {
			const name = names.next();
			using receiver = Channel.receiver(name, { prefix, capacity: 16_384 });
			const sender = Channel.sender(name, { prefix });
			using other = Channel.sender(name, { prefix });
			const controller = new AbortController();
			const options = { timeout: { timeout: 30 }, signal: { signal: controller.signal }, close: {} }[how];
			// More than the ring takes: some of it is there, and the rest waits.
			const half = sender.sendAsync(large(1, 200_000), options);
			const after = how === "close" ? Promise.resolve(true) : sender.sendAsync(large(2, 150_000));
			assert.equal(await isPending(half), true);
			if (how === "signal") controller.abort("enough");
			if (how === "close") sender.close();
			assert.deepEqual(codes(await Promise.allSettled([half])), [
				{ timeout: false, signal: undefined, close: "ERR_IPC_CLOSED" }[how],
			]);
			const last = other.sendAsync("last");
			if (how !== "close") assert.deepEqual(await receiver.recvAsync({ timeout: 10_000 }), large(2, 150_000));
			const small = await receiver.recvAsync({ timeout: 10_000 });
			assert.equal(text(small), "last");
			assert.deepEqual(await Promise.all([after, last]), [true, true]);
			assert.equal(receiver.tryRecv(), null);
			sender.close();
		},
	);

	test("send and sendBatch do not wait behind a half-sent sendAsync, and do not damage it", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 16_384 });
		using sender = Channel.sender(name, { prefix });
		const half = sender.sendAsync(large(1, 100_000));
		assert.equal(await isPending(half), true);
		// The ring is full of its first part; a sender that never waits is refused.
		assert.equal(sender.trySend("small"), false);
		assert.equal(sender.trySend(large(2, 50_000)), false);
		assert.equal(sender.sendBatch(["x"], { timeout: 0 }), 0);
		assert.equal(receiver.tryRecv(), null);
		// Reading the part made room.
		assert.equal(sender.trySend("between"), true);
		assert.equal(sender.send(large(3, 50_000), { timeout: 20 }), false);
		assert.equal(text(await receiver.recvAsync({ timeout: 10_000 })), "between");
		assert.deepEqual(await receiver.recvAsync({ timeout: 10_000 }), large(1, 100_000));
		assert.equal(await half, true);
		assert.equal(sender.trySend("end"), true);
		assert.deepEqual(rest(receiver), ["end"]);
	});

	test.each([1000, 100_000])(
		"%d bytes that are transferred away during the wait reject the promise, and the process continues",
		async (length) => {
			const name = names.next();
			using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
			using sender = Channel.sender(name, { prefix });
			const sent = fill(sender);
			const bytes = new Uint8Array(length).fill(1);
			const shrinking = new Uint8Array(new ArrayBuffer(length, { maxByteLength: length }));
			const sending = Promise.allSettled([
				sender.sendAsync(bytes),
				sender.sendAsync(shrinking),
				sender.sendAsync("after"),
			]);
			assert.equal(text(receiver.recv()), "filler 0");
			// A part of the large one may go out before the rest is missing.
			for (let i = 1; i < sent; i++) assert.equal(text(receiver.recv()), `filler ${i}`);
			if (length > 4096) for (let turns = 0; turns < 5; turns++) await turn();
			bytes.buffer.transfer();
			shrinking.buffer.resize(1);
			assert.equal(text(await receiver.recvAsync({ timeout: 10_000 })), "after");
			assert.deepEqual(codes(await sending), ["ERR_IPC_INVALID_ARGUMENT", "ERR_IPC_INVALID_ARGUMENT", true]);
		},
	);

	test("close() and clear() reject waits to send", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		const sender = Channel.sender(name, { prefix });
		using second = Channel.sender(name, { prefix });
		fill(sender);
		const waits = Promise.allSettled([sender.sendAsync("a"), sender.sendAsync("b"), sender.receiversReady(9)]);
		const orphan = rejectionCode(second.sendAsync("c"));
		await turn();
		sender.close();
		// At once, not at the next poll.
		assert.equal(await isPending(waits), false);
		assert.deepEqual(codes(await waits), ["ERR_IPC_CLOSED", "ERR_IPC_CLOSED", "ERR_IPC_CLOSED"]);
		assert.equal(await rejectionCode(sender.sendAsync("x")), "ERR_IPC_CLOSED");
		assert.equal(await rejectionCode(sender.receiversReady(0)), "ERR_IPC_CLOSED");
		assert.throws(() => sender.peers(), { code: "ERR_IPC_CLOSED" });
		Channel.clear(name, { prefix });
		assert.equal(await orphan, "ERR_IPC_ORPHANED");
		assert.equal(receiver.closed, false);
	});

	test("the clones of a route's sender share one queue of waits, until the last of them is closed", async () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix, capacity: 4096 });
		const first = Route.sender(name, { prefix });
		const second = first.clone();
		const sent = fill(first);
		const sending = [first.sendAsync("a"), second.sendAsync("b"), first.sendAsync("c")];
		first.close();
		for (let i = 0; i < sent; i++) assert.equal(text(receiver.recv()), `filler ${i}`);
		assert.deepEqual(
			[text(await receiver.recvAsync()), text(await receiver.recvAsync()), text(await receiver.recvAsync())],
			["a", "b", "c"],
		);
		assert.deepEqual(await Promise.all(sending), [true, true, true]);
		second.close();
	});

	test("a wait for room ends when the last receiver leaves", async () => {
		const name = names.next();
		using keep = Channel.sender(name, { prefix, capacity: 4096 });
		const receiver = Channel.receiver(name, { prefix });
		fill(keep);
		const waiting = keep.sendAsync("x");
		assert.equal(await isPending(waiting), true);
		receiver.close();
		assert.equal(await waiting, false);
	});
});
