import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { assertLike } from "@libipc/testing/assert_like";
import { readPattern } from "@libipc/testing/pattern";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Peer } from "./peer.ts";
import { isPending, rejection, rejectionCode, text } from "./text.ts";
import { Channel, type IpcError, Queue, type Receiver, Route, type Sender } from "./under_test.ts";

const names = new Names("async");
const { prefix } = names;

afterAll(() => names.clear());

const codes = (results: PromiseSettledResult<unknown>[]) =>
	results.map((result) => (result.status === "rejected" ? (result.reason as IpcError).code : result.value));

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Fills the ring with numbers from 0 and answers how many fitted. */
function fill(sender: Sender): number {
	let sent = 0;
	while (sender.trySend(`filler ${sent}`)) sent++;
	return sent;
}

/** All that is there, as text. */
function rest(receiver: Receiver): string[] {
	const messages: string[] = [];
	for (let message = receiver.tryRecv(); message; message = receiver.tryRecv()) messages.push(text(message));
	return messages;
}

const fillers = (count: number) => Array.from({ length: count }, (_, i) => `filler ${i}`);

/** Bytes that can only be those of message `seed`. */
function large(seed: number, byteLength: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(byteLength);
	const words = new Uint32Array(bytes.buffer, 0, byteLength >>> 2);
	for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) ^ seed;
	return bytes;
}

