/** Descriptors, threads and mappings of the process: what endpoints use, and that nothing of it stays behind. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { assertLike } from "@libipc/testing/assert_like";
import { rejection } from "@libipc/testing/outcome";
import { scale } from "@libipc/testing/scale";
import { mappedSegments } from "@libipc/testing/segment_files";
import { text } from "@libipc/testing/text";
import { sleep, turn } from "@libipc/testing/timing";
import { afterAll, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Channel, type Receiver, Route, type Sender } from "./under_test.ts";

const names = new Names("resources");
const { prefix } = names;

afterAll(() => names.clear());

const descriptors = () => readdirSync("/proc/self/fd").length;
const threads = () => readdirSync("/proc/self/task").length;

/** The runtime starts and ends threads for compilation and garbage collection. */
const SOME = 16;

/** Lets many endpoints wait, and returns how many descriptors and threads there were meanwhile. */
async function waitForMany(count: number): Promise<{ descriptors: number; threads: number }> {
	const name = names.next();
	const opened: { receiver: Receiver; sender: Sender }[] = [];
	try {
		for (let i = 0; i < count; i++) {
			const options = { prefix, capacity: 4096, maxReceivers: 1 };
			opened.push({
				receiver: Channel.receiver(`${name}.${i}`, options),
				sender: Channel.sender(`${name}.${i}`, options),
			});
		}
		const waits = opened.map(({ receiver }) => receiver.recvAsync({ timeout: 30_000 }));
		await turn();
		const used = { descriptors: descriptors(), threads: threads() };
		// Backwards, so that messages do not come in the order of the waits.
		for (let i = count - 1; i >= 0; i--) assert.equal(opened[i]?.sender.trySend(`message ${i}`), true);
		const got = await Promise.all(waits);
		assert.deepEqual(
			got.map((message) => text(message)),
			Array.from({ length: count }, (_, i) => `message ${i}`),
		);
		return used;
	} finally {
		for (const { receiver, sender } of opened) {
			receiver.close();
			sender.close();
		}
	}
}

test("a thousand endpoints wait, each gets its message, and nothing stays behind", async () => {
	// The runtime opens some descriptors at their first use, and keeps them.
	await waitForMany(2);
	const before = { descriptors: descriptors(), threads: threads() };
	const used = await waitForMany(1000);
	// One socket for all of them: an endpoint has no descriptor.
	assert.ok(used.descriptors <= before.descriptors + 3);
	assert.ok(used.threads < before.threads + SOME);
	const patience = performance.now() + 10_000;
	while (descriptors() > before.descriptors && performance.now() < patience) await sleep(5);
	assert.ok(descriptors() <= before.descriptors);
	assert.ok(threads() < before.threads + SOME);
}, 60_000);

test("there is one socket while an endpoint that has waited is open, and none when all of those are closed", async () => {
	const until = async (wanted: number) => {
		const patience = performance.now() + 5000;
		while (descriptors() !== wanted && performance.now() < patience) await turn();
		return descriptors();
	};
	const name = names.next();
	// Before, so that what the runtime opens at its first use is there. Deno opens two sockets for signals, with the first handler
	// or half a second after it has begun.
	process.once("SIGWINCH", () => {}).removeAllListeners("SIGWINCH");
	const warming = Channel.receiver(name, { prefix });
	await warming.recvAsync({ timeout: 1 });
	warming.close();
	await sleep(50);
	const before = descriptors();
	const receiver = Channel.receiver(name, { prefix });
	const sender = Channel.sender(name, { prefix });
	const second = Route.sender(name, { prefix });
	const clone = second.clone();
	assert.equal(descriptors(), before);
	const message = receiver.recvAsync();
	assert.equal(await until(before + 1), before + 1);
	const waits = Promise.allSettled([sender.receiversReady(2), clone.receiversReady(1)]);
	await turn();
	assert.equal(descriptors(), before + 1);
	sender.send("x");
	assert.equal(text(await message), "x");
	receiver.close();
	sender.close();
	second.close();
	assert.equal(await until(before + 1), before + 1);
	// The clone still waits. Now it learns that there is nothing to wait for.
	Route.clear(name, { prefix });
	assert.deepEqual(
		(await waits).map(({ status }) => status),
		["rejected", "rejected"],
	);
	clone.close();
	assert.equal(await until(before), before);
	// Closed before the socket is polled at all.
	const short = Channel.receiver(name, { prefix });
	const ended = rejection(short.recvAsync());
	short.close();
	assertLike(await ended, { code: "ERR_IPC_CLOSED" });
	assert.equal(await until(before), before);
});

test("opening and closing many times leaves no descriptor and no mapping", () => {
	const name = names.next();
	const cycle = () => {
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		sender.send("x");
		assert.equal(text(receiver.recv()), "x");
	};
	cycle();
	const before = [descriptors(), mappedSegments()];
	for (let i = 0; i < scale(1000, 300); i++) cycle();
	assert.deepEqual([descriptors(), mappedSegments()], before);
});
