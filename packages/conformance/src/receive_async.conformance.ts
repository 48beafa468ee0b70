import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { isPending, rejection, rejectionCode } from "@libipc/testing/outcome";
import { text } from "@libipc/testing/text";
import { turn } from "@libipc/testing/timing";
import { rest } from "./fill.ts";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, type IpcError, Queue, type Receiver, Route } from "./under_test.ts";

const names = new Names("receive_async");
const { prefix } = names;

afterAll(() => names.clear());

const codes = (results: PromiseSettledResult<unknown>[]) =>
	results.map((result) => (result.status === "rejected" ? (result.reason as IpcError).code : result.value));

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

	test("a wait that the event loop had no time to serve gets what is there when its time is up", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const compute = (ms: number) => {
			for (const end = performance.now() + ms; performance.now() < end; );
		};
		sender.sendBatch(["a", "b", "c", "d"]);
		await turn(); // timers that are due come next
		const early = [receiver.recvAsync(), receiver.recvAsync()];
		compute(20);
		// No time is left for these two in this turn of the event loop, and their own time is up before the next one.
		const late = [receiver.recvAsync({ timeout: 1 }), receiver.recvAsync({ timeout: 1 })];
		compute(20);
		assert.deepEqual((await Promise.all([...early, ...late])).map(text), ["a", "b", "c", "d"]);
		assert.equal(receiver.tryRecv(), null);
	});

	test("several waits get messages in their order, without those that were given up", async () => {
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

	test("a wait with a timeout of 0 does not wait, and takes nothing from an earlier wait", async () => {
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

	test("a timeout ends the wait, not too early; a later message stays", async () => {
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

	test("for await gets all messages in order, and a break loses none", async () => {
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

	test("close() ends an iteration, and rejects waits", async () => {
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

	test("an iterator that ends while it waits takes no further message", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const iterator = receiver.messages();
		const waiting = iterator.next();
		await turn();
		await iterator.return?.();
		sender.send("for others");
		assert.deepEqual(await waiting, { value: undefined, done: true });
		assert.equal(text(await receiver.recvAsync({ timeout: 20_000 })), "for others");
	});

	test("an aborted iteration throws the reason, and later messages stay", async () => {
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

	test("a signal that is aborted before the wait, during it and too late", async () => {
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

		// The message has come, but its wait has not been settled yet: the message stays for the next wait.
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

	test("clear() ends waits with ERR_IPC_ORPHANED, after the messages that were sent before", async () => {
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
	});

	test("recvAsync in a drain handler of the same receiver rejects", async () => {
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