describe.each([
	["route", Route],
	["channel", Channel],
	["queue", Queue],
] as const)("receiving from a %s", (_, factory) => {
	test("recvAsync gets what is there, then waits for what comes", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.sendBatch(["a", ""]);
		assert.equal(text(await receiver.recvAsync()), "a");
		assert.equal(text(await receiver.recvAsync()), "");
		for (let i = 0; i < 50; i++) {
			const promise = receiver.recvAsync();
			assert.equal(await isPending(promise), true);
			sender.send(`b${i}`);
			assert.equal(text(await promise), `b${i}`);
		}
		assert.equal(receiver.tryRecv(), null);
	});

	test("several at once are served in their order, without those that gave up", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const controller = new AbortController();
		const order: string[] = [];
		const wait = async (who: string, options?: Parameters<Receiver["recvAsync"]>[0]) => {
			try {
				order.push(`${who} ${text(await receiver.recvAsync(options))}`);
			} catch (reason) {
				order.push(`${who} ${reason}`);
			}
		};
		const waits = [
			wait("1"),
			wait("2", { signal: controller.signal }),
			wait("3", { timeout: 1 }),
			wait("4", { timeout: 600_000 }),
			wait("5"),
		];
		await waits[2];
		controller.abort("aborted");
		await waits[1];
		assert.deepEqual(order, ["3 null", "2 aborted"]);
		sender.sendBatch(["a", "b"]);
		await waits[3];
		assert.deepEqual(order, ["3 null", "2 aborted", "1 a", "4 b"]);
		sender.sendBatch(["c", "d"]);
		await waits[4];
		assert.equal(order.at(-1), "5 c");
		assert.deepEqual(rest(receiver), ["d"]);
	});

	test("those who wait at a timeout of 0 do not, and take nothing from who came before", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		assert.equal(await receiver.recvAsync({ timeout: 0 }), null);
		const first = receiver.recvAsync();
		sender.sendBatch(["a", "b"]);
		assert.equal(await receiver.recvAsync({ timeout: 0 }), null);
		assert.equal(text(await first), "a");
		assert.equal(text(await receiver.recvAsync({ timeout: 0 })), "b");
	});

	test("a timeout ends the wait, not before its time; what comes after it stays", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const started = performance.now();
		assert.equal(await receiver.recvAsync({ timeout: 50 }), null);
		assert.ok(performance.now() - started >= 48);
		sender.send("late");
		await turn();
		assert.equal(text(receiver.tryRecv()), "late");
	});

	test("for await gets all in order, and breaking off loses nothing", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.sendBatch(["0", "1", "2", "3", "4"]);
		const seen: string[] = [];
		for await (const message of receiver) {
			seen.push(text(message));
			if (seen.length === 2) break;
		}
		assert.equal(text(receiver.recv()), "2");
		for await (const message of receiver.messages()) {
			seen.push(text(message));
			break;
		}
		assert.deepEqual(seen, ["0", "1", "3"]);
		// Broken off by an exception, too.
		const failing = async () => {
			for await (const message of receiver) throw new Error(text(message));
		};
		assert.equal(String(await rejection(failing())), "Error: 4");
		const waiting = receiver.recvAsync();
		assert.equal(await isPending(waiting), true);
		sender.send("5");
		assert.equal(text(await waiting), "5");
	});

	test("closing ends iteration, and rejects who waits", async () => {
		const name = names.next();
		const receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const seen: string[] = [];
		const iterated = (async () => {
			for await (const message of receiver) seen.push(text(message));
			return "ended";
		})();
		sender.send("x");
		const waits = Promise.allSettled([receiver.recvAsync(), receiver.recvAsync({ timeout: 600_000 })]);
		while (seen.length === 0) await turn();
		assert.equal(await isPending(iterated), true);
		receiver.close();
		assert.equal(await iterated, "ended");
		assert.deepEqual(codes(await waits), ["ERR_IPC_CLOSED", "ERR_IPC_CLOSED"]);
		assert.deepEqual(seen, ["x"]);
		assert.equal(await rejectionCode(receiver.recvAsync()), "ERR_IPC_CLOSED");
		assert.throws(() => receiver.messages(), { code: "ERR_IPC_CLOSED" });
	});

	test("an iterator that has ended stays ended", async () => {
		const name = names.next();
		const receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.sendBatch(["a", "b"]);
		const iterator = receiver.messages();
		assert.equal(iterator[Symbol.asyncIterator](), iterator);
		assert.deepEqual(await iterator.next(), { done: false, value: Uint8Array.of(97) });
		assert.deepEqual(await iterator.return?.(), { done: true, value: undefined });
		assert.deepEqual(await iterator.next(), { done: true, value: undefined });
		assert.equal(text(receiver.tryRecv()), "b");
		const other = receiver.messages();
		receiver.close();
		assert.deepEqual(await other.next(), { done: true, value: undefined });
	});

	test("an iterator that ends while it waits takes nothing more", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const iterator = receiver.messages();
		const waiting = iterator.next();
		await turn();
		await iterator.return?.();
		sender.send("for others");
		assert.deepEqual(await waiting, { value: undefined, done: true });
		assert.equal(text(await receiver.recvAsync({ timeout: 1000 })), "for others");
	});

	test("an aborted iteration throws the reason, and what comes later stays", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const controller = new AbortController();
		const seen: string[] = [];
		const reason = { because: "of the test" };
		const iterated = (async () => {
			for await (const message of receiver.messages({ signal: controller.signal })) seen.push(text(message));
		})();
		sender.sendBatch(["a", "b"]);
		while (seen.length < 2) await turn();
		controller.abort(reason);
		assert.equal(await rejection(iterated), reason);
		sender.send("c");
		await turn();
		assert.deepEqual(seen, ["a", "b"]);
		assert.equal(text(receiver.tryRecv()), "c");
	});

	test("a signal: aborted before, while waiting, and too late", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const reason = new Error("not any more");
		sender.send("stays");
		assert.equal(await rejection(receiver.recvAsync({ signal: AbortSignal.abort(reason) })), reason);
		assert.deepEqual(rest(receiver), ["stays"]);

		let controller = new AbortController();
		let waiting = receiver.recvAsync({ signal: controller.signal });
		assert.equal(await isPending(waiting), true);
		controller.abort(reason);
		assert.equal(await rejection(waiting), reason);

		// It has come, but the one who waits has not been told yet: it stays for the next.
		controller = new AbortController();
		waiting = receiver.recvAsync({ signal: controller.signal });
		sender.send("unseen");
		controller.abort(reason);
		assert.equal(await rejection(waiting), reason);
		assert.deepEqual(rest(receiver), ["unseen"]);

		controller = new AbortController();
		waiting = receiver.recvAsync({ signal: controller.signal });
		sender.send("seen");
		assert.equal(text(await waiting), "seen");
		controller.abort(reason);
		await turn();

		const timed = receiver.recvAsync({ signal: AbortSignal.timeout(5) });
		assertLike(await rejection(timed), { name: "TimeoutError" });
	});

	test("clear orphans who waits, after what had been sent", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix, capacity: 1 << 20 });
		const seen: string[] = [];
		const iterated = (async () => {
			for await (const message of receiver) seen.push(text(message));
		})();
		const readiness = sender.receiversReady(5);
		assert.equal(await isPending(iterated), true);
		sender.send("kept");
		factory.clear(name, { prefix });
		const started = performance.now();
		assert.deepEqual(codes(await Promise.allSettled([iterated, readiness])), ["ERR_IPC_ORPHANED", "ERR_IPC_ORPHANED"]);
		assert.ok(performance.now() - started < 10_000);
		assert.deepEqual(seen, ["kept"]);
		assert.equal(await rejectionCode(receiver.recvAsync()), "ERR_IPC_ORPHANED");
		assert.equal(await rejectionCode(sender.sendAsync("x")), "ERR_IPC_ORPHANED");
	}, 20_000);

	test("a receiver that is in use by its drain handler says so asynchronously", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		sender.sendBatch(["first", "a", "b"]);
		// The event loop is busy, so that nothing is tried at once.
		const busy = performance.now();
		assert.notEqual(await receiver.recvAsync(), null);
		while (performance.now() - busy < 6);
		let inside: Promise<unknown> | undefined;
		receiver.drain(
			() => {
				inside = rejectionCode(receiver.recvAsync());
			},
			{ max: 1 },
		);
		assert.equal(await inside, "ERR_IPC_REENTRANT");
		assert.equal(text(await receiver.recvAsync()), "b");
	});
});

