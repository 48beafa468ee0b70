/** A C sender and a TypeScript receiver on one piece of memory, and the reverse: every kind of record, at every wrap. */
import { afterAll, describe, expect, test } from "bun:test";
import * as library from "@libipc/core";
import { createApi, type Loan } from "@libipc/core/api";
import { type Engine, type EngineReceiver, type EngineWaker, WaitBits } from "@libipc/protocol";
import { isLarge, large } from "@libipc/testing/large";
import { Names } from "@libipc/testing/names";
import { readPattern, writePattern } from "@libipc/testing/pattern";
import { TestProgram } from "@libipc/testing/test_program";
import { text } from "@libipc/testing/text";
import { RECOVERY_MS } from "@libipc/testing/timing";
import { nativeEngine } from "../../../core/src/bun/engine.ts";
import { mappedEngine } from "../testing/mapped_engine.ts";

const names = new Names("both", library);
const { prefix } = names;
const CHILD = new URL("../testing/mapped.child.ts", import.meta.url);

afterAll(() => names.clear());

const engines = { C: nativeEngine, TypeScript: mappedEngine } as const;
type Which = keyof typeof engines;
const nameOf = (which: Which) => (which === "C" ? "native" : "mapped");

const child = (which: Which, program: string, name: string, ...rest: (string | number)[]) =>
	new TestProgram(CHILD, [nameOf(which), program, prefix, name, ...rest], { transport: "processes" });

/** The factories of an engine whose rings start at a position. */
function factories(engine: Engine, firstPosition: number) {
	const starting: Engine = {
		...engine,
		openSender: (kind, at, name, options) => engine.openSender(kind, at, name, { ...options, firstPosition }),
		openReceiver: (kind, at, name, options) => engine.openReceiver(kind, at, name, { ...options, firstPosition }),
	};
	return createApi(() => starting);
}

function lent(loan: Loan | null): Loan {
	if (!loan) throw new Error("no loan");
	return loan;
}

const directions: [Which, Which][] = [
	["C", "TypeScript"],
	["TypeScript", "C"],
	["TypeScript", "TypeScript"],
];
/** In units of 8 bytes: the wrap is in the first message, and in the middle of the first round. */
const positions = [0, 2 ** 31 - 1, 2 ** 31 - 300, 2 ** 32 - 1, 2 ** 32 - 700];
const cases = directions.flatMap(([from, to]) => positions.map((at) => [from, to, at] as const));

