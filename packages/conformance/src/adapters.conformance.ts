/** What reads and writes endpoints in other forms: handlers, one iteration over several receivers, streams. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isPending, rejection, rejectionCode } from "@libipc/testing/outcome";
import { text } from "@libipc/testing/text";
import { turn } from "@libipc/testing/timing";
import { json, text as textCodec } from "libipc/codecs";
import { nodeReadable, nodeWritable, readableStream, writableStream } from "libipc/streams";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, type IpcError, listen, merge, Queue, Route } from "./under_test.ts";

const names = new Names("adapters");
const { prefix } = names;
const numbers = { prefix, codec: json<number>() };
const options = { prefix, capacity: 4096 };

afterAll(() => names.clear());

/** A channel of numbers: both ends. */
function pair() {
	const receiver = Channel.receiver(names.next(), { ...numbers, capacity: 4096 });
	return { receiver, sender: Channel.sender(receiver.name, numbers) };
}

/** Waits until something is so. */
async function until(isSo: () => boolean): Promise<void> {
	while (!isSo()) await turn();
}

describe.each([
	["route", Route],
	["channel", Channel],
	["queue", Queue],
] as const)("listen, on a %s", (_, factory) => {
	test("calls the handler with bytes, waits for its promise, and leaves the rest when it stops", async () => {
		using receiver = factory.receiver(names.next(), options);
		using sender = factory.sender(receiver.name, options);
		sender.sendBatch(["a", "b", "c", "d"]);
		const got: string[] = [];
		let running = 0;
		const listening = listen(receiver, async (message) => {
			assert.equal(++running, 1);
			got.push(text(message));
			await turn();
			running--;
			if (got.length === 2) listening.stop();
		});
		await listening.ended;
		assert.equal(running, 0);
		assert.deepEqual(got, ["a", "b"]);
		assert.equal(text(receiver.tryRecv()), "c");
		assert.equal(text(receiver.tryRecv()), "d");
	});
});