describe("sending", () => {
	test("sendAsync answers at once if there is room, false if there is nobody", async () => {
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

	test("who was first gives up: the next one, for which there is room, goes at once", async () => {
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

	test("who gives up is absent, and the others keep their order", async () => {
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

	test("a string is copied when it is given", async () => {
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
		"a large message that ends half-sent by %s is absent, the next is whole",
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
		20_000,
	);

	test("send and sendBatch do not queue behind a half-sent sendAsync, nor spoil it", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 16_384 });
		using sender = Channel.sender(name, { prefix });
		const half = sender.sendAsync(large(1, 100_000));
		assert.equal(await isPending(half), true);
		// The ring is full of its first part; a sender that never waits is told so.
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
	}, 20_000);

	test.each([1000, 100_000])(
		"%d bytes that are transferred away while they wait fail the promise, not the process",
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
		20_000,
	);

	test("closing and clearing reject who waits to send", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		const sender = Channel.sender(name, { prefix });
		using second = Channel.sender(name, { prefix });
		fill(sender);
		const waits = Promise.allSettled([sender.sendAsync("a"), sender.sendAsync("b"), sender.receiversReady(9)]);
		const orphan = rejectionCode(second.sendAsync("c"));
		await turn();
		sender.close();
		// At once, not when they next look around.
		assert.equal(await isPending(waits), false);
		assert.deepEqual(codes(await waits), ["ERR_IPC_CLOSED", "ERR_IPC_CLOSED", "ERR_IPC_CLOSED"]);
		assert.equal(await rejectionCode(sender.sendAsync("x")), "ERR_IPC_CLOSED");
		assert.equal(await rejectionCode(sender.receiversReady(0)), "ERR_IPC_CLOSED");
		assert.throws(() => sender.peers(), { code: "ERR_IPC_CLOSED" });
		Channel.clear(name, { prefix });
		assert.equal(await orphan, "ERR_IPC_ORPHANED");
		assert.equal(receiver.closed, false);
	}, 20_000);

	test("a route's clones share one line; it goes on until the last of them is closed", async () => {
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

	test("the receivers' leaving ends a wait for room", async () => {
		const name = names.next();
		using keep = Channel.sender(name, { prefix, capacity: 4096 });
		const receiver = Channel.receiver(name, { prefix });
		fill(keep);
		const waiting = keep.sendAsync("x");
		assert.equal(await isPending(waiting), true);
		receiver.close();
		assert.equal(await waiting, false);
	}, 20_000);
});

describe("receiversReady", () => {
	test("answers true as soon as there are enough, false in time", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, maxReceivers: 3 });
		assert.equal(await sender.receiversReady(0), true);
		assert.equal(await sender.receiversReady(1, { timeout: 0 }), false);
		assert.equal(await sender.receiversReady(1, { timeout: 20 }), false);
		const two = sender.receiversReady(2);
		const controller = new AbortController();
		const three = sender.receiversReady(3, { signal: controller.signal });
		using first = Channel.receiver(name, { prefix });
		assert.equal(await isPending(two), true);
		using second = Channel.receiver(name, { prefix });
		assert.equal(await two, true);
		assert.deepEqual([first.closed, second.closed, await isPending(three)], [false, false, true]);
		controller.abort("enough");
		assert.equal(await rejection(three), "enough");
		assert.equal(await rejectionCode(sender.receiversReady(4)), "ERR_IPC_INVALID_ARGUMENT");
	});

	test("who waits for more does not hold up who waits for fewer, nor who watches", async () => {
		const name = names.next();
		const told: string[] = [];
		using sender = Channel.sender(name, { prefix, onPeer: ({ type, role }) => told.push(`${type} ${role}`) });
		const many = sender.receiversReady(50);
		const one = sender.receiversReady(1);
		const events = sender.peers();
		const next = events.next();
		assert.equal(await isPending(Promise.race([many, one, next])), true);
		using receiver = Channel.receiver(name, { prefix });
		// Sooner than the endpoints look around by themselves.
		const late = sleep(500).then(() => "late");
		assert.equal(await Promise.race([one, late]), true);
		assertLike(await Promise.race([next, late]), { value: { type: "joined", role: "receiver" } });
		await turn();
		assert.deepEqual(told, ["joined receiver"]);
		assert.equal(await isPending(many), true);
		sender.close();
		assert.equal(await rejectionCode(many), "ERR_IPC_CLOSED");
		assert.equal(receiver.closed, false);
	}, 20_000);
});

describe("bad arguments", () => {
	const bad = <Value>(value: unknown) => value as Value;

	test("reject, and never throw", async () => {
		const name = names.next();
		using receiver = Queue.receiver(name, { prefix });
		using sender = Queue.sender(name, { prefix });
		const calls: (() => Promise<unknown>)[] = [
			...[-1, Number.NaN, "1", null, 1n, {}, -0.5].flatMap((timeout) => [
				() => receiver.recvAsync(bad({ timeout })),
				() => receiver.takeAsync(bad({ timeout })),
				() => sender.sendAsync("x", bad({ timeout })),
				() => sender.receiversReady(1, bad({ timeout })),
			]),
			...[null, {}, "signal", new EventTarget(), new AbortController(), true].flatMap((signal) => [
				() => receiver.recvAsync(bad({ signal })),
				() => receiver.takeAsync(bad({ signal })),
				() => sender.sendAsync("x", bad({ signal })),
				() => sender.receiversReady(1, bad({ signal })),
				() => (async () => receiver.messages(bad({ signal })))(),
				() => (async () => receiver.leases(bad({ signal })))(),
				() => (async () => receiver.peers(bad({ signal })))(),
				() => (async () => sender.peers(bad({ signal })))(),
			]),
			...[null, 5, "options", true].flatMap((options) => [
				() => receiver.recvAsync(bad(options)),
				() => receiver.takeAsync(bad(options)),
				() => sender.sendAsync("x", bad(options)),
				() => sender.receiversReady(1, bad(options)),
				() => (async () => receiver.messages(bad(options)))(),
				() => (async () => sender.peers(bad(options)))(),
			]),
			...[undefined, null, 1, {}, [1]].map((message) => () => sender.sendAsync(bad(message))),
			...[undefined, -1, 1.5, "1", 5000].map((count) => () => sender.receiversReady(bad(count))),
		];
		for (const call of calls) {
			// Would throw here if the call threw.
			const promise = call();
			assert.ok(promise instanceof Promise);
			assert.equal(`${call}: ${await rejectionCode(promise)}`, `${call}: ERR_IPC_INVALID_ARGUMENT`);
		}
		assert.equal(await rejectionCode(sender.sendAsync(new Uint8Array(1 << 20))), "ERR_IPC_MESSAGE_TOO_LARGE");
		assert.equal(receiver.tryRecv(), null);
	});
});

describe("fairness to the event loop", () => {
	test("a flood from another thread leaves timers, immediates and a server their turns", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		const server = createServer((_, response) => void response.end("still here"));
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const { port } = server.address() as AddressInfo;
		await using child = new Peer("sender", ["channel", prefix, name, 3, 1e9, 64, 1]);
		assert.equal(await child.line(), "ready");
		let ticks = 0;
		const interval = setInterval(() => ticks++, 5);
		let received = 0;
		let fetched = 0;
		const fetching = (async () => {
			for (; fetched < 20; fetched++) {
				const response = await fetch(`http://127.0.0.1:${port}/`);
				assert.equal(await response.text(), "still here");
			}
		})();
		const started = performance.now();
		for await (const message of receiver) {
			assert.deepEqual(readPattern(message, 64), { sender: 3, sequence: received++ });
			if ((fetched === 20 && ticks >= 20) || performance.now() - started > 20_000) break;
		}
		clearInterval(interval);
		await child.kill();
		assert.deepEqual({ fetched, ticks: Math.min(ticks, 20) }, { fetched: 20, ticks: 20 });
		await fetching;
		server.close();
		assert.ok(received > 1000);
	}, 40_000);

	test("two receivers under a flood each get all of it", async () => {
		const name = names.next();
		using first = Channel.receiver(name, { prefix, capacity: 65_536 });
		using second = Channel.receiver(name, { prefix });
		await using child = new Peer("sender", ["channel", prefix, name, 1, 30_000, 64, 2]);
		assert.equal(await child.line(), "ready");
		const read = async (receiver: Receiver) => {
			let next = 0;
			for await (const message of receiver) {
				const { sequence } = readPattern(message, 64);
				if (sequence !== next) throw new Error(`${sequence} came instead of ${next}`);
				if (++next === 30_000) break;
			}
			return next;
		};
		assert.deepEqual(await Promise.all([read(first), read(second)]), [30_000, 30_000]);
		assert.deepEqual([first.tryRecv(), second.tryRecv()], [null, null]);
	}, 40_000);

	test("ref and unref do not delay what has come", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		const count = 3000;
		const started = performance.now();
		const reading = (async () => {
			let next = 0;
			for await (const message of receiver) {
				assert.equal(text(message), `m${next}`);
				// Uses up the turn, so that the wait that follows is put off to the next one.
				if (next % 100 === 0) {
					const begun = performance.now();
					while (performance.now() - begun < 6);
					setImmediate(() => receiver.unref().ref());
					queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => receiver.unref().ref())));
				}
				if (++next === count) break;
			}
		})();
		for (let i = 0; i < count; i++) sender.send(`m${i}`);
		await reading;
		// 30 turns used up: 0.2 s of work; each delay by looking around would add 0.7 s.
		assert.ok(performance.now() - started < 5000);
	}, 40_000);
});

