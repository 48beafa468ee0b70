import assert from "node:assert/strict";
import { aNumber, assertLike } from "@libipc/testing/assert_like";
import { startClock } from "@libipc/testing/clock";
import { isPending, rejection, thrownCode } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { expectWoken, sleep, tookUndisturbed, until } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, type PeerEvent, Queue, Route } from "./under_test.ts";

const names = new Names("peers");
const { prefix } = names;

afterAll(() => names.clear());

/** What an event says, without the number of the endpoint. */
const shown = ({ type, role, pid }: PeerEvent) => `${type} ${role} ${pid}`;
const here = process.pid;

/** The next so many events. */
async function take(events: AsyncIterator<PeerEvent>, count: number): Promise<PeerEvent[]> {
	const taken: PeerEvent[] = [];
	while (taken.length < count) {
		const { value, done } = await events.next();
		if (done) throw new Error("there are no more events");
		taken.push(value);
	}
	return taken;
}

async function holder(kind: string, role: string, name: string): Promise<TestProgram> {
	const child = startProgram("holder", [kind, role, prefix, name]);
	assert.equal(await child.line(), "ready");
	return child;
}

describe.each([
	["route", Route],
	["channel", Channel],
	["queue", Queue],
] as const)("peers of a %s", (kind, factory) => {
	test("shows the peers that are there, then those that join and leave, with pid, role and number; not itself", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		const sender = factory.sender(name, { prefix });
		const events = receiver.peers();
		const [first] = await take(events, 1);
		assertLike(first, { type: "joined", role: "sender", pid: here, id: aNumber });
		const next = take(events, 1);
		assert.equal(await isPending(next), true);
		const second = factory.receiver(name, { prefix });
		const [joined] = await next;
		assertLike(joined, { type: "joined", role: "receiver", pid: here, id: aNumber });
		assert.notEqual(joined?.id, first?.id);
		const left = take(events, 2);
		second.close();
		sender.close();
		const both = await left;
		assert.deepEqual(both.map(shown).sort(), [`left receiver ${here}`, `left sender ${here}`]);
		assert.deepEqual(both.map(({ id }) => id).sort(), [first?.id ?? -1, joined?.id ?? -1].sort());
		// The place is used again, the number is not.
		using third = factory.receiver(name, { prefix });
		const [again] = await take(events, 1);
		assert.equal(shown(again as PeerEvent), `joined receiver ${here}`);
		assert.notEqual([first?.id, joined?.id].includes(again?.id), true);
		assert.equal(third.closed, false);
	});

	test.each(["sender", "receiver"] as const)("a killed %s has died, within 1.5 s", async (role) => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		const events = receiver.peers();
		const child = await holder(kind, role, name);
		await using _ = child;
		const [joined] = await take(events, 1);
		assertLike(joined, { type: "joined", role, pid: child.pid, id: aNumber });
		const death = take(events, 1);
		assert.equal(await isPending(death), true);
		await child.kill();
		const clock = startClock();
		assert.deepEqual(await death, [{ type: "died", role, observer: false, pid: child.pid, id: joined?.id ?? -1 }]);
		const ms = clock();
		assert.ok(ms < 1500, `took ${ms} ms`);
	});

	test("two watchers each see a death, also when another wait found it first", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		const first = receiver.peers();
		const second = receiver.peers();
		await using child = await holder(kind, "receiver", name);
		const told: string[] = [];
		using other = factory.receiver(name, { prefix, onPeer: (event) => told.push(shown(event)) });
		assert.deepEqual(
			(await take(first, 2)).map(shown).sort(),
			[`joined receiver ${child.pid}`, `joined receiver ${here}`].sort(),
		);
		assert.deepEqual(
			(await take(second, 2)).map(shown).sort(),
			[`joined receiver ${child.pid}`, `joined receiver ${here}`].sort(),
		);
		const deaths = [take(first, 1), take(second, 1)];
		await child.kill();
		for (const [death] of await Promise.all(deaths))
			assert.equal(shown(death as PeerEvent), `died receiver ${child.pid}`);
		await until(() => told.length >= 3);
		assert.deepEqual(told.slice(0, 2).sort(), [`joined receiver ${child.pid}`, `joined receiver ${here}`].sort());
		assert.deepEqual(told.slice(2), [`died receiver ${child.pid}`]);
		other.close();
	});

	test("iteration ends on close, and throws the reason when it is aborted", async () => {
		const name = names.next();
		const receiver = factory.receiver(name, { prefix });
		const sender = factory.sender(name, { prefix });
		const seen: string[] = [];
		const read = async (events: AsyncIterable<PeerEvent>) => {
			for await (const event of events) seen.push(shown(event));
			return "ended";
		};
		const controller = new AbortController();
		const aborted = read(receiver.peers({ signal: controller.signal }));
		const ofReceiver = read(receiver.peers());
		const ofSender = read(sender.peers());
		assert.equal(await isPending(Promise.race([aborted, ofReceiver, ofSender])), true);
		await until(() => seen.length >= 3);
		controller.abort("enough");
		assert.equal(await rejection(aborted), "enough");
		assert.equal(await rejection(read(receiver.peers({ signal: controller.signal }))), "enough");
		receiver.close();
		assert.equal(await ofReceiver, "ended");
		assert.deepEqual(seen.sort(), [`joined receiver ${here}`, `joined sender ${here}`, `joined sender ${here}`].sort());
		assert.equal(await isPending(ofSender), true);
		await until(() => seen.includes(`left receiver ${here}`));
		sender.close();
		assert.equal(await ofSender, "ended");
		assert.equal(
			thrownCode(() => receiver.peers()),
			"ERR_IPC_CLOSED",
		);
	});

	test("onPeer is called for the peers that are there, that join and that leave, until close()", async () => {
		const name = names.next();
		using before = factory.receiver(name, { prefix });
		const told: string[] = [];
		const sender = factory.sender(name, { prefix, onPeer: (event) => told.push(shown(event)) });
		// Not before sender() has returned.
		assert.deepEqual(told, []);
		const isToldOf = async (count: number) =>
			expectWoken(await tookUndisturbed(() => until(() => told.length >= count)));
		await isToldOf(1);
		const second = factory.receiver(name, { prefix });
		await isToldOf(2);
		second.close();
		await isToldOf(3);
		assert.deepEqual(told, [`joined receiver ${here}`, `joined receiver ${here}`, `left receiver ${here}`]);
		sender.close();
		using third = factory.receiver(name, { prefix });
		for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
		assert.equal(told.length, 3);
		assert.deepEqual([before.closed, third.closed], [false, false]);
	});
});

