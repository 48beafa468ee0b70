/** Waits in the event loop: closing, aborting and many waits at the same time. */

import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { startClock } from "@libipc/testing/clock";
import { isLarge, large } from "@libipc/testing/large";
import { isPending, rejection } from "@libipc/testing/outcome";
import { text } from "@libipc/testing/text";
import { expectWoken, turn } from "@libipc/testing/timing";
import { afterAll, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, Route } from "./under_test.ts";

const names = new Names("waiting");
const { prefix } = names;

afterAll(() => names.clear());

test("closing one endpoint does not affect the waker of the others", async () => {
	const [name, other] = [names.next(), names.next()];
	const first = Channel.receiver(name, { prefix });
	using second = Channel.receiver(other, { prefix });
	using sender = Channel.sender(other, { prefix });
	const ended = rejection(first.recvAsync());
	const waiting = second.recvAsync();
	assert.equal(await isPending(waiting), true);
	first.close();
	assertLike(await ended, { code: "ERR_IPC_CLOSED" });
	await turn();
	sender.send("still heard");
	const clock = startClock();
	assert.equal(text(await waiting), "still heard");
	expectWoken(clock());
});

test("many waits of one endpoint are served in many turns of the event loop", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix, capacity: 1 << 22 });
	using sender = Channel.sender(name, { prefix });
	const count = 50_000;
	let turns = 0;
	let counting = true;
	const waits = Array.from({ length: count }, () => receiver.recvAsync());
	await turn();
	const message = new Uint8Array(16);
	for (let i = 0; i < count; i++) {
		message[0] = i & 0xff;
		sender.send(message);
	}
	await waits[0];
	const countTurns = () => {
		turns++;
		if (counting) setImmediate(countTurns);
	};
	setImmediate(countTurns);
	const got = await Promise.all(waits);
	counting = false;
	assert.equal(
		got.findIndex((bytes, i) => bytes?.[0] !== (i & 0xff)),
		-1,
	);
	// At 4 ms for a turn and 0.2 µs or more for each.
	assert.ok(turns > 1);
});

test("a signal that is aborted after its sendAsync has resolved ends nothing", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
	using sender = Channel.sender(name, { prefix });
	const controller = new AbortController();
	const first = sender.sendAsync(large(1, 20_000), { signal: controller.signal, timeout: 600_000 });
	assert.equal(isLarge((await receiver.recvAsync()) ?? new Uint8Array(), 1, 20_000), true);
	assert.equal(await first, true);
	const second = sender.sendAsync(large(2, 20_000));
	assert.equal(await isPending(second), true);
	controller.abort();
	assert.equal(isLarge((await receiver.recvAsync({ timeout: 10_000 })) ?? new Uint8Array(), 2, 20_000), true);
	assert.equal(await second, true);
});

test.each(["signal", "timeout"] as const)(
	"a half-sent message that is given up by %s makes room for other messages",
	async (how) => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix, capacity: 4096 });
		using sender = Route.sender(name, { prefix });
		const controller = new AbortController();
		const half = sender.sendAsync(
			large(1, 20_000),
			how === "signal" ? { signal: controller.signal } : { timeout: 300 },
		);
		assert.equal(await isPending(half), true);
		if (how === "signal") {
			controller.abort("enough");
			assert.equal(await rejection(half), "enough");
		} else assert.equal(await half, false);
		// Nothing asynchronous follows, which would find out.
		assert.equal(receiver.tryRecv(), null);
		for (let i = 0; i < 50; i++) {
			assert.equal(sender.trySend(large(i, 2500)), true);
			assert.equal(isLarge(receiver.tryRecv() ?? new Uint8Array(), i, 2500), true);
		}
		assert.equal(await sender.sendAsync(large(3, 50), { timeout: 0 }), true);
		assert.equal(isLarge(receiver.tryRecv() ?? new Uint8Array(), 3, 50), true);
	},
);

test("several next() of one iterator each get a message, in order, and all end", async () => {
	const name = names.next();
	const receiver = Channel.receiver(name, { prefix });
	using sender = Channel.sender(name, { prefix });
	const iterator = receiver.messages();
	const nexts = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
	sender.sendBatch(["a", "b"]);
	const got = await Promise.all(nexts.slice(0, 2));
	assert.deepEqual(
		got.map(({ value }) => value && text(value)),
		["a", "b"],
	);
	assert.equal(await isPending(Promise.race(nexts.slice(2))), true);
	receiver.close();
	assert.deepEqual(await Promise.all(nexts.slice(2)), [
		{ done: true, value: undefined },
		{ done: true, value: undefined },
	]);
});