describe.each(cases)("from %s to %s, in a ring that starts at %d", (from, to, firstPosition) => {
	const sending = factories(engines[from], firstPosition);
	const receiving = factories(engines[to], firstPosition);

	test("dead letters and delays of a queue, from one engine to the other and back", () => {
		const name = names.next();
		const rest = { prefix, capacity: 4096 };
		using jobs = receiving.Queue.receiver(name, { ...rest, maxAttempts: 2, deadLetter: `${name}.dead` });
		using dead = sending.Queue.receiver(`${name}.dead`, rest);
		using other = sending.Queue.receiver(name, rest);
		using sender = sending.Queue.sender(name, rest);
		for (let round = 0; round < 30; round++) {
			sender.sendBatch([`retried ${round}`, `rejected ${round}`]);
			jobs.take()?.retry();
			other.take()?.retry();
			jobs.take()?.reject("because");
			expect(other.tryTake()).toBeNull();
			for (const [what, attempts, reason] of [
				["retried", 2, "max-attempts"],
				["rejected", 1, "because"],
			] as const) {
				using letter = dead.take({ timeout: 10_000 });
				expect(letter && text(letter.bytes)).toBe(`${what} ${round}`);
				expect(letter?.origin).toEqual({ queue: name, attempts, reason });
				expect(letter?.redrive()).toBe(true);
			}
			const again = other.take({ timeout: 10_000 });
			expect([again && text(again.bytes), again?.attempt]).toEqual([`retried ${round}`, 1]);
			// The first one is long enough that the other message comes first, however slow the machine is.
			again?.retry({ delay: round === 0 ? 2000 : 5 });
			const both = [jobs.recv({ timeout: 10_000 }), jobs.recv({ timeout: 10_000 })].map(
				(message) => message && text(message),
			);
			expect(round === 0 ? both : both.sort()).toEqual([`rejected ${round}`, `retried ${round}`]);
		}
	});

	test("stamps, also of loans, fragments and dead letters", async () => {
		const name = names.next();
		const rest = { prefix, capacity: 4096 };
		using receiver = receiving.Channel.receiver(name, { ...rest, stamp: true });
		using sender = sending.Channel.sender(name, rest);
		for (let i = 0; i < 40; i++) {
			const before = library.monotonicNs();
			const length = (i * 397) % 3000; // some in fragments
			if (i % 3 === 0 && length < 2000) {
				const loan = lent(sender.loan(length + 8));
				loan.bytes.set(large(i, length));
				loan.send(length);
			} else if (length > 2000) {
				const [sent, message] = await Promise.all([sender.sendAsync(large(i, length)), receiver.recvAsync()]);
				expect(sent && isLarge(message ?? new Uint8Array(1), i, length)).toBe(true);
			} else expect(sender.send(large(i, length))).toBe(true);
			if (length <= 2000) expect(isLarge(receiver.tryRecv() ?? new Uint8Array(1), i, length)).toBe(true);
			expect(receiver.lastStamp?.sentAt).toBeGreaterThanOrEqual(before);
			expect(receiver.lastStamp?.sentAt).toBeLessThanOrEqual(library.monotonicNs());
		}
		expect(receiver.latency?.count).toBe(40);
		const queue = names.next();
		using jobs = receiving.Queue.receiver(queue, { ...rest, stamp: true, deadLetter: `${queue}.dead` });
		using dead = sending.Queue.receiver(`${queue}.dead`, rest);
		using other = sending.Queue.sender(queue, { ...rest, stamp: true });
		for (let i = 0; i < 30; i++) {
			other.send(`job ${i}`);
			const lease = jobs.take();
			const stamp = lease?.stamp;
			expect(stamp?.sender).toBeGreaterThan(0);
			lease?.reject("because");
			using letter = dead.take({ timeout: 10_000 });
			expect([letter && text(letter.bytes), letter?.stamp]).toEqual([`job ${i}`, stamp]);
			expect(letter?.redrive()).toBe(true);
			using again = jobs.take({ timeout: 10_000 });
			expect([again && text(again.bytes), again?.stamp]).toEqual([`job ${i}`, stamp]);
			again?.done();
		}
	});

	test.each(["Route", "Channel"] as const)("a %s carries messages and padding", (kind) => {
		const name = names.next();
		using receiver = receiving[kind].receiver(name, { prefix, capacity: 4096 });
		using sender = sending[kind].sender(name, { prefix });
		const buffer = new Uint8Array(2040);
		const target = new Uint8Array(2040);
		let sent = 0;
		let received = 0;
		const check = (view: Uint8Array) => expect(readPattern(view, 2040)).toEqual({ sender: 1, sequence: received++ });
		for (let round = 0; round < 40; round++) {
			while (sender.trySend(writePattern(buffer, 1, sent, 2040))) sent++;
			check(target.subarray(0, receiver.recvInto(target, { timeout: 0 })));
			receiver.drain(check, { timeout: 0, max: 5 });
			receiver.drainBatch(
				({ count, bytes, offsets, lengths }) => {
					for (let i = 0; i < count; i++) {
						const at = offsets[i] as number;
						check(bytes.subarray(at, at + (lengths[i] as number)));
					}
				},
				{ timeout: 0 },
			);
			const batch = [0, 1, 2].map((i) => writePattern(new Uint8Array(2040), 1, sent + i, 2040));
			sent += sender.sendBatch(batch, { timeout: 0 });
			for (let next = receiver.tryRecv(); next; next = receiver.tryRecv()) check(next);
		}
		expect(received).toBe(sent);
		expect(sent).toBeGreaterThan(500);
		for (const length of [0, 1, 7, 8, 9, 16, 17, 31, 32, 33, 2040]) {
			expect(sender.send(large(length, length))).toBe(true);
			expect(isLarge(receiver.recv({ timeout: 1000 }) ?? new Uint8Array(1), length, length)).toBe(true);
		}
	});

	test("loans: sent, shortened, aborted, and ended in another order", () => {
		const name = names.next();
		using receiver = receiving.Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = sending.Channel.sender(name, { prefix });
		for (let i = 0; i < 60; i++) {
			// Past what was given up: there may be no room otherwise.
			expect(receiver.tryRecv()).toBeNull();
			using loan = lent(sender.loan(2032 - (i % 7), { timeout: 1000 }));
			loan.bytes.fill(i);
			expect(receiver.tryRecv()).toBeNull();
			const length = (i * 37) % 2000;
			if (i % 4 !== 3) {
				loan.send(length);
				expect(receiver.tryRecv()).toEqual(new Uint8Array(length).fill(i));
			}
		}
		const loans = ["a", "b", "c"].map(() => lent(sender.loan(100)));
		sender.send("d");
		for (const i of [2, 0, 1]) {
			expect(receiver.tryRecv()).toBeNull();
			loans[i]?.bytes.set([i]);
			loans[i]?.send(1);
			if (i === 0) expect(receiver.tryRecv()).toEqual(Uint8Array.of(0));
		}
		expect([receiver.tryRecv(), receiver.tryRecv()]).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
		expect(text(receiver.tryRecv())).toBe("d");
	});

	test("observers miss what is counted, and nothing is torn", () => {
		const LARGEST = 5000; // some in fragments
		const name = names.next();
		using ordinary = receiving.Channel.receiver(name, { prefix, capacity: 16_384 });
		using observer = receiving.Channel.receiver(name, { prefix, lossy: true });
		using viewer = sending.Channel.receiver(name, { prefix, lossy: true });
		using sender = sending.Channel.sender(name, { prefix });
		expect([sender.receiverCount, sender.observerCount]).toEqual([1, 2]);
		const buffer = new Uint8Array(LARGEST);
		let sent = 0;
		let [seen, views, received] = [-1, 0, 0];
		for (let round = 0; round < 60; round++) {
			for (let burst = 20 + ((round * 7919) % 400); burst > 0; burst--, sent++) {
				const message = writePattern(buffer, 1, sent, LARGEST);
				if (sent % 5 === 0 && message.byteLength < 4000) {
					const loan = lent(sender.loan(message.byteLength + (sent % 50)));
					loan.bytes.set(message);
					loan.send(message.byteLength);
				} else expect(sender.send(message)).toBe(true);
				const copy = ordinary.tryRecv();
				expect(copy && readPattern(copy, LARGEST).sequence).toBe(sent);
			}
			for (let next = observer.tryRecv(); next; next = observer.tryRecv(), received++) {
				const { sequence } = readPattern(next, LARGEST);
				expect(sequence).toBeGreaterThan(seen);
				seen = sequence;
				expect(observer.lost).toBe(sequence - received);
			}
			expect(seen).toBe(sent - 1);
			const newest = viewer.recvLatest({ timeout: 0 });
			expect(newest && readPattern(newest, LARGEST).sequence).toBe(sent - 1);
			views++;
			expect(viewer.lost + viewer.skipped + views).toBe(sent);
		}
		expect([ordinary.lost, observer.lost > 0, viewer.skipped > 0]).toEqual([0, true, true]);
	});

	test("fragments of several senders, with other messages between them", async () => {
		const name = names.next();
		using receiver = receiving.Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = sending.Channel.sender(name, { prefix });
		using second = sending.Channel.sender(name, { prefix });
		using other = receiving.Channel.sender(name, { prefix });
		const lengths = [30_000, 2041, 10_001, 60_000];
		const sends = [
			sender.sendAsync(large(0, 30_000)),
			second.sendAsync(large(1, 2041)),
			sender.sendAsync(large(2, 10_001)),
			other.sendAsync(large(3, 60_000)),
			...Array.from({ length: 20 }, (_, i) => second.sendAsync(`small ${i}`)),
		];
		const seen = new Set<number>();
		let small = 0;
		while (seen.size < 4 || small < 20) {
			// By turns into memory that is large enough, and to be kept.
			const message = seen.size % 2 === 0 ? await receiver.recvAsync({ timeout: 10_000 }) : receiver.tryRecv();
			if (!message) {
				await new Promise((resolve) => setImmediate(resolve));
				continue;
			}
			if (message.byteLength < 100) {
				expect(text(message)).toBe(`small ${small++}`);
				continue;
			}
			const seed = lengths.indexOf(message.byteLength);
			expect(isLarge(message, seed, message.byteLength)).toBe(true);
			seen.add(seed);
		}
		expect(await Promise.all(sends)).toEqual(sends.map(() => true));
		expect(receiver.tryRecv()).toBeNull();
	});

	test("a queue with receivers of both engines: messages are taken, done and retried", () => {
		const name = names.next();
		using receiver = receiving.Queue.receiver(name, { prefix, capacity: 4096 });
		using second = sending.Queue.receiver(name, { prefix });
		using sender = sending.Queue.sender(name, { prefix });
		using other = receiving.Queue.sender(name, { prefix });
		let sent = 0;
		let received = 0;
		for (let round = 0; round < 20; round++) {
			while ((sent % 2 === 0 ? sender : other).trySend(`job ${sent}`)) sent++;
			while (received < sent) {
				const each = received % 2 === 0 ? receiver : second;
				const lease = each.tryTake();
				if (!lease) throw new Error(`job ${received} did not come`);
				expect([text(lease.bytes), lease.attempt]).toEqual([`job ${received}`, 1]);
				if (received % 5 === 0) {
					lease.retry();
					const again = (each === receiver ? second : receiver).tryTake();
					expect([again && text(again.bytes), again?.attempt]).toEqual([`job ${received}`, 2]);
					again?.done();
				} else lease.done();
				received++;
			}
			expect([receiver.tryTake(), second.tryTake()]).toEqual([null, null]);
		}
		expect(sent).toBeGreaterThan(1000);
		using loan = lent(sender.loan(100));
		loan.bytes.fill(7);
		expect(receiver.tryTake()).toBeNull();
		loan.send(3);
		expect(receiver.tryRecv()).toEqual(new Uint8Array(3).fill(7));
		// A receiver that closes puts back what it has.
		sender.send("again");
		const leaving = receiving.Queue.receiver(name, { prefix });
		expect(text(leaving.tryTake()?.bytes ?? null)).toBe("again");
		leaving.close();
		expect(second.tryTake()?.attempt).toBe(2);
	});

	test("drops the newest message, and the send returns false", () => {
		const name = names.next();
		using receiver = receiving.Channel.receiver(name, { prefix, capacity: 4096, overflow: "drop-newest" });
		using sender = sending.Channel.sender(name, { prefix });
		const buffer = new Uint8Array(2000);
		for (let round = 0; round < 20; round++) {
			const accepted: number[] = [];
			for (let i = 0; i < 200; i++) if (sender.send(writePattern(buffer, 1, i, 2000))) accepted.push(i);
			expect(accepted.length).toBeLessThan(200);
			const got: number[] = [];
			while (receiver.drain((view) => got.push(readPattern(view, 2000).sequence), { timeout: 0 }) > 0);
			expect(got).toEqual(accepted);
		}
		expect(sender.send(large(1, 10_000))).toBe(false);
		expect(receiver.lost).toBe(0);
	});

	test("drops the oldest messages, and counts them; a receiver can begin at the oldest one left", () => {
		const name = names.next();
		using slow = receiving.Channel.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
		using sender = sending.Channel.sender(name, { prefix });
		const buffer = new Uint8Array(3000);
		let received = 0;
		let last = -1;
		for (let sent = 0; sent < 1500; sent++) {
			expect(sender.trySend(writePattern(buffer, 2, sent, 3000))).toBe(true);
			// At first not at all, then now and then.
			if (sent < 700 || sent % 100 !== 0) continue;
			for (let got = slow.tryRecv(); got; got = slow.tryRecv()) {
				const { sequence } = readPattern(got, 3000);
				expect(sequence).toBeGreaterThan(last);
				last = sequence;
				received++;
			}
			expect(received + slow.lost).toBe(sent + 1);
		}
		expect(received).toBeGreaterThan(50);
		for (const { Channel } of [receiving, sending]) {
			using oldest = Channel.receiver(name, { prefix, from: "oldest" });
			const replayed: number[] = [];
			for (let got = oldest.tryRecv(); got; got = oldest.tryRecv()) replayed.push(readPattern(got, 3000).sequence);
			expect(replayed.length).toBeGreaterThan(5);
			expect(replayed).toEqual(Array.from({ length: replayed.length }, (_, i) => 1500 - replayed.length + i));
			expect(oldest.lost).toBe(0);
		}
	});

	test("a receiver can begin at the oldest message of a ring that blocks", () => {
		const name = names.next();
		using first = receiving.Channel.receiver(name, { prefix, capacity: 4096 });
		using sender = sending.Channel.sender(name, { prefix });
		for (let i = 0; i < 500; i++) {
			expect(sender.send(`message ${i}`)).toBe(true);
			expect(text(first.tryRecv())).toBe(`message ${i}`);
		}
		using oldest = receiving.Channel.receiver(name, { prefix, from: "oldest" });
		const replayed: (string | null)[] = [];
		for (let got = oldest.tryRecv(); got; got = oldest.tryRecv()) replayed.push(text(got));
		expect(replayed.length).toBeGreaterThan(10);
		expect(replayed).toEqual(Array.from({ length: replayed.length }, (_, i) => `message ${500 - replayed.length + i}`));
		sender.send("next");
		expect([text(first.tryRecv()), text(oldest.tryRecv())]).toEqual(["next", "next"]);
	});
});

