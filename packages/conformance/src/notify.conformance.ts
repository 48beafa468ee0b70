/** Signals: notifications, waits for them, and what becomes of them when a process ends. */

import assert from "node:assert/strict";
import { untyped } from "@libipc/testing/bad_values";
import { isPending, rejection } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { expectTook, RECOVERY_MS, took, until } from "@libipc/testing/timing";
import { transport } from "@libipc/testing/transport";
import { expectError, expectRejection } from "./expect_error.ts";
import { afterEach, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { NOTIFIED, SEEN } from "./notify_words.ts";
import { Probe } from "./probe.ts";
import { startProgram } from "./start_program.ts";
import { list, Signal, type SignalOptions } from "./under_test.ts";
import { rounds } from "./volume.ts";

const names = new Names("notify");
const { prefix } = names;
const open = (name: string, options: SignalOptions = {}): Signal => Signal.open(name, { prefix, ...options });

afterEach(() => names.expectNothingLeft());

async function start(what: string, name: string, says: string, argument = ""): Promise<TestProgram> {
	const started = startProgram("notify", [what, prefix, name, argument]);
	assert.equal(await started.report<string>(), says);
	return started;
}

describe("a notification", () => {
	test("reaches each other handle that listens, once for each id, however often it was made", () => {
		const name = names.next();
		using signal = open(name);
		using other = open(name);
		using third = open(name, { listen: false });
		assert.equal(signal.notify(0), 1);
		assert.deepEqual([other.tryWait(), other.tryWait(), signal.tryWait()], [0, null, null]);
		for (let id = 0; id < 64; id++) {
			for (const _ of [1, 2, 3]) assert.equal(third.notify(id), 2);
			for (const each of [signal, other]) assert.deepEqual([each.tryWait(), each.tryWait()], [id, null]);
		}
		assert.equal(third.notify(63, 5, 32, 31, 5), 2);
		assert.deepEqual(
			[0, 1, 2, 3, 4].map(() => signal.wait({ timeout: 0 })),
			[5, 31, 32, 63, null],
		);
		// In turn: from the id after the last one that was taken.
		assert.equal(other.wait(), 5);
		third.notify(2, 33);
		assert.deepEqual(
			[0, 1, 2, 3, 4].map(() => other.wait()),
			[31, 32, 33, 63, 2],
		);
	});

	test("is not for handles that are opened later; a handle listens from its open on", () => {
		const name = names.next();
		using signal = open(name, { listen: false });
		assert.equal(signal.notify(1), 0);
		{
			using other = open(name);
			assert.equal(other.tryWait(), null);
			assert.equal(signal.notify(2), 1);
			assert.equal(other.wait(), 2);
			signal.notify(3);
		}
		using next = open(name); // it may have the slot of the one before
		assert.equal(next.tryWait(), null);
	});

	test("none is lost: programs that block, that wait in their event loop and that iterate see the last value", async () => {
		const name = names.next();
		const last = rounds(3000, 300);
		using probe = new Probe(prefix, name);
		using signal = open(name, { listen: false });
		const what = ["waits for all", "waits for all in the event loop", "iterates over all"];
		const children = await Promise.all(what.map((each, i) => start(each, name, "listens", `${i},${last}`)));
		for (let value = 1; value <= last; value++)
			for (let id = 0; id < 4; id++) {
				Atomics.store(probe.words, NOTIFIED + id, value);
				const notified = signal.notify(id);
				if (value < last || id === 0) assert.equal(notified, 3);
				// Now and then nothing else wakes them.
				if (id === 3 && value % (last / 30) === 0)
					await until(() => what.every((_, i) => Atomics.load(probe.words, SEEN + i * 4 + id) === value));
			}
		for (const each of children) assert.equal(await each.exited, 0);
		assert.equal(signal.notify(0), 0);
	});

	test("does not wait for a listener that takes nothing; a killed one is soon counted no more", async () => {
		const name = names.next();
		using signal = open(name);
		using other = open(name);
		await using idle = await start("listens", name, "listens");
		await using notifier = await start("notifies", name, "notifies");
		if (transport === "processes") idle.signal("SIGSTOP");
		for (let i = 0; i < 1000; i++) {
			assert.equal(signal.notify(i % 64), 3);
			assert.notEqual(other.wait({ timeout: RECOVERY_MS }), null);
		}
		assert.ok([1, 40].includes(signal.wait()));
		await idle.kill();
		await notifier.kill();
		assert.ok((await took(() => until(() => signal.notify(9) === 1))) < RECOVERY_MS);
		while (other.tryWait() !== null);
		signal.notify(9);
		assert.equal(other.wait(), 9);
		assert.deepEqual(
			list({ prefix }).map(({ kind, endpoints }) => [kind, endpoints.length]),
			[["signal", 2]],
		);
	});

	test.each([
		[[-1], /id must be an integer from 0 to 63, not -1/],
		[[64], /not 64/],
		[[1.5], /not 1\.5/],
		[["1"], /not "1"/],
		[[null], /not null/],
		[[], /id must be an integer from 0 to 63; it was left out/],
		[[1, 64], /not 64/],
		[[1, undefined], /it was left out/],
	])("of %j is refused, and nobody is notified", (ids, text) => {
		const name = names.next();
		using signal = open(name);
		using other = open(name);
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => untyped(signal.notify.bind(signal), ...ids));
		assert.equal(other.tryWait(), null);
	});
});

