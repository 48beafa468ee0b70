/** What happens to the others when a program is killed, is stopped or exits. */
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { assertLike } from "@libipc/testing/assert_like";
import { readPattern, writePattern } from "@libipc/testing/pattern";
import { scale } from "@libipc/testing/scale";
import type { TestProgram } from "@libipc/testing/test_program";
import { text } from "@libipc/testing/text";
import { RECOVERY_MS, until } from "@libipc/testing/timing";
import { afterAll, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, Route } from "./under_test.ts";

const names = new Names("killed");
const { prefix } = names;

afterAll(() => names.clear());

async function holder(kind: string, role: string, name: string, options: object = {}): Promise<TestProgram> {
	const child = startProgram("holder", [kind, role, prefix, name, JSON.stringify(options)]);
	assert.equal(await child.line(), "ready");
	return child;
}

test("a sender that waits for a killed receiver continues within a second", async () => {
	const name = names.next();
	using alive = Channel.receiver(name, { prefix, capacity: 4096 });
	using sender = Channel.sender(name, { prefix });
	await using child = await holder("channel", "receiver", name);
	assert.equal(sender.receiverCount, 2);
	let sent = 0;
	while (sender.trySend(`message ${sent}`)) {
		sent++;
		if (sent % 50 === 0) while (alive.tryRecv());
	}
	await child.kill();
	const started = performance.now();
	assert.equal(sender.send("after the kill", { timeout: 10_000 }), true);
	assert.ok(performance.now() - started < RECOVERY_MS);
	assert.equal(sender.receiverCount, 1);
	let last = "";
	for (let message = alive.tryRecv(); message; message = alive.tryRecv()) last = text(message);
	assert.equal(last, "after the kill");
});

test("a stopped receiver is not dead: the sender waits, and nothing is lost", async () => {
	const name = names.next();
	using sender = Route.sender(name, { prefix, capacity: 4096 });
	await using child = startProgram("receiver", ["route", prefix, name, 1000, 64]);
	assert.equal(await child.line(), "ready");
	child.signal("SIGSTOP");
	const buffer = new Uint8Array(64);
	let sent = 0;
	while (sender.trySend(writePattern(buffer, 0, sent, 64))) sent++;
	assert.equal(sender.send(writePattern(buffer, 0, sent, 64), { timeout: 1500 }), false);
	assert.equal(sender.receiverCount, 1);
	child.signal("SIGCONT");
	for (; sent < 1000; sent++) assert.equal(sender.send(writePattern(buffer, 0, sent, 64), { timeout: 10_000 }), true);
	assertLike(await child.report<object>(), { received: 1000, next: [1000] });
});

test("a route accepts a new sender as soon as the old one was killed, and its receivers continue", async () => {
	const name = names.next();
	using receiver = Route.receiver(name, { prefix });
	await using child = await holder("route", "sender", name);
	assert.throws(() => Route.sender(name, { prefix }), {
		code: "ERR_IPC_HAS_SENDER",
		message: new RegExp(String(child.pid)),
	});
	await child.kill();
	using sender = Route.sender(name, { prefix });
	assert.equal(sender.send("hello"), true);
	assert.equal(text(receiver.recv()), "hello");
});

test("senders killed while they send leave whole messages, in order, and the channel continues", async () => {
	const name = names.next();
	using receiver = Channel.receiver(name, { prefix, capacity: 65_536 });
	for (let round = 0; round < scale(10, 3); round++) {
		await using child = startProgram("sender", ["channel", prefix, name, round, 1e9, 2000, 1]);
		assert.equal(await child.line(), "ready");
		const wanted = 1000 + round * 777;
		let next = 0;
		const check = (bytes: Uint8Array) =>
			assert.deepEqual(readPattern(bytes, 2000), { sender: round, sequence: next++ });
		while (next < wanted) receiver.drain(check, { timeout: 20_000, max: 100 });
		// A thread ends between two calls only, and its call may wait for space.
		let hasEnded = false;
		const ended = child.kill().then(() => {
			hasEnded = true;
		});
		while (!hasEnded) {
			receiver.drain(check, { timeout: 0 });
			await new Promise((resolve) => setImmediate(resolve));
		}
		await ended;
		while (receiver.drain(check, { timeout: 0 }) > 0);
	}
	using sender = Channel.sender(name, { prefix });
	assert.equal(sender.send("still works", { timeout: 20_000 }), true);
	assert.equal(text(receiver.recv({ timeout: 20_000 })), "still works");
});

test("what killed programs leave is replaced by the next to open, also with other options", async () => {
	const name = names.next();
	const child = await holder("route", "receiver", name, { capacity: 8192 });
	await child.kill();
	// What a thread leaves is removed at its end.
	if (instance.transport === "threads") await until(() => !names.existing().includes(name));
	else assert.equal(names.existing().includes(name), true);
	using sender = Route.sender(name, { prefix, capacity: 16_384 });
	assert.equal(sender.receiverCount, 0);
	if (instance.engine === "native")
		assert.equal(statSync(names.path("route", name)).size, 4096 + (64 + 64) * 128 + 16_384);
});

test("a program that exits closes its endpoints, and the last one to leave removes the storage", async () => {
	const name = names.next();
	await using child = startProgram("async", ["opens and exits", prefix, name]);
	assert.equal(await child.line(), '"open"');
	assert.equal(await child.exited, 0);
	assert.equal(names.existing().includes(name), false);
	if (instance.engine === "native") assert.equal(existsSync(names.path("channel", name)), false);
});