const pairs: [Which, Which][] = [
	["C", "TypeScript"],
	["TypeScript", "C"],
];

describe.each(pairs)("%s in another process, and %s here", (there, here) => {
	const { Channel, Queue } = factories(engines[here], 0);

	test("a sender killed with an open loan: the loan becomes padding within a second", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		await using lender = child(there, "lend", name);
		expect(await lender.line()).toBe("lent");
		expect(text(receiver.recv())).toBe("before");
		expect(receiver.recv({ timeout: 50 })).toBeNull();
		await lender.kill();
		using sender = Channel.sender(name, { prefix });
		sender.send("after");
		const killed = performance.now();
		expect(text(receiver.recv({ timeout: 20_000 }))).toBe("after");
		expect(performance.now() - killed).toBeLessThan(RECOVERY_MS);
	}, 300_000);

	test("a receiver killed with a lease: another receiver gets the message within a second", async () => {
		const name = names.next();
		using receiver = Queue.receiver(name, { prefix });
		using sender = Queue.sender(name, { prefix });
		sender.send("job");
		await using worker = child(there, "take", name);
		expect(await worker.line()).toBe("job");
		expect(receiver.recv({ timeout: 50 })).toBeNull();
		await worker.kill();
		const killed = performance.now();
		using lease = receiver.take({ timeout: 20_000 });
		expect([lease && text(lease.bytes), lease?.attempt]).toEqual(["job", 2]);
		expect(performance.now() - killed).toBeLessThan(RECOVERY_MS);
	}, 300_000);

	test("a sender killed in the middle of a large message, or at any moment: others continue", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 16_384 });
		using sender = Channel.sender(name, { prefix });
		{
			await using begun = child(there, "sendPart", name);
			expect(await begun.line()).toBe("begun");
		}
		expect(receiver.tryRecv()).toBeNull();
		for (let round = 1; round <= 3; round++) {
			await using flood = child(there, "flood", name, round);
			await flood.line();
			for (let i = 0; i < 2000 * round; i++)
				expect(readPattern(receiver.recv({ timeout: 20_000 }) ?? new Uint8Array(9), 64).sequence).toBe(i);
			await flood.kill();
			const killed = performance.now();
			while (receiver.tryRecv());
			expect(sender.send("here", { timeout: 20_000 })).toBe(true);
			expect(performance.now() - killed).toBeLessThan(RECOVERY_MS);
			expect(text(receiver.recv({ timeout: 20_000 }))).toBe("here");
		}
	}, 300_000);

	test("senders and receivers of both engines at once: every message arrives, in one order", async () => {
		const name = names.next();
		const each = 4000;
		using sender = Channel.sender(name, { prefix, capacity: 16_384 });
		await using first = child(here, "receive", name, 0, 3 * each);
		await using second = child(there, "receive", name, 0, 3 * each);
		expect([await first.line(), await second.line()]).toEqual(["ready", "ready"]);
		await using senders = new AsyncDisposableStack();
		for (const [i, which] of [here, there].entries()) senders.use(child(which, "send", name, i + 1, each));
		const buffer = new Uint8Array(6000);
		for (let i = 0; i < each; i++)
			expect(await sender.sendAsync(writePattern(buffer, 0, i, 6000), { timeout: 30_000 })).toBe(true);
		const orders = [await first.line(), await second.line()];
		expect(orders[0]).toBe(orders[1] as string);
	}, 300_000);
});

