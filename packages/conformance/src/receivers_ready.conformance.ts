import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { startClock } from "@libipc/testing/clock";
import { isPending, rejection, rejectionCode, thrownCode } from "@libipc/testing/outcome";
import { expectWoken, turn, until } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, list, Queue, Route } from "./under_test.ts";

const names = new Names("receivers_ready");
const { prefix } = names;

afterAll(() => names.clear());

describe("receiversReady", () => {
	test("resolves with true as soon as there are enough receivers, with false at the timeout", async () => {
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

	test("a wait for more receivers does not delay a wait for fewer, nor a watcher", async () => {
		const name = names.next();
		const told: string[] = [];
		using sender = Channel.sender(name, { prefix, onPeer: ({ type, role }) => told.push(`${type} ${role}`) });
		const many = sender.receiversReady(50);
		const one = sender.receiversReady(1);
		const events = sender.peers();
		const next = events.next();
		assert.equal(await isPending(Promise.race([many, one, next])), true);
		using receiver = Channel.receiver(name, { prefix });
		const clock = startClock();
		assert.equal(await one, true);
		assertLike(await next, { value: { type: "joined", role: "receiver" } });
		expectWoken(clock());
		await turn();
		assert.deepEqual(told, ["joined receiver"]);
		assert.equal(await isPending(many), true);
		sender.close();
		assert.equal(await rejectionCode(many), "ERR_IPC_CLOSED");
		assert.equal(receiver.closed, false);
	});
});

describe.each([
	["route", Route],
	["channel", Channel],
	["queue", Queue],
] as const)("receivers of a %s, by name", (kind, factory) => {
	const isListed = (name: string) => list({ prefix }).some((each) => each.name === name && each.kind === kind);

	test("are waited for without creating the name", async () => {
		const name = names.next();
		assert.equal(factory.waitForReceivers(name, 0, { prefix }), true);
		assert.equal(factory.waitForReceivers(name, 1, { prefix, timeout: 0 }), false);
		assert.equal(factory.waitForReceivers(name, 1, { prefix, timeout: 30 }), false);
		assert.equal(await factory.receiversReady(name, 1, { prefix, timeout: 30 }), false);
		const one = factory.receiversReady(name, 1, { prefix });
		const two = factory.receiversReady(name, 2, { prefix, timeout: 60_000 });
		assert.equal(isListed(name), false);
		using sender = factory.sender(name, { prefix, maxReceivers: 2 });
		assert.equal(factory.waitForReceivers(name, 1, { prefix, timeout: 0 }), false);
		{
			using first = factory.receiver(name, { prefix });
			assert.equal(await one, true);
			assert.equal(sender.receiverCount, 1);
			assert.equal(await isPending(two), true);
			assert.equal(first.closed, false);
		}
		using second = factory.receiver(name, { prefix });
		using third = factory.receiver(name, { prefix });
		assert.equal(await two, true);
		assert.equal(factory.waitForReceivers(name, 2, { prefix }), true);
		assert.equal(
			thrownCode(() => factory.waitForReceivers(name, 3, { prefix })),
			"ERR_IPC_INVALID_ARGUMENT",
		);
		assert.equal(await rejectionCode(factory.receiversReady(name, 3, { prefix })), "ERR_IPC_INVALID_ARGUMENT");
		// It has taken no slot, and needs none.
		assert.deepEqual([second.closed, third.closed, sender.receiverCount], [false, false, 2]);
	});

	test("end with the signal, and count no killed receiver", async () => {
		const name = names.next();
		const reason = new Error("enough");
		const controller = new AbortController();
		const ready = factory.receiversReady(name, 1, { prefix, signal: controller.signal });
		assert.equal(await isPending(ready), true);
		controller.abort(reason);
		assert.equal(await rejection(ready), reason);
		await using child = startProgram("holder", [kind, "receiver", prefix, name]);
		assert.equal(await child.line(), "ready");
		assert.equal(factory.waitForReceivers(name, 1, { prefix, timeout: 10_000 }), true);
		await child.kill();
		await until(() => !factory.waitForReceivers(name, 1, { prefix, timeout: 0 }));
	});
});

test("observers are not counted by name", () => {
	const name = names.next();
	using observer = Route.receiver(name, { prefix, lossy: true });
	assert.equal(Route.waitForReceivers(name, 1, { prefix, timeout: 0 }), false);
	using receiver = Route.receiver(name, { prefix });
	assert.equal(Route.waitForReceivers(name, 1, { prefix, timeout: 0 }), true);
	assert.deepEqual([observer.closed, receiver.closed], [false, false]);
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
				() => sender.flush(bad({ timeout })),
				() => Queue.receiversReady(name, 1, bad({ prefix, timeout })),
			]),
			...[null, {}, "signal", new EventTarget(), new AbortController(), true].flatMap((signal) => [
				() => receiver.recvAsync(bad({ signal })),
				() => receiver.takeAsync(bad({ signal })),
				() => sender.sendAsync("x", bad({ signal })),
				() => sender.receiversReady(1, bad({ signal })),
				() => sender.flush(bad({ signal })),
				() => Queue.receiversReady(name, 1, bad({ prefix, signal })),
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
				() => sender.flush(bad(options)),
				() => Queue.receiversReady(name, 1, bad(options)),
				() => (async () => receiver.messages(bad(options)))(),
				() => (async () => sender.peers(bad(options)))(),
			]),
			...[undefined, null, 1, {}, [1]].map((message) => () => sender.sendAsync(bad(message))),
			...[undefined, -1, 1.5, "1", 5000].map((count) => () => sender.receiversReady(bad(count))),
			...[undefined, -1, 1.5, "1", 5000].map((count) => () => Queue.receiversReady(name, bad(count), { prefix })),
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
