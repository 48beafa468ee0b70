import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startClock } from "@libipc/testing/clock";
import { readPattern } from "@libipc/testing/pattern";
import { text } from "@libipc/testing/text";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, type Receiver } from "./under_test.ts";

const names = new Names("fairness");
const { prefix } = names;

afterAll(() => names.clear());

describe("fairness to the event loop", () => {
	test("a flood from another program leaves time for timers, immediates and a server", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		const server = createServer((_, response) => void response.end("still here"));
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const { port } = server.address() as AddressInfo;
		await using child = startProgram("sender", ["channel", prefix, name, 3, 1e9, 64, 1]);
		assert.equal(await child.line(), "ready");
		let ticks = 0;
		const interval = setInterval(() => ticks++, 5);
		let received = 0;
		let fetched = 0;
		const fetching = (async () => {
			for (; fetched < 20; fetched++) {
				const response = await fetch(`http://127.0.0.1:${port}/`);
				assert.equal(await response.text(), "still here");
			}
		})();
		const started = performance.now();
		for await (const message of receiver) {
			assert.deepEqual(readPattern(message, 64), { sender: 3, sequence: received++ });
			if ((fetched === 20 && ticks >= 20) || performance.now() - started > 20_000) break;
		}
		clearInterval(interval);
		await child.kill();
		assert.deepEqual({ fetched, ticks: Math.min(ticks, 20) }, { fetched: 20, ticks: 20 });
		await fetching;
		server.close();
		assert.ok(received > 1000);
	});

	test("two receivers under a flood each get every message", async () => {
		const name = names.next();
		using first = Channel.receiver(name, { prefix, capacity: 65_536 });
		using second = Channel.receiver(name, { prefix });
		await using child = startProgram("sender", ["channel", prefix, name, 1, 30_000, 64, 2]);
		assert.equal(await child.line(), "ready");
		const read = async (receiver: Receiver) => {
			let next = 0;
			for await (const message of receiver) {
				const { sequence } = readPattern(message, 64);
				if (sequence !== next) throw new Error(`${sequence} came instead of ${next}`);
				if (++next === 30_000) break;
			}
			return next;
		};
		assert.deepEqual(await Promise.all([read(first), read(second)]), [30_000, 30_000]);
		assert.deepEqual([first.tryRecv(), second.tryRecv()], [null, null]);
	});

	test("ref and unref do not delay a message that has come", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		const count = 3000;
		const clock = startClock();
		const reading = (async () => {
			let next = 0;
			for await (const message of receiver) {
				assert.equal(text(message), `m${next}`);
				// Uses up the turn, so that the wait that follows is put off to the next one.
				if (next % 100 === 0) {
					const begun = performance.now();
					while (performance.now() - begun < 6);
					setImmediate(() => receiver.unref().ref());
					queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => receiver.unref().ref())));
				}
				if (++next === count) break;
			}
		})();
		for (let i = 0; i < count; i++) sender.send(`m${i}`);
		await reading;
		// 30 turns used up: 0.2 s of work; each delay until a poll would add 0.7 s.
		const ms = clock();
		assert.ok(ms < 5000, `took ${ms} ms`);
	});
});
