/** Descriptors, threads and mappings of the process: what endpoints use, and that nothing of it stays behind. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { assertLike } from "@libipc/testing/assert_like";
import { type LibraryDescriptors, libraryDescriptors } from "@libipc/testing/library_descriptors";
import { rejection } from "@libipc/testing/outcome";
import { scale } from "@libipc/testing/scale";
import { mappedSegments } from "@libipc/testing/segment_files";
import { text } from "@libipc/testing/text";
import { turn, until } from "@libipc/testing/timing";
import { afterAll, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { Channel, type Receiver, Route, type Sender } from "./under_test.ts";

const names = new Names("resources");
const { prefix } = names;

afterAll(() => names.clear());

const threads = () => readdirSync("/proc/self/task").length;

/** How many endpoints wait at the same time. */
const MANY = 1000;

/** The runtime starts and ends threads for compilation and garbage collection. One for each endpoint would be far more. */
const SOME_THREADS = MANY / 10;

/** Lets many endpoints wait, and returns which descriptors of the library, and how many threads, there were meanwhile. */
async function waitForMany(count: number): Promise<{ descriptors: LibraryDescriptors; threads: number }> {
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
		const used = { descriptors: libraryDescriptors(), threads: threads() };
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
		// Deno closes it when the wait for a signal that has begun in its pool of threads ends.
		await until(() => libraryDescriptors().wakers === 0);
	}
}

test("a thousand endpoints wait, each gets its message, and nothing stays behind", async () => {
	// What the library keeps open from its first use on is open then.
	await waitForMany(2);
	const before = { descriptors: libraryDescriptors(), threads: threads() };
	const used = await waitForMany(MANY);
	// One socket for all of them, and none between threads: an endpoint has no descriptor.
	assert.deepEqual(used.descriptors, { ...before.descriptors, wakers: instance.engine === "native" ? 1 : 0 });
	assert.ok(used.threads < before.threads + SOME_THREADS, `${before.threads} threads, later ${used.threads}`);
	assert.deepEqual(libraryDescriptors(), before.descriptors);
	assert.ok(threads() < before.threads + SOME_THREADS, `${before.threads} threads, later ${threads()}`);
});

test("there is one socket while an endpoint that has waited is open, and none when all of those are closed", async () => {
	const wakers = () => libraryDescriptors().wakers;
	const untilThereAre = (wanted: number) => until(() => wakers() === wanted);
	const name = names.next();
	// What the library keeps open from its first use on is open after this.
	await waitForMany(1);
	const before = libraryDescriptors();
	const receiver = Channel.receiver(name, { prefix });
	const sender = Channel.sender(name, { prefix });
	const second = Route.sender(name, { prefix });
	const clone = second.clone();
	assert.deepEqual(libraryDescriptors(), before);
	const message = receiver.recvAsync();
	await untilThereAre(1);
	const waits = Promise.allSettled([sender.receiversReady(2), clone.receiversReady(1)]);
	await turn();
	assert.deepEqual(libraryDescriptors(), { ...before, wakers: 1 });
	sender.send("x");
	assert.equal(text(await message), "x");
	receiver.close();
	sender.close();
	second.close();
	await turn();
	assert.equal(wakers(), 1);
	// The clone still waits. Now it learns that there is nothing to wait for.
	Route.clear(name, { prefix });
	assert.deepEqual(
		(await waits).map(({ status }) => status),
		["rejected", "rejected"],
	);
	assert.equal(wakers(), 1);
	clone.close();
	await untilThereAre(0);
	// Closed before the socket is polled at all.
	const short = Channel.receiver(name, { prefix });
	const ended = rejection(short.recvAsync());
	short.close();
	assertLike(await ended, { code: "ERR_IPC_CLOSED" });
	await untilThereAre(0);
	assert.deepEqual(libraryDescriptors(), before);
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
	const before = [libraryDescriptors(), mappedSegments()];
	for (let i = 0; i < scale(1000, 300); i++) cycle();
	assert.deepEqual([libraryDescriptors(), mappedSegments()], before);
});
