import { afterAll, describe, expect, test } from "bun:test";
import { Channel, type Loan, Route } from "./index.ts";
import { Child } from "./testing/child.ts";

const prefix = `loans${process.pid}`;
let count = 0;

afterAll(() => {
	for (let i = 0; i < count; i++) {
		Route.clear(`n${i}`, { prefix });
		Channel.clear(`n${i}`, { prefix });
	}
});

const unique = () => `n${count++}`;
const text = (bytes: Uint8Array | null) => (bytes ? new TextDecoder().decode(bytes) : null);

function lend(loan: Loan | null, content: string): Loan {
	if (!loan) throw new Error("nothing was lent");
	loan.bytes.set(new TextEncoder().encode(content));
	return loan;
}

describe.each([
	["route", Route],
	["channel", Channel],
] as const)("loans on a %s", (_, factory) => {
	test("are sent whole or in part, and keep the order of lending", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const first = lend(sender.loan(5), "first");
		const second = lend(sender.loan(100), "second");
		sender.send("third");
		expect(receiver.tryRecv()).toBeNull();
		second.send(6);
		expect(receiver.tryRecv()).toBeNull();
		expect(receiver.drain(() => {}, { timeout: 5 })).toBe(0);
		first.send();
		expect([receiver.tryRecv(), receiver.tryRecv(), receiver.tryRecv()].map(text)).toEqual([
			"first",
			"second",
			"third",
		]);
		expect(receiver.tryRecv()).toBeNull();
	});

	test("can be discarded, by hand and by using; what was discarded never arrives", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		{
			using loan = sender.loan(10);
			expect(loan?.bytes.byteLength).toBe(10);
		}
		const loan = lend(sender.loan(4), "gone");
		loan[Symbol.dispose]();
		expect(() => loan.send()).toThrow(expect.objectContaining({ code: "ERR_IPC_LOAN_ENDED" }));
		using empty = sender.loan(0);
		empty?.send();
		sender.send("x");
		expect([receiver.recv(), receiver.recv()].map(text)).toEqual(["", "x"]);
	});

	test("end once, and only with a length that was lent", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const loan = lend(sender.loan(3), "abc");
		for (const length of [-1, 4, 1.5, Number.NaN])
			expect(() => loan.send(length)).toThrow(expect.objectContaining({ code: "ERR_IPC_INVALID_ARGUMENT" }));
		loan.send(2);
		expect(() => loan.send()).toThrow(expect.objectContaining({ code: "ERR_IPC_LOAN_ENDED" }));
		loan[Symbol.dispose]();
		expect(text(receiver.recv())).toBe("ab");
		expect(() => sender.loan(sender.maxMessageLength + 1)).toThrow(
			expect.objectContaining({ code: "ERR_IPC_INVALID_ARGUMENT" }),
		);
		expect(() => sender.loan(-1)).toThrow(expect.objectContaining({ code: "ERR_IPC_INVALID_ARGUMENT" }));
	});

	test("wait for room, and are refused with nobody connected", () => {
		const name = unique();
		using sender = factory.sender(name, { prefix, capacity: 4096 });
		expect(sender.loan(10)).toBeNull();
		using receiver = factory.receiver(name, { prefix });
		const loans: Loan[] = [];
		for (let loan = sender.loan(500, { timeout: 0 }); loan; loan = sender.loan(500, { timeout: 5 })) loans.push(loan);
		expect(loans.length).toBe(7);
		expect(sender.trySend(new Uint8Array(500))).toBe(false);
		for (const [i, loan] of loans.entries()) {
			loan.bytes.fill(i);
			loan.send();
		}
		for (let i = 0; i < 7; i++) expect(receiver.recv()).toEqual(new Uint8Array(500).fill(i));
		expect(sender.trySend("again")).toBe(true);
	});

	test("the largest one, over and over: padding, wrap, shortening", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		for (let i = 0; i < 300; i++) {
			const loan = sender.loan(2032 - (i % 7), { timeout: 0 });
			loan?.bytes.fill(i);
			const length = (i * 37) % 2000;
			loan?.send(length);
			expect(receiver.tryRecv()).toEqual(new Uint8Array(length).fill(i));
		}
	});

	test("closing the sender gives up what is open; receivers go on", () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		const sender = factory.sender(name, { prefix });
		const loan = lend(sender.loan(3), "abc");
		sender.send("after");
		sender.close();
		expect(text(receiver.recv({ timeout: 5000 }))).toBe("after");
		expect(() => loan.send()).toThrow(expect.objectContaining({ code: "ERR_IPC_LOAN_ENDED" }));
		loan.bytes.fill(1);
	});

	test("a killed process's loan becomes padding within a second, for waiting and for trying receivers", async () => {
		const name = unique();
		using receiver = factory.receiver(name, { prefix });
		using trying = factory.receiver(name, { prefix });
		await using child = new Child("lender.child.ts", [_, prefix, name]);
		expect(await child.line()).toBe("lent");
		expect(text(receiver.recv())).toBe("before");
		expect(text(trying.tryRecv())).toBe("before");
		expect(receiver.recv({ timeout: 50 })).toBeNull();
		expect(trying.tryRecv()).toBeNull();
		await child.kill();
		using sender = factory.sender(name, { prefix });
		sender.send("after");
		const killed = performance.now();
		expect(text(receiver.recv({ timeout: 5000 }))).toBe("after");
		let message = trying.tryRecv();
		while (message === null && performance.now() - killed < 5000) message = trying.tryRecv();
		expect(text(message)).toBe("after");
		expect(performance.now() - killed).toBeLessThan(1000);
	}, 20_000);
});

test("loans of several senders of a channel, ended in another order", () => {
	const name = unique();
	using receiver = Channel.receiver(name, { prefix });
	using a = Channel.sender(name, { prefix });
	using b = Channel.sender(name, { prefix });
	const loans = [lend(a.loan(2), "a1"), lend(b.loan(2), "b1"), lend(a.loan(2), "a2"), lend(b.loan(2), "b2")];
	for (const i of [3, 1, 0, 2]) loans[i]?.send();
	expect([1, 2, 3, 4].map(() => text(receiver.recv()))).toEqual(["a1", "b1", "a2", "b2"]);
});

test("a forgotten loan is given up when it is collected", async () => {
	const name = unique();
	using receiver = Channel.receiver(name, { prefix });
	using sender = Channel.sender(name, { prefix });
	(() => {
		for (let i = 0; i < 20; i++) sender.loan(100);
	})();
	sender.send("after");
	let message = receiver.tryRecv();
	// Conservative scanning of the stack may keep one for a while; the others must go, and so must that one in the end.
	for (let i = 0; i < 500 && message === null; i++) {
		Bun.gc(true);
		await Bun.sleep(1);
		message = receiver.tryRecv();
	}
	expect(text(message)).toBe("after");
});
