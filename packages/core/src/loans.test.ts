import { afterAll, describe, expect, test } from "bun:test";
import { Channel, Route } from "./index.ts";
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

describe.each([
	["route", Route],
	["channel", Channel],
] as const)("loans on a %s", (_, factory) => {
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