describe("listen", () => {
	test("gets null as a value, waits for what comes, and ends when the receiver is closed", async () => {
		using receiver = Channel.receiver(names.next(), { prefix, codec: json<number | null>() });
		using sender = Channel.sender(receiver.name, { prefix, codec: json<number | null>() });
		const got: (number | null)[] = [];
		const { ended } = listen(receiver, (value) => {
			got.push(value);
		});
		for (const value of [null, 0, 1]) {
			sender.send(value);
			await until(() => got.at(-1) === value);
		}
		receiver.close();
		await ended;
		assert.deepEqual(got, [null, 0, 1]);
	});

	test("takes nothing after it was stopped: by a call, a signal, or the end of a block", async () => {
		const { receiver, sender } = pair();
		const controller = new AbortController();
		const none = () => assert.fail("it was stopped");
		const stopped = listen(receiver, none, { signal: controller.signal });
		assert.equal(await isPending(stopped.ended), true);
		sender.send(1);
		controller.abort();
		await stopped.ended;
		await listen(receiver, none, { signal: controller.signal }).ended;
		{
			await using _ = listen(receiver, none);
		}
		assert.equal(receiver.tryRecv(), 1);
		receiver.close();
		sender.close();
	});

	test("loses no error of a handler", async () => {
		const { receiver, sender } = pair();
		sender.sendBatch([1, 2, 3, 4]);
		const failed = new Error("the handler failed");
		const throws = () => {
			throw failed;
		};
		assert.equal(await rejection(listen(receiver, throws).ended), failed);
		assert.equal(await rejection(listen(receiver, async () => throws()).ended), failed);
		assert.equal(receiver.tryRecv(), 3);
		const reported: unknown[] = [];
		const { ended } = listen(receiver, async () => throws(), {
			onError(error, value) {
				reported.push(error, value);
				receiver.close();
			},
		});
		await ended;
		assert.deepEqual(reported, [failed, 4]);
		sender.close();
	});

	test("goes on after an invalid message if there is onError", async () => {
		const { receiver, sender } = pair();
		const bytes = Channel.sender(receiver.name, { prefix });
		bytes.send("{");
		sender.send(1);
		bytes.send("{");
		const reported: unknown[] = [];
		const got: number[] = [];
		const listening = listen(
			receiver,
			(value) => {
				got.push(value);
				listening.stop();
			},
			{ onError: (error, value) => reported.push((error as IpcError).code, value) },
		);
		await listening.ended;
		assert.deepEqual([reported, got], [["ERR_IPC_INVALID_MESSAGE", undefined], [1]]);
		assert.equal(await rejectionCode(listen(receiver, () => {}).ended), "ERR_IPC_INVALID_MESSAGE");
		for (const each of [receiver, sender, bytes]) each.close();
	});

	test("gives leases of a queue, and puts back what its handler failed at", async () => {
		using receiver = Queue.receiver(names.next(), numbers);
		using sender = Queue.sender(receiver.name, numbers);
		sender.sendBatch([1, 2]);
		const attempts: string[] = [];
		const listening = listen(
			receiver,
			(lease) => {
				attempts.push(`${lease.value}: ${lease.attempt}`);
				if (attempts.length === 1) throw new Error("this attempt failed");
				lease.done();
				if (attempts.length === 3) listening.stop();
			},
			{ leases: true, onError: () => {} },
		);
		await listening.ended;
		assert.deepEqual(attempts.sort(), ["1: 1", "1: 2", "2: 1"]);
		assert.equal(receiver.tryTake(), null);
		// At once, although the program keeps the lease.
		sender.send(3);
		const kept: unknown[] = [];
		const stopped = listen(
			receiver,
			(lease) => {
				kept.push(lease);
				stopped.stop();
				throw new Error("this attempt failed, too");
			},
			{ leases: true, onError: () => {} },
		);
		await stopped.ended;
		using again = receiver.tryTake() ?? assert.fail("it was not put back");
		assert.deepEqual([again.value, again.attempt, kept.length], [3, 2, 1]);
		again.done();
	});

	test("and merge leave nothing with the signal that they were given", async () => {
		const waits = new Set<() => void>();
		const signal = {
			[Symbol.toStringTag]: "AbortSignal",
			aborted: false,
			reason: undefined,
			addEventListener: (_: string, listener: () => void) => waits.add(listener),
			removeEventListener: (_: string, listener: () => void) => waits.delete(listener),
		} as unknown as AbortSignal;
		const { receiver, sender } = pair();
		const listening = listen(receiver, () => {}, { signal });
		const merged = merge(receiver, { signal });
		assert.equal(waits.size, 1); // they share a listener
		listening.stop();
		await listening.ended;
		assert.equal(waits.size, 1);
		await merged.return?.();
		assert.equal(waits.size, 0);
		const ending = merge(receiver, { signal }).next();
		receiver.close();
		assert.equal((await ending).done, true);
		assert.equal(waits.size, 0);
		sender.close();
	});

	test("refuses what it cannot use", () => {
		using receiver = Channel.receiver(names.next(), { prefix });
		const refused = (call: () => unknown) => assert.throws(call, { code: "ERR_IPC_INVALID_ARGUMENT" });
		refused(() => listen({} as never, () => {}));
		refused(() => listen(receiver, 5 as never));
		refused(() => listen(receiver, () => {}, { onEror: () => {} } as never));
		refused(() => listen(receiver as never, () => {}, { leases: true }));
		refused(() => merge(receiver, 5 as never));
		refused(() => merge(receiver, { timeout: 1 } as never));
		refused(() => readableStream({} as never));
		refused(() => nodeReadable(receiver, { objectMode: true } as never));
		refused(() => nodeWritable(receiver as never));
		// The messages of a queue would be removed, instead of leased.
		using jobs = Queue.receiver(names.next(), { prefix });
		refused(() => listen(jobs, () => {}, { leases: 1 } as never));
		using sender = Channel.sender(receiver.name, { prefix });
		for (const options of [{ close: "yes" }, { highWaterMark: -1 }, { highWaterMark: 0.5 }, { highWaterMark: "1" }])
			for (const stream of [
				() => readableStream(receiver, options as never),
				() => nodeReadable(receiver, options as never),
				() => writableStream(sender, options as never),
				() => nodeWritable(sender, options as never),
			])
				refused(stream);
		assert.ok(nodeReadable(receiver, { highWaterMark: Infinity }).readableHighWaterMark > 2 ** 32);
	});
});