test("the clones of a route's sender each watch", async () => {
	const name = names.next();
	using first = Route.sender(name, { prefix });
	using second = first.clone();
	const seen = [first.peers(), second.peers(), first.peers()].map((events) => take(events, 1));
	assert.equal(await isPending(Promise.race(seen)), true);
	using receiver = Route.receiver(name, { prefix });
	const clock = startClock();
	for (const each of seen)
		assert.equal(await each.then(([event]) => shown(event as PeerEvent)), `joined receiver ${here}`);
	expectWoken(clock());
	assert.equal(receiver.closed, false);
});

test("a receiver that waits for peers and for messages gets both", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix });
	const events = receiver.peers();
	const event = take(events, 1);
	const message = receiver.recvAsync();
	using sender = Channel.sender(name, { prefix });
	assert.deepEqual((await event).map(shown), [`joined sender ${here}`]);
	assert.equal(await isPending(message), true);
	const later = take(events, 1);
	sender.send("x");
	assert.deepEqual(await message, Uint8Array.of(120));
	assert.equal(await isPending(later), true);
	sender.close();
	assert.deepEqual((await later).map(shown), [`left sender ${here}`]);
});

test("a program that exits has left", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix });
	const events = receiver.peers();
	await using child = startProgram("async", ["exits while waiting", prefix, name, 100]);
	const all = await take(events, 4);
	assert.deepEqual(all.slice(0, 2).map(shown).sort(), [`joined receiver ${child.pid}`, `joined sender ${child.pid}`]);
	assert.deepEqual(all.slice(2).map(shown).sort(), [`left receiver ${child.pid}`, `left sender ${child.pid}`]);
});

test.each([false, true])(
	"a death that another endpoint noticed first is shown as a death, its slot taken again: %p",
	async (taken) => {
		const name = names.next();
		using watcher = Channel.receiver(name, { prefix, capacity: 4096 });
		const events = watcher.peers();
		await using child = await holder("channel", "receiver", name);
		const [joined] = await take(events, 1);
		using sender = Channel.sender(name, { prefix });
		await take(events, 1);
		await child.kill();
		// The sender finds out when the ring is full; the event loop has no turn until then.
		while (sender.receiverCount === 2) {
			assert.equal(sender.send(new Uint8Array(500), { timeout: 10_000 }), true);
			while (watcher.tryRecv());
		}
		using taker = taken ? Channel.receiver(name, { prefix }) : undefined;
		const told = await take(events, taken ? 2 : 1);
		assert.deepEqual(
			told.map(shown).sort(),
			[`died receiver ${child.pid}`, ...(taker ? [`joined receiver ${here}`] : [])].sort(),
		);
		assert.equal(told.find(({ type }) => type === "died")?.id, joined?.id ?? -1);
	},
);

