/** The bytes of stamps, and messages of programs that write none, or wrong ones. */
import { afterAll, describe, expect, test } from "bun:test";
import { STAMP_BYTES } from "@libipc/protocol";
import { Names } from "@libipc/testing/names";
import { createApi } from "../api.ts";
import { nativeEngine } from "../bun/engine.ts";
import * as library from "../index.ts";

const names = new Names("stamps", library);
const { prefix } = names;

afterAll(() => names.clear());

/** Endpoints that see messages with their stamps, as a program in C. */
const raw = createApi(() => ({
	...nativeEngine,
	openSender: (...name) => Object.defineProperty(nativeEngine.openSender(...name), "stamp", { value: 0 }),
	openReceiver: (...name) => Object.defineProperty(nativeEngine.openReceiver(...name), "isStamped", { value: false }),
}));

const { Route, Channel, Queue } = library;
const factories = { Route, Channel, Queue };
const kinds = ["Route", "Channel", "Queue"] as const;

function stamped(sender: number, sentAt: bigint, message = ""): Uint8Array {
	const bytes = new Uint8Array(STAMP_BYTES + message.length);
	const view = new DataView(bytes.buffer);
	view.setUint32(0, sender, true);
	view.setBigUint64(8, sentAt, true);
	bytes.set(new TextEncoder().encode(message), STAMP_BYTES);
	return bytes;
}

describe.each(kinds)("the bytes of a %s", (kind) => {
	test("are the sender, nothing, the time, and the message", async () => {
		const name = names.next();
		using receiver = raw[kind].receiver(name, { prefix, stamp: true });
		using sender = factories[kind].sender(name, { prefix });
		const [endpoint] = library.list({ prefix }).find((each) => each.name === name)?.endpoints ?? [];
		const start = library.monotonicNs();
		sender.send("abc");
		sender.sendBatch(["abc"]);
		await sender.sendAsync("abc");
		const loan = sender.loan(5);
		loan?.bytes.set([97, 98, 99]);
		loan?.send(3);
		for (let i = 0; i < 4; i++) {
			const bytes = receiver.tryRecv() ?? new Uint8Array();
			const view = new DataView(bytes.buffer);
			const sentAt = view.getBigUint64(8, true);
			expect(Number(sentAt)).toBeGreaterThanOrEqual(Math.floor(start));
			expect(Number(sentAt)).toBeLessThanOrEqual(library.monotonicNs());
			expect<Uint8Array>(bytes).toEqual(stamped(endpoint?.instance ?? 0, sentAt, "abc"));
		}
	});
});

describe.each(kinds)("a message of a %s without a stamp", (kind) => {
	test("is empty, and does not harm the next one", async () => {
		const name = names.next();
		using receiver = factories[kind].receiver(name, { prefix, stamp: true, capacity: 4096 });
		using sender = raw[kind].sender(name, { prefix });
		const target = new Uint8Array(4);
		const found: Uint8Array[] = [];
		const keep = (view: Uint8Array) => {
			found.push(view.slice());
		};
		const ways: (() => unknown)[] = [
			() => keep(receiver.tryRecv() ?? target),
			() => keep(target.subarray(0, receiver.recvInto(target, { timeout: 0 }))),
			() => receiver.drain(keep, { max: 1, timeout: 0 }),
			() => receiver.drain(keep, { max: 2, timeout: 0 }),
			() =>
				receiver.drainBatch(
					({ bytes, lengths, offsets }) => keep(bytes.subarray(offsets[0], (offsets[0] ?? 0) + (lengths[0] ?? 0))),
					{
						max: 1,
						timeout: 0,
					},
				),
		];
		// Also at the end of the ring.
		for (let length = 0; length < STAMP_BYTES; length++)
			for (const [index, way] of ways.entries())
				for (let round = 0; round < 20; round++) {
					sender.send(new Uint8Array(length).fill(round));
					way();
					expect([found.length, found[0]?.byteLength, receiver.lastStamp]).toEqual([1, 0, undefined]);
					found.length = 0;
					if (index > 0) continue;
					sender.send(stamped(7, 5n, "abc"));
					way();
					expect([found.length, found[0]?.byteLength, receiver.lastStamp]).toEqual([1, 3, { sender: 7, sentAt: 5 }]);
					found.length = 0;
				}
	});
});

test("a lease of a message without a stamp ends like others", () => {
	const name = names.next();
	using receiver = library.Queue.receiver(name, { prefix, stamp: true, capacity: 4096 });
	using sender = raw.Queue.sender(name, { prefix });
	for (let round = 0; round < 200; round++) {
		sender.sendBatch([new Uint8Array(round % 16), stamped(3, 4n, "x"), new Uint8Array(15)]);
		const leases = [receiver.take(), receiver.take(), receiver.take()];
		expect(leases.map((lease) => lease?.bytes.byteLength)).toEqual([0, 1, 0]);
		expect(leases.map((lease) => lease?.stamp)).toEqual([undefined, { sender: 3, sentAt: 4 }, undefined]);
		leases[0]?.retry();
		const again = receiver.take();
		expect([again?.attempt, again?.bytes.byteLength]).toEqual([2, 0]);
		for (const lease of [again, leases[1], leases[2]]) lease?.done();
		expect(receiver.tryTake()).toBeNull();
	}
});

test("any number is a stamp", () => {
	const name = names.next();
	using receiver = library.Channel.receiver(name, { prefix, stamp: true });
	using sender = raw.Channel.sender(name, { prefix });
	for (const sentAt of [0n, 2n ** 63n, 2n ** 64n - 1n]) {
		sender.send(stamped(2 ** 32 - 1, sentAt));
		expect(receiver.tryRecv()?.byteLength).toBe(0);
		expect(receiver.lastStamp).toEqual({ sender: 2 ** 32 - 1, sentAt: Number(sentAt) });
	}
	// What was sent in the future was on its way for no time.
	expect([receiver.latency?.count, receiver.latency?.min]).toEqual([3, 0]);
});
