import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { startClock } from "@libipc/testing/clock";
import { isPending } from "@libipc/testing/outcome";
import { scale } from "@libipc/testing/scale";
import { text } from "@libipc/testing/text";
import { RECOVERY_MS, sleep } from "@libipc/testing/timing";
import { fill, fillers, rest } from "./fill.ts";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel } from "./under_test.ts";

const names = new Names("async_wakeups");
const { prefix } = names;

afterAll(() => names.clear());

describe("between programs", () => {
	test("each wakes the other, asynchronously on both sides", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix });
		using receiver = Channel.receiver(`${name}.back`, { prefix });
		await using child = startProgram("async", ["echoes", prefix, name]);
		assert.equal(await child.line(), '"ready"');
		assert.equal(await sender.receiversReady(1), true);
		const clock = startClock();
		for (let i = 0; i < scale(500, 100); i++) {
			assert.equal(await sender.sendAsync(`ping ${i}`), true);
			assert.equal(text(await receiver.recvAsync({ timeout: 10_000 })), `ping ${i}`);
		}
		// If a wake-up were lost, each would take the 0.7 s until the next poll.
		const ms = clock();
		assert.ok(ms < 10_000, `took ${ms} ms`);
		await sender.sendAsync("end");
		assert.deepEqual(await child.report<object>(), { unhandled: [] });
		assert.equal(await child.exited, 0);
		Channel.clear(`${name}.back`, { prefix });
	});

	test("a wait that is aborted when a message comes loses nothing", async () => {
		const name = names.next();
		const count = scale(1500, 300);
		using sender = Channel.sender(name, { prefix });
		await using child = startProgram("async", ["aborts", prefix, name, count]);
		assert.equal(await child.line(), '"ready"');
		for (let i = 0; i < count; i++) {
			const started = performance.now();
			while (performance.now() - started < (i % 7) / 20);
			assert.equal(sender.send(String(i), { timeout: 10_000 }), true);
		}
		const report = await child.report<{ next: number; aborted: number; unhandled: string[]; rest: string | null }>();
		assertLike(report, { next: count, rest: null, unhandled: [] });
		// How many depends on the scheduler and the runtime: one is enough to show that the case tests something.
		assert.ok(report.aborted >= 1, `${report.aborted} were aborted`);
		assert.equal(await child.exited, 0);
	});

	test("a loan that is left behind right after a poll is skipped within a second", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using idle = Channel.receiver(names.next(), { prefix });
		await using child = startProgram("lender", ["channel", prefix, name]);
		assert.equal(await child.line(), "lent");
		assert.equal(text(receiver.recv()), "before");
		using sender = Channel.sender(name, { prefix });
		sender.send("after");
		// The first wait starts the polls of all endpoints.
		const first = idle.recvAsync({ timeout: 2000 });
		await sleep(430);
		const waiting = receiver.recvAsync();
		const killed = performance.now();
		await child.kill();
		assert.equal(text(await waiting), "after");
		assert.ok(performance.now() - killed < RECOVERY_MS);
		assert.equal(await first, null);
	});

	test("what a killed sender had sent still arrives", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		const waiting = receiver.recvAsync({ timeout: 20_000 });
		await using child = startProgram("async", ["sends and dies", prefix, name]);
		assert.equal(text(await waiting), "last words");
		await child.exited;
		assert.equal(await receiver.recvAsync({ timeout: 0 }), null);
	});

	test.each([
		["by a wait without a timeout", undefined],
		["by short waits", 100],
	] as const)("the loan of a killed sender is skipped, %s", async (_, timeout) => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		await using child = startProgram("lender", ["channel", prefix, name]);
		assert.equal(await child.line(), "lent");
		assert.equal(text(await receiver.recvAsync()), "before");
		using sender = Channel.sender(name, { prefix });
		sender.send("after");
		let message: Promise<Uint8Array | null> = receiver.recvAsync({ timeout });
		assert.equal(await isPending(message), true);
		await child.kill();
		const clock = startClock();
		const patience = performance.now() + 60_000;
		let got = await message;
		while (got === null && performance.now() < patience) {
			message = receiver.recvAsync({ timeout });
			got = await message;
		}
		assert.equal(text(got), "after");
		const ms = clock();
		assert.ok(ms < 1500, `took ${ms} ms`);
	});

	test("a sender that waits for room continues within 1.5 s after the receiver it waits for was killed", async () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		using alive = Channel.receiver(name, { prefix });
		await using child = startProgram("holder", ["channel", "receiver", prefix, name]);
		assert.equal(await child.line(), "ready");
		const sent = fill(sender);
		const waiting = sender.sendAsync("after");
		assert.deepEqual(rest(alive), fillers(sent));
		assert.equal(await isPending(waiting), true);
		await child.kill();
		const clock = startClock();
		assert.equal(await waiting, true);
		const ms = clock();
		assert.ok(ms < 1500, `took ${ms} ms`);
		assert.deepEqual(rest(alive), ["after"]);
	});
});