test.each(["sender", "receiver"] as const)(
	"a %s that is killed, and then others in its slot, before the watcher looks: it has died",
	async (role) => {
		const name = names.next();
		using watcher = Channel.receiver(name, { prefix });
		const events = watcher.peers();
		await using first = await holder("channel", role, name);
		const [joined] = await take(events, 1);
		// Three more in the same slot: each open empties the slot of the one that died before it.
		const others: TestProgram[] = [];
		await first.kill();
		for (let death = 0; death < 3; death++) {
			const other = await holder("channel", role, name);
			others.push(other);
			await other.kill();
		}
		const left = role === "sender" ? Channel.sender(name, { prefix }) : Channel.receiver(name, { prefix });
		left.close();
		const told: PeerEvent[] = [];
		while (!told.some(({ id }) => id === joined?.id)) told.push(...(await take(events, 1)));
		assert.equal(told.find(({ id }) => id === joined?.id)?.type, "died");
		assert.equal(
			told.some(({ type }) => type === "left"),
			false,
		);
	},
);

test("the callback of a closed endpoint is not called for peers that leave", async () => {
	const name = names.next();
	using other = Channel.receiver(name, { prefix });
	const told: string[] = [];
	const receiver = Channel.receiver(name, { prefix, onPeer: (event) => told.push(shown(event)) });
	await until(() => told.length > 0);
	receiver.close();
	// Longer than until the next poll.
	await sleep(900);
	assert.deepEqual(told, [`joined receiver ${here}`]);
	assert.equal(other.closed, false);
});

test("many at once: each is shown once", async () => {
	const name = names.next();
	using watcher = Channel.receiver(name, { prefix, maxReceivers: 300 });
	const events = watcher.peers();
	const opened = Array.from({ length: 250 }, () => Channel.receiver(name, { prefix }));
	const joined = await take(events, 250);
	assert.equal(new Set(joined.map(({ id }) => id)).size, 250);
	assert.deepEqual(new Set(joined.map(shown)), new Set([`joined receiver ${here}`]));
	for (const receiver of opened) receiver.close();
	const left = await take(events, 250);
	assert.deepEqual(left.map(({ id }) => id).sort(), joined.map(({ id }) => id).sort());
	assert.deepEqual(new Set(left.map(shown)), new Set([`left receiver ${here}`]));
	assert.equal(await isPending(events.next()), true);
});

describe("what keeps a process alive", () => {
	test("a callback does not", async () => {
		await using child = startProgram("peers", ["callback", prefix, names.next()]);
		assert.equal(await child.exited, 0);
	});

	test("a callback is called while something else keeps it alive", async () => {
		const name = names.next();
		await using child = startProgram("peers", ["callback, busy", prefix, name]);
		assert.equal(await child.line(), '"ready"');
		using receiver = Channel.receiver(name, { prefix });
		assert.equal(shown(await child.report<PeerEvent>()), `joined receiver ${here}`);
		const sender = Channel.sender(name, { prefix });
		assert.equal(shown(await child.report<PeerEvent>()), `joined sender ${here}`);
		sender.close();
		assert.equal(shown(await child.report<PeerEvent>()), `left sender ${here}`);
		assert.equal(await child.exited, 0);
		assert.equal(receiver.closed, false);
	});

	test("an iteration does", async () => {
		const name = names.next();
		await using child = startProgram("peers", ["iteration", prefix, name]);
		assert.equal(await child.line(), '"ready"');
		assert.equal(await Promise.race([child.exited, sleep(300)]), undefined);
		const sender = Channel.sender(name, { prefix });
		assert.equal(shown(await child.report<PeerEvent>()), `joined sender ${here}`);
		sender.close();
		assert.equal(shown(await child.report<PeerEvent>()), `left sender ${here}`);
		assert.equal(await child.exited, 0);
	});
});

test("what a callback throws is an unhandled rejection", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix });
	await using child = startProgram("peers", ["throws", prefix, name]);
	assert.equal(await child.line(), '"Error: the callback failed"');
	assert.equal(await child.exited, 3);
	assert.equal(receiver.closed, false);
});

test.each([null, 5, "callback", {}])("onPeer %p is refused", (onPeer) => {
	const options = { prefix, onPeer: onPeer as unknown as () => void };
	for (const factory of [Route, Channel, Queue])
		for (const open of [factory.sender, factory.receiver])
			assert.throws(() => open("refused", options), {
				code: "ERR_IPC_INVALID_ARGUMENT",
				message: /onPeer must be a function/,
			});
});