describe("a wait for a notification", () => {
	test("ends with its timeout or the reason of its AbortSignal, and takes nothing then", async () => {
		const name = names.next();
		using signal = open(name);
		using other = open(name);
		for (const timeout of [0, 30]) {
			expectTook(await took(() => assert.equal(signal.wait({ timeout }), null)), timeout);
			expectTook(await took(async () => assert.equal(await signal.waitAsync({ timeout }), null)), timeout);
		}
		const controller = new AbortController();
		const aborted = signal.waitAsync({ signal: controller.signal });
		const next = signal.waitAsync();
		assert.equal(await isPending(next), true);
		controller.abort("enough");
		assert.equal(await rejection(aborted), "enough");
		other.notify(3);
		assert.equal(await next, 3);
		assert.equal(signal.tryWait(), null);
		expectError("ERR_IPC_INVALID_ARGUMENT", /timeout/, () => signal.wait({ timeout: -1 }));
		await expectRejection("ERR_IPC_INVALID_ARGUMENT", /timeout/, signal.waitAsync({ timeout: Number.NaN }));
	});

	test("each id goes to one of the waits of a handle, in their order", async () => {
		const name = names.next();
		using signal = open(name);
		using other = open(name, { listen: false });
		const waits = [0, 1, 2, 3].map(() => signal.waitAsync());
		assert.equal(await isPending(Promise.race(waits)), true);
		other.notify(1, 2);
		assert.deepEqual(await Promise.all(waits.slice(0, 2)), [1, 2]);
		assert.equal(await isPending(Promise.race(waits.slice(2))), true);
		other.notify(1);
		assert.equal(await waits[2], 1);
		other.notify(1);
		assert.equal(await waits[3], 1);
	});

	test("for await gives the ids, until it is left, aborted, or the handle is closed", async () => {
		const name = names.next();
		const signal = open(name);
		using other = open(name);
		other.notify(1, 2, 3);
		const got: number[] = [];
		for await (const id of signal) {
			got.push(id);
			if (id === 2) break;
		}
		const controller = new AbortController();
		const iterate = async (): Promise<void> => {
			for await (const id of signal.ids({ signal: controller.signal })) got.push(id);
		};
		const aborted = iterate();
		assert.equal(await isPending(aborted), true);
		assert.deepEqual(got, [1, 2, 3]);
		controller.abort("enough");
		assert.equal(await rejection(aborted), "enough");
		const closed = (async () => {
			for await (const id of signal) got.push(id);
		})();
		other.notify(7);
		await until(() => got.length === 4);
		signal.close();
		await closed;
		assert.deepEqual(got, [1, 2, 3, 7]);
	});

	test("keeps the program alive, unless unref() was called", async () => {
		const name = names.next();
		using signal = open(name);
		await using blocking = await start("waits", name, "waiting");
		await using waiting = await start("waits async", name, "waiting");
		await using idle = await start("waits without keeping itself alive", name, "waiting");
		await idle.exited;
		assert.equal(idle.hasSaid, false);
		assert.ok(signal.notify(33) >= 2);
		for (const each of [blocking, waiting]) {
			assert.equal(await each.report<number>(), 33);
			assert.equal(await each.exited, 0);
		}
	});

	test("a handle that only notifies cannot wait, and list() shows it; it shows who waits, and what is pending", async () => {
		const name = names.next();
		using signal = open(name, { listen: false });
		using waiting = open(name);
		using idle = open(name);
		const text = /was opened with \{ listen: false \}: it can only notify/;
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => signal.wait());
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => signal.tryWait());
		await expectRejection("ERR_IPC_INVALID_ARGUMENT", text, signal.waitAsync());
		await expectRejection("ERR_IPC_INVALID_ARGUMENT", text, signal.ids().next());
		for (const listen of [0, "no", null])
			expectError("ERR_IPC_INVALID_ARGUMENT", /listen must be true or false/, () => untyped(open, name, { listen }));
		const id = waiting.waitAsync();
		assert.equal(await isPending(id), true);
		const listed = () => list({ prefix }).flatMap(({ endpoints }) => endpoints);
		assert.deepEqual(
			listed().map(({ role, observer, sleeping, holds }) => [role, observer, sleeping, holds]),
			[
				["handle", true, false, 0],
				["handle", false, true, 0],
				["handle", false, false, 0],
			],
		);
		signal.notify(1, 33, 34);
		assert.deepEqual(
			listed().map(({ holds }) => holds),
			[0, 3, 3],
		);
		assert.equal(await id, 1);
		assert.equal(idle.wait(), 1);
	});

	test("ends when the handle is closed; a closed handle refuses every call", async () => {
		const signal = open(names.next());
		const waits = [signal.waitAsync(), signal.waitAsync({ timeout: 600_000 })];
		assert.equal(await isPending(Promise.race(waits)), true);
		signal.close();
		for (const wait of [...waits, signal.waitAsync()]) await expectRejection("ERR_IPC_CLOSED", /is closed/, wait);
		for (const call of [() => signal.notify(1), () => signal.wait(), () => signal.tryWait(), () => signal.ids()])
			expectError("ERR_IPC_CLOSED", /is closed/, call);
	});

	test("ERR_IPC_ORPHANED when the name was cleared and nothing is pending", async () => {
		const name = names.next();
		using signal = open(name);
		using other = open(name);
		other.notify(5);
		await using blocking = await start("waits", name, "waiting");
		await using waiting = await start("waits async", name, "waiting");
		const wait = other.waitAsync();
		assert.equal(await isPending(wait), true);
		Signal.clear(name, { prefix });
		await expectRejection("ERR_IPC_ORPHANED", /removed/, wait);
		for (const each of [blocking, waiting]) {
			assert.equal(await each.report<string>(), "ERR_IPC_ORPHANED");
			assert.equal(await each.exited, 0);
		}
		assert.equal(signal.wait(), 5); // it came before
		for (const call of [() => signal.wait(), () => signal.tryWait(), () => signal.notify(1)])
			expectError("ERR_IPC_ORPHANED", /removed/, call);
	});
});