describe("merge", () => {
	test("puts back a lease that came before its turn, when the loop is left", async () => {
		const { receiver, sender } = pair();
		let come = (_: IteratorResult<Disposable>): void => {};
		let putBack = 0;
		const leases: AsyncIterable<Disposable> = {
			[Symbol.asyncIterator]: () => ({
				next: () =>
					new Promise((resolve) => {
						come = resolve;
					}),
			}),
		};
		const merged = merge(leases, receiver);
		const next = merged.next();
		sender.send(1);
		assert.equal((await next).value?.message, 1);
		come({ value: { [Symbol.dispose]: () => void putBack++ }, done: false });
		await turn();
		assert.equal(putBack, 0);
		await merged.return?.();
		assert.equal(putBack, 1);
		receiver.close();
		sender.close();
	});

	test("gives each source its turn, and ends when all were closed", async () => {
		const busy = pair();
		const other = pair();
		busy.sender.sendBatch(Array.from({ length: 60 }, (_, i) => i));
		other.sender.sendBatch([100, 101, 102]);
		const order: number[] = [];
		for await (const { index, from, message } of merge(busy.receiver, other.receiver)) {
			assert.equal(from, [busy, other][index]?.receiver);
			order.push(message);
			if (order.length === 40) busy.sender.send(60); // goes behind what is in the ring
			if (order.length === 64) for (const { receiver } of [busy, other]) receiver.close();
		}
		assert.deepEqual(
			order.filter((value) => value < 100),
			Array.from({ length: 61 }, (_, i) => i),
		);
		assert.ok(order.indexOf(102) < 10, `the busy source held up the other: ${order}`);
		for (const { sender } of [busy, other]) sender.close();
	});

	test("loses nothing when the loop is left, and waits for whichever comes", async () => {
		const pairs = [pair(), pair(), pair()] as const;
		const receivers = pairs.map(({ receiver }) => receiver);
		for (let round = 0; round < 20; round++) {
			for (const { sender } of pairs) sender.send(round);
			let got = 0;
			for await (const { message } of merge(...receivers)) {
				assert.equal(message, round);
				if (++got === 1 + (round % 3)) break;
			}
			const left = receivers.map((receiver) => receiver.tryRecv()).filter((value) => value === round);
			assert.equal(got + left.length, 3);
		}
		const merged = merge(...receivers);
		for (const { sender } of pairs) {
			const next = merged.next();
			assert.equal(await isPending(next), true);
			sender.send(7);
			assert.equal((await next).value?.message, 7);
		}
		// A wait is going on in each receiver, and nobody wants what comes.
		for (const { sender } of pairs) sender.send(8);
		await turn();
		assert.equal((await merged.return?.())?.done, true);
		assert.deepEqual(
			receivers.map((receiver) => receiver.tryRecv()),
			[8, 8, 8],
		);
		for (const { receiver, sender } of pairs) {
			receiver.close();
			sender.close();
		}
	});

	test("serves several calls of next in their order", async () => {
		const first = pair();
		const second = pair();
		const merged = merge(first.receiver, second.receiver);
		const results = [merged.next(), merged.next(), merged.next()];
		first.sender.sendBatch([1, 2]);
		assert.deepEqual(
			(await Promise.all(results.slice(0, 2))).map(({ value }) => value?.message),
			[1, 2],
		);
		second.sender.send(3);
		assert.equal((await results[2])?.value?.message, 3);
		await merged.return?.();
		for (const { receiver, sender } of [first, second]) {
			receiver.close();
			sender.close();
		}
	});

	test("throws the reason of its signal, and errors that name the source", async () => {
		const { receiver, sender } = pair();
		using other = Route.receiver(names.next(), { prefix });
		const controller = new AbortController();
		const merged = merge(receiver, other, { signal: controller.signal });
		const next = rejection(merged.next());
		controller.abort("enough");
		assert.equal(await next, "enough");
		assert.equal(await rejection(merged.next()), "enough");
		using bytes = Channel.sender(receiver.name, { prefix });
		bytes.send("{");
		sender.send(5);
		const after = merge(other, receiver);
		const error = (await rejection(after.next())) as IpcError;
		assert.deepEqual([error.code, error.endpoint], ["ERR_IPC_INVALID_MESSAGE", receiver.name]);
		assert.equal((await after.next()).value?.message, 5);
		await after.return?.();
		receiver.close();
		sender.close();
	});

	test("merges iterators, and puts back leases that it does not give", async () => {
		const { receiver, sender } = pair();
		using jobs = Queue.receiver(names.next(), { prefix, codec: textCodec() });
		using jobSender = Queue.sender(jobs.name, { prefix, codec: textCodec() });
		const merged = merge(jobs.leases(), receiver);
		jobSender.send("job 1");
		const { value } = await merged.next();
		assert.ok(value?.index === 0);
		assert.equal(value.message.value, "job 1");
		value.message.done();
		const next = merged.next();
		await turn();
		sender.send(1);
		assert.equal((await next).value?.message, 1);
		jobSender.send("job 2");
		await turn();
		await merged.return?.();
		await until(() => {
			using lease = jobs.tryTake();
			const isBack = lease?.value === "job 2";
			lease?.done();
			return isBack;
		});
		receiver.close();
		sender.close();
	});
});

