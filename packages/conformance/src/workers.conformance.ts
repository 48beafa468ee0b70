/** Threads of this process that use the library, whatever the transport is. */
import assert from "node:assert/strict";
import { libraryDescriptors, MOST_SIGNALLERS } from "@libipc/testing/library_descriptors";
import { scale } from "@libipc/testing/scale";
import { ProgramGroup } from "@libipc/testing/test_program";
import { text } from "@libipc/testing/text";
import { until } from "@libipc/testing/timing";
import { rest } from "./fill.ts";
import { afterAll, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram, startThreadProgram } from "./start_program.ts";
import { Channel } from "./under_test.ts";

const names = new Names("workers");
const { prefix } = names;

afterAll(() => names.clear());

test("sixteen Workers load the library at the same time, and each gets every message", async () => {
	const name = names.next();
	await using group = new ProgramGroup();
	const workers = Array.from({ length: 16 }, () =>
		group.add(startThreadProgram("worker", ["receives", prefix, name, 100])),
	);
	for (const worker of workers) assert.equal(await worker.line(), "ready");
	using sender = Channel.sender(name, { prefix });
	assert.equal(sender.receiverCount, 16);
	for (let i = 0; i < 100; i++) assert.equal(sender.send(`message ${i}`), true);
	for (const worker of workers) for (let i = 0; i < 100; i++) assert.equal(await worker.line(), `message ${i}`);
});

test("the receiver of a terminated Worker does not hold the senders back", async () => {
	const name = names.next();
	using sender = Channel.sender(name, { prefix, capacity: 4096 });
	await using worker = startThreadProgram("worker", ["receives", prefix, name, 1]);
	assert.equal(await worker.line(), "ready");
	assert.equal(sender.send("first"), true);
	assert.equal(await worker.line(), "first");
	await worker.kill();
	// No receiver reads any more. The receiver counts until the full ring makes the sender check whether its thread still runs.
	const block = new Uint8Array(1000);
	while (sender.send(block, { timeout: 20_000 }));
	assert.equal(sender.receiverCount, 0);
});

test("a Worker that waits without a timeout can be terminated", async () => {
	await using worker = startThreadProgram("worker", ["receives", prefix, names.next(), 1]);
	assert.equal(await worker.line(), "ready");
	await worker.kill();
});

test("a Worker that waits asynchronously under a flood can be terminated, again and again", async () => {
	const name = names.next();
	using sentinel = Channel.receiver(name, { prefix });
	await using flood = startProgram("flood", [prefix, name, 32]);
	assert.equal(await flood.line(), "ready");
	let flooding = true;
	let seen = 0;
	// Reads along, so that the flood continues.
	const reading = (async () => {
		for await (const message of sentinel) {
			seen += Number(message.byteLength === 32);
			if (!flooding) break;
		}
	})();
	const round = async (i: number) => {
		await using worker = startThreadProgram("worker", ["receives asynchronously", prefix, name]);
		assert.equal(await worker.line(), "ready");
		// Half of them are terminated in the middle of receiving, the others at the first wait.
		while (i % 2 === 0 && (await worker.line()) !== "32");
	};
	for (let i = 0; i < scale(50, 10); i += 5) await Promise.all([0, 1, 2, 3, 4].map((more) => round(i + more)));
	flooding = false;
	await reading;
	await flood.kill();
	assert.ok(seen > 100);
	// The process works as before.
	using sender = Channel.sender(name, { prefix });
	rest(sentinel);
	assert.equal(await sender.sendAsync("still works", { timeout: 10_000 }), true);
	for (;;) {
		const message = await sentinel.recvAsync({ timeout: 10_000 });
		if (message?.byteLength === 32) continue;
		assert.equal(text(message), "still works");
		break;
	}
}, 120_000);

test("Workers that are terminated while they wait leave no descriptor", async () => {
	const name = names.next();
	const round = async () => {
		await using worker = startThreadProgram("worker", ["receives asynchronously", prefix, name]);
		assert.equal(await worker.line(), "ready");
		await worker.kill();
	};
	// What the library keeps open from its first use on is open after this.
	await round();
	const before = libraryDescriptors();
	for (let i = 0; i < 12; i++) await round();
	await until(() => libraryDescriptors().wakers === 0);
	const { signallers, ...after } = libraryDescriptors();
	assert.deepEqual(after, { files: before.files, wakers: 0 });
	assert.ok(signallers <= MOST_SIGNALLERS, `${signallers} sockets to signal with, ${before.signallers} before`);
});