describe("between threads", () => {
	test("each wakes the other, asynchronously on both sides", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix });
		using receiver = Channel.receiver(`${name}.back`, { prefix });
		await using child = new Peer("async", ["echoes", prefix, name]);
		assert.equal(await child.line(), '"ready"');
		assert.equal(await sender.receiversReady(1), true);
		const started = performance.now();
		for (let i = 0; i < 500; i++) {
			assert.equal(await sender.sendAsync(`ping ${i}`), true);
			assert.equal(text(await receiver.recvAsync({ timeout: 10_000 })), `ping ${i}`);
		}
		// If it took a look around to notice, each would take 0.7 s.
		assert.ok(performance.now() - started < 10_000);
		await sender.sendAsync("end");
		assert.deepEqual(await child.report<object>(), { unhandled: [] });
		assert.equal(await child.exited, 0);
		Channel.clear(`${name}.back`, { prefix });
	}, 30_000);

	test("a wait aborted at the moment a message comes loses nothing", async () => {
		const name = names.next();
		const count = 1500;
		using sender = Channel.sender(name, { prefix });
		await using child = new Peer("async", ["aborts", prefix, name, count]);
		assert.equal(await child.line(), '"ready"');
		for (let i = 0; i < count; i++) {
			const started = performance.now();
			while (performance.now() - started < (i % 7) / 20);
			assert.equal(sender.send(String(i), { timeout: 10_000 }), true);
		}
		const report = await child.report<{ next: number; aborted: number; unhandled: string[]; rest: string | null }>();
		assertLike(report, { next: count, rest: null, unhandled: [] });
		// How many depends on who gets a processor; that there were some shows that the test tests.
		assert.ok(report.aborted > 0);
		assert.equal(await child.exited, 0);
	}, 40_000);

	test("a loan left behind right after the last look is passed over within a second", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using idle = Channel.receiver(names.next(), { prefix });
		await using child = new Peer("lender", ["channel", prefix, name]);
		assert.equal(await child.line(), "lent");
		assert.equal(text(receiver.recv()), "before");
		using sender = Channel.sender(name, { prefix });
		sender.send("after");
		// The first wait begins the looking around of all.
		const first = idle.recvAsync({ timeout: 2000 });
		await sleep(430);
		const waiting = receiver.recvAsync();
		const killed = performance.now();
		await child.kill();
		assert.equal(text(await waiting), "after");
		assert.ok(performance.now() - killed < 1000);
		assert.equal(await first, null);
	}, 30_000);

	test("what a killed sender had sent still comes", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		const waiting = receiver.recvAsync({ timeout: 20_000 });
		await using child = new Peer("async", ["sends and dies", prefix, name]);
		assert.equal(text(await waiting), "last words");
		await child.exited;
		assert.equal(await receiver.recvAsync({ timeout: 0 }), null);
	}, 30_000);

	test.each([
		["by a wait without end", undefined],
		["by short waits", 100],
	] as const)(
		"the loan of a killed lender is passed over, %s",
		async (_, timeout) => {
			const name = names.next();
			using receiver = Channel.receiver(name, { prefix });
			await using child = new Peer("lender", ["channel", prefix, name]);
			assert.equal(await child.line(), "lent");
			assert.equal(text(await receiver.recvAsync()), "before");
			using sender = Channel.sender(name, { prefix });
			sender.send("after");
			let message: Promise<Uint8Array | null> = receiver.recvAsync({ timeout });
			assert.equal(await isPending(message), true);
			await child.kill();
			const killed = performance.now();
			let got = await message;
			while (got === null && performance.now() - killed < 10_000) {
				message = receiver.recvAsync({ timeout });
				got = await message;
			}
			assert.equal(text(got), "after");
			assert.ok(performance.now() - killed < 1500);
		},
		30_000,
	);

	test("a sender that waits for room goes on within 1.5 s when the receiver it waits for is killed", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		using alive = Channel.receiver(name, { prefix });
		await using child = new Peer("holder", ["channel", "receiver", prefix, name]);
		assert.equal(await child.line(), "ready");
		const sent = fill(sender);
		const waiting = sender.sendAsync("after");
		assert.deepEqual(rest(alive), fillers(sent));
		assert.equal(await isPending(waiting), true);
		await child.kill();
		const killed = performance.now();
		assert.equal(await waiting, true);
		assert.ok(performance.now() - killed < 1500);
		assert.deepEqual(rest(alive), ["after"]);
	}, 30_000);
});