describe("streams", () => {
	test("a WHATWG stream takes what is read, ends with its receiver, and loses nothing when it is cancelled", async () => {
		const { receiver, sender } = pair();
		sender.sendBatch([1, 2, 3]);
		const stream = readableStream(receiver);
		await turn();
		for await (const value of stream) {
			assert.equal(value, 1);
			break; // cancels the stream
		}
		assert.equal(receiver.closed, false);
		assert.equal(receiver.tryRecv(), 2);
		const reader = readableStream(receiver).getReader();
		assert.deepEqual(await reader.read(), { value: 3, done: false });
		const waiting = reader.read();
		assert.equal(await isPending(waiting), true);
		receiver.close();
		assert.equal((await waiting).done, true);
		sender.close();
	});

	test("a read that waits when the stream is cancelled takes nothing", async () => {
		const { receiver, sender } = pair();
		const reader = readableStream(receiver).getReader();
		const waiting = reader.read();
		assert.equal(await isPending(waiting), true);
		sender.send(4);
		await reader.cancel();
		assert.equal((await waiting).done, true);
		assert.equal(receiver.tryRecv(), 4);
		const another = readableStream(receiver).getReader();
		const pending = another.read();
		assert.equal(await isPending(pending), true);
		await another.cancel();
		sender.send(5); // after the stream was cancelled
		await turn();
		assert.equal(receiver.tryRecv(), 5);
		const closing = readableStream(receiver, { close: true });
		await closing.cancel();
		assert.equal(receiver.closed, true);
		const failing = Channel.receiver(receiver.name, numbers);
		using bytes = Channel.sender(receiver.name, { prefix });
		bytes.send("{");
		assert.equal(
			await rejectionCode(readableStream(failing, { close: true }).getReader().read()),
			"ERR_IPC_INVALID_MESSAGE",
		);
		assert.equal(failing.closed, true);
		sender.close();
	});

	test("a WHATWG writer is not ready while the ring is full, and an aborted write is not sent", async () => {
		using receiver = Channel.receiver(names.next(), options);
		using sender = Channel.sender(receiver.name, options);
		const writer = writableStream(sender).getWriter();
		while (sender.trySend(new Uint8Array(500)));
		await writer.ready;
		const writing = writer.write("last");
		assert.equal(await isPending(writer.ready), true);
		receiver.tryRecv();
		await writing;
		await writer.ready;
		while (sender.trySend(new Uint8Array(500)));
		while (sender.trySend(""));
		const refused = rejection(writer.write("never sent"));
		const closed = rejection(writer.closed);
		await turn();
		await writer.abort("enough");
		await refused;
		await closed;
		const all: string[] = [];
		for (let message = receiver.tryRecv(); message; message = receiver.tryRecv()) all.push(text(message));
		assert.deepEqual([all.includes("last"), all.includes("never sent")], [true, false]);
	});

	test("pipeTo carries all values from a name to another one, through a transformation", async () => {
		const from = pair();
		const to = pair();
		const count = 300;
		const piping = readableStream(from.receiver)
			.pipeThrough(
				new TransformStream<number, number>({
					transform: (value, controller) => controller.enqueue(2 * value),
				}),
			)
			.pipeTo(writableStream(to.sender, { close: true }));
		const sending = (async () => {
			for (let i = 0; i < count; i++) await from.sender.sendAsync(i);
			await from.sender.sendAsync(-1);
		})();
		for (let i = 0; i < count; i++) assert.equal(await to.receiver.recvAsync(), 2 * i);
		await sending;
		assert.equal(await to.receiver.recvAsync(), -2);
		from.receiver.close();
		await piping;
		assert.equal(to.sender.closed, true);
		for (const each of [from.sender, to.receiver]) each.close();
	});

	test("a slow reader leaves messages in the ring", async () => {
		const { receiver, sender } = pair();
		const reader = readableStream(receiver).getReader();
		const readable = nodeReadable(receiver);
		await turn();
		let sent = 0;
		while (sender.trySend(sent)) sent++;
		await turn();
		assert.equal(sender.trySend(sent), false);
		for (let i = 0; i < sent; i += 2) {
			assert.equal((await reader.read()).value, i);
			if (i + 1 < sent) assert.equal(await nextOf(readable), i + 1);
		}
		readable.destroy();
		receiver.close();
		sender.close();
	});

	test("a Node stream that is destroyed, or left by a loop, loses nothing", async () => {
		const { receiver, sender } = pair();
		sender.sendBatch([1, 2, 3]);
		for await (const value of nodeReadable(receiver)) {
			assert.equal(value, 1);
			await turn();
			break;
		}
		assert.equal(receiver.tryRecv(), 2);
		assert.equal(receiver.tryRecv(), 3);
		const readable = nodeReadable(receiver, { close: true });
		readable.read();
		await turn();
		sender.send(4);
		readable.destroy();
		assert.equal(receiver.closed, true);
		const ending = pair();
		const ended = once(nodeReadable(ending.receiver).resume(), "end");
		ending.receiver.close();
		await ended;
		for (const each of [sender, ending.sender]) each.close();
	});

	test("a loop over a Node stream throws the error of its receiver, or of its end", async () => {
		const { receiver, sender } = pair();
		using bytes = Channel.sender(receiver.name, { prefix });
		const all = async (readable: Readable) => {
			const values: unknown[] = [];
			for await (const value of readable) values.push(value);
			return values;
		};
		bytes.send("{");
		const failing = nodeReadable(receiver);
		assert.equal(await rejectionCode(all(failing)), "ERR_IPC_INVALID_MESSAGE");
		assert.equal(failing.destroyed, true);
		const destroyed = nodeReadable(receiver);
		const looping = rejection(all(destroyed));
		await turn();
		const reason = new Error("destroyed");
		destroyed.on("error", () => {});
		destroyed.destroy(reason);
		assert.equal(await looping, reason);
		sender.send(1);
		const ending = all(nodeReadable(receiver));
		await turn();
		receiver.close();
		assert.deepEqual(await ending, [1]);
		sender.close();
	});

	test("pipeline carries all values, and ends both with an error", async () => {
		const from = pair();
		const to = pair();
		const count = 300;
		const twice = new Transform({
			objectMode: true,
			highWaterMark: 1,
			transform: (value: number, _, done) => done(null, 2 * value),
		});
		const piping = pipeline(nodeReadable(from.receiver), twice, nodeWritable(to.sender));
		const sending = pipeline(Readable.from(Array.from({ length: count }, (_, i) => i)), nodeWritable(from.sender));
		for (let i = 0; i < count; i++) assert.equal(await to.receiver.recvAsync(), 2 * i);
		await sending;
		assert.equal(from.sender.closed, false);
		using bytes = Channel.sender(from.receiver.name, { prefix });
		bytes.send("{");
		assert.equal(await rejectionCode(piping), "ERR_IPC_INVALID_MESSAGE");
		for (const { receiver, sender } of [from, to]) {
			receiver.close();
			sender.close();
		}
	});

	test("writes wait for a receiver", async () => {
		using sender = Channel.sender(names.next(), numbers);
		const writer = writableStream(sender).getWriter();
		const writable = nodeWritable(sender);
		const writing = writer.write(1);
		assert.equal(await isPending(writing), true);
		using receiver = Channel.receiver(sender.name, numbers);
		await writing;
		assert.equal(receiver.tryRecv(), 1);
		writable.write(2);
		await until(() => receiver.tryRecv() === 2);
	});

	test("null is a value of a WHATWG stream, and an error of a Node stream", async () => {
		const nullable = { prefix, codec: json<number | null>() };
		using receiver = Channel.receiver(names.next(), nullable);
		using sender = Channel.sender(receiver.name, nullable);
		sender.sendBatch([null, null]);
		assert.deepEqual(await readableStream(receiver).getReader().read(), { value: null, done: false });
		const readable = nodeReadable(receiver);
		assert.equal(await rejectionCode(nextOf(readable)), "ERR_IPC_INVALID_ARGUMENT");
	});
});

/** The next chunk of a stream, without a listener for data that stays. */
async function nextOf(readable: Readable): Promise<unknown> {
	for (;;) {
		const value: unknown = readable.read();
		if (value !== null) return value;
		await once(readable, "readable");
	}
}