describe.each(directions)("a ring from %s to %s that drops its oldest messages", (from, to) => {
	test("what the poll of an event loop found may be overwritten before it is received", () => {
		const name = names.next();
		const overwritten = { prefix, capacity: 4096, overflow: "drop-oldest" } as const;
		let polled: EngineReceiver | undefined;
		const receiving = createApi(() => ({
			...engines[to],
			openReceiver(...args) {
				polled = engines[to].openReceiver(...args);
				return polled;
			},
		}));
		using receiver = receiving.Channel.receiver(name, overwritten);
		using sender = createApi(() => engines[from]).Channel.sender(name, overwritten);
		let sent = 0;
		let received = 0;
		for (let round = 0; round < 200; round++) {
			sender.send(`message ${sent++}`);
			expect(polled?.poll(WaitBits.data, { low: 0, high: 0 } as EngineWaker)).toBe(true);
			for (let more = round % 3 ? round * 7 : 0; more > 0; more--) sender.send(`message ${sent++}`);
			for (let message = receiver.tryRecv(); message; message = receiver.tryRecv())
				expect(text(message)).toBe(`message ${received++ + receiver.lost}`);
			expect(received + receiver.lost).toBe(sent);
		}
		expect(receiver.lost).toBeGreaterThan(0);
	});
});
