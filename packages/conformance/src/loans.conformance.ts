import assert from "node:assert/strict";
import { text } from "@libipc/testing/text";
import { RECOVERY_MS } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, type Loan, Route } from "./under_test.ts";

const names = new Names("loans");
const { prefix } = names;

afterAll(() => names.clear());

function lend(loan: Loan | null, content: string): Loan {
	if (!loan) throw new Error("nothing was lent");
	loan.bytes.set(new TextEncoder().encode(content));
	return loan;
}

describe.each([
	["route", Route],
	["channel", Channel],
] as const)("loans on a %s", (_, factory) => {
	test("are sent whole or in part, in the order in which they were made", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const first = lend(sender.loan(5), "first");
		const second = lend(sender.loan(100), "second");
		sender.send("third");
		assert.equal(receiver.tryRecv(), null);
		second.send(6);
		assert.equal(receiver.tryRecv(), null);
		assert.equal(
			receiver.drain(() => {}, { timeout: 5 }),
			0,
		);
		first.send();
		assert.deepEqual([receiver.tryRecv(), receiver.tryRecv(), receiver.tryRecv()].map(text), [
			"first",
			"second",
			"third",
		]);
		assert.equal(receiver.tryRecv(), null);
	});

	test("can be discarded by a call or by using; a discarded loan never arrives", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		{
			using loan = sender.loan(10);
			assert.equal(loan?.bytes.byteLength, 10);
		}
		const loan = lend(sender.loan(4), "gone");
		loan[Symbol.dispose]();
		assert.throws(() => loan.send(), { code: "ERR_IPC_LOAN_ENDED" });
		using empty = sender.loan(0);
		empty?.send();
		sender.send("x");
		assert.deepEqual([receiver.recv(), receiver.recv()].map(text), ["", "x"]);
	});

	test("end once, and only with a length that fits", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using sender = factory.sender(name, { prefix });
		const loan = lend(sender.loan(3), "abc");
		for (const length of [-1, 4, 1.5, Number.NaN])
			assert.throws(() => loan.send(length), { code: "ERR_IPC_INVALID_ARGUMENT" });
		loan.send(2);
		assert.throws(() => loan.send(), { code: "ERR_IPC_LOAN_ENDED" });
		loan[Symbol.dispose]();
		assert.equal(text(receiver.recv()), "ab");
		assert.throws(() => sender.loan(sender.maxMessageLength + 1), { code: "ERR_IPC_INVALID_ARGUMENT" });
		assert.throws(() => sender.loan(-1), { code: "ERR_IPC_INVALID_ARGUMENT" });
	});

	test("wait for room, and are refused without receivers", () => {
		const name = names.next();
		using sender = factory.sender(name, { prefix, capacity: 4096 });
		assert.equal(sender.loan(10), null);
		using receiver = factory.receiver(name, { prefix });
		const loans: Loan[] = [];
		for (let loan = sender.loan(500, { timeout: 0 }); loan; loan = sender.loan(500, { timeout: 5 })) loans.push(loan);
		assert.equal(loans.length, 7);
		assert.equal(sender.trySend(new Uint8Array(500)), false);
		for (const [i, loan] of loans.entries()) {
			loan.bytes.fill(i);
			loan.send();
		}
		for (let i = 0; i < 7; i++) assert.deepEqual(receiver.recv(), new Uint8Array(500).fill(i));
		assert.equal(sender.trySend("again"), true);
	});

	test("the largest loan, many times: padding, wrap, shortening", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix, capacity: 4096 });
		using sender = factory.sender(name, { prefix });
		for (let i = 0; i < 300; i++) {
			const loan = sender.loan(2032 - (i % 7), { timeout: 0 });
			loan?.bytes.fill(i);
			const length = (i * 37) % 2000;
			loan?.send(length);
			assert.deepEqual(receiver.tryRecv(), new Uint8Array(length).fill(i));
		}
	});

	test("closing the sender gives up open loans; receivers continue", () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		const sender = factory.sender(name, { prefix });
		const loan = lend(sender.loan(3), "abc");
		sender.send("after");
		sender.close();
		assert.equal(text(receiver.recv({ timeout: 20_000 })), "after");
		assert.throws(() => loan.send(), { code: "ERR_IPC_LOAN_ENDED" });
		loan.bytes.fill(1);
	});

	test("the loan of a killed program becomes padding within a second, for receivers that wait and that try", async () => {
		const name = names.next();
		using receiver = factory.receiver(name, { prefix });
		using trying = factory.receiver(name, { prefix });
		await using child = startProgram("lender", [_, prefix, name]);
		assert.equal(await child.line(), "lent");
		assert.equal(text(receiver.recv()), "before");
		assert.equal(text(trying.tryRecv()), "before");
		assert.equal(receiver.recv({ timeout: 50 }), null);
		assert.equal(trying.tryRecv(), null);
		await child.kill();
		using sender = factory.sender(name, { prefix });
		sender.send("after");
		const killed = performance.now();
		assert.equal(text(receiver.recv({ timeout: 20_000 })), "after");
		let message = trying.tryRecv();
		while (message === null && performance.now() - killed < 20_000) message = trying.tryRecv();
		assert.equal(text(message), "after");
		assert.ok(performance.now() - killed < RECOVERY_MS);
	});
});

test("loans of several senders of a channel, ended in another order", () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix });
	using a = Channel.sender(name, { prefix });
	using b = Channel.sender(name, { prefix });
	const loans = [lend(a.loan(2), "a1"), lend(b.loan(2), "b1"), lend(a.loan(2), "a2"), lend(b.loan(2), "b2")];
	for (const i of [3, 1, 0, 2]) loans[i]?.send();
	assert.deepEqual(
		[1, 2, 3, 4].map(() => text(receiver.recv())),
		["a1", "b1", "a2", "b2"],
	);
});