describe("what keeps a process alive", () => {
	const run = (program: string, name: string, argument: string | number = "") =>
		new Peer("async", [program, prefix, name, argument]);

	test.each(["waits", "unref, waits, ref"])(
		"a receiver that waits does (%s)",
		async (program) => {
			const name = names.next();
			using sender = Channel.sender(name, { prefix });
			await using child = run(program, name);
			assert.equal(await child.line(), '"waiting"');
			assert.equal(await Promise.race([child.exited, sleep(300)]), undefined);
			assert.equal(await sender.sendAsync("hello"), true);
			assert.equal(await child.line(), '"hello"');
			// And then it has nothing to wait for.
			assert.equal(await child.exited, 0);
		},
		20_000,
	);

	test("a sender that waits for room does", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		await using child = run("sends to a full ring", name);
		assert.equal(await child.line(), '"waiting"');
		assert.equal(await Promise.race([child.exited, sleep(300)]), undefined);
		let last = "";
		while (last !== "last") last = text(await receiver.recvAsync({ timeout: 10_000 })) ?? "nothing came";
		assert.equal(await child.line(), "true");
		assert.equal(await child.exited, 0);
	}, 20_000);

	test.each([
		["waits, unref", '"waiting"'],
		["unref, waits", '"waiting"'],
		["waits with a timeout, unref", '"waiting"'],
		["waited, aborted", '"enough"'],
		["waited, got it", '"it"'],
		["opens only", '"open"'],
	])(
		"nothing else does (%s)",
		async (program, line) => {
			await using child = run(program, names.next());
			assert.equal(await child.line(), line);
			assert.equal(await child.exited, 0);
		},
		10_000,
	);
});
