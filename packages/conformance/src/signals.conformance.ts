/** Signals that arrive during blocking calls: JavaScript runs its handlers from the event loop, so the calls end early. */
import assert from "node:assert/strict";
import { ProgramGroup, type TestProgram } from "@libipc/testing/test_program";
import { text } from "@libipc/testing/text";
import { sleep } from "@libipc/testing/timing";
import { fill } from "./fill.ts";
import { afterAll, describe, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, clear, Mutex, RwLock, Semaphore, SharedMemory } from "./under_test.ts";

const names = new Names("signals");
const { prefix } = names;

afterAll(() => names.clear());

interface Report {
	readonly results: readonly unknown[];
	readonly took: number;
}

const held = (close: { close(): void }, lock: () => unknown): Disposable => {
	lock();
	return { [Symbol.dispose]: () => close.close() };
};

/** What must be open so that the call blocks, and what the call returns when its time is up. */
const calls: readonly (readonly [call: string, returns: unknown, prepare: (name: string) => Disposable | undefined])[] =
	[
		["recv", null, () => undefined],
		["recvInto", -1, () => undefined],
		["drain", 0, () => undefined],
		["take", null, () => undefined],
		[
			"send",
			false,
			(name) => {
				const receiver = Channel.receiver(name, { prefix, capacity: 4096 });
				using sender = Channel.sender(name, { prefix });
				fill(sender);
				return receiver;
			},
		],
		["send in fragments", false, (name) => Channel.receiver(name, { prefix, capacity: 4096 })],
		["waitForReceivers", false, () => undefined],
		[
			"mutex.lock",
			false,
			(name) => {
				const mutex = Mutex.open(name, { prefix });
				return held(mutex, () => mutex.lock());
			},
		],
		[
			"rwlock.lock",
			false,
			(name) => {
				const lock = RwLock.open(name, { prefix });
				return held(lock, () => lock.lockShared());
			},
		],
		[
			"rwlock.lockShared",
			false,
			(name) => {
				const lock = RwLock.open(name, { prefix });
				return held(lock, () => lock.lock());
			},
		],
		[
			"semaphore.acquire",
			null,
			(name) => {
				const semaphore = Semaphore.open(name, { prefix, initial: 1 });
				return held(semaphore, () => semaphore.acquire());
			},
		],
		["condition.wait", false, () => undefined],
		["signal.wait", null, () => undefined],
		["memory.waitOn", "timed-out", (name) => SharedMemory.open(name, { prefix, size: 4096 })],
	];

/** Sends a signal again and again: one that arrives between two sleeps ends no call. */
async function signalUntilOver(child: TestProgram, signal: NodeJS.Signals): Promise<void> {
	while (!child.hasSaid && !child.hasEnded) {
		child.signal(signal);
		await sleep(100);
	}
}

describe("signals during blocking calls", () => {
	test.each(calls)("SIGTERM ends %s as if its time were up", async (call, returns, prepare) => {
		const name = names.next();
		using _ = prepare(name);
		await using child = startProgram("interrupted", [call, prefix, name, 600_000]);
		assert.equal(await child.line(), "ready");
		await signalUntilOver(child, "SIGTERM");
		const { results, took } = await child.report<Report>();
		assert.deepEqual(results.at(-1), returns);
		assert.ok(took < 60_000, `took ${took} ms`);
		assert.equal(await child.exited, 0);
	});

	test("a signal whose handler is not for SIGHUP, SIGINT or SIGTERM ends no call", async () => {
		const name = names.next();
		await using child = startProgram("interrupted", ["recv", prefix, name, 2000]);
		assert.equal(await child.line(), "ready");
		const started = performance.now();
		while (performance.now() - started < 1500) {
			child.signal("SIGUSR2");
			await sleep(50);
		}
		await signalUntilOver(child, "SIGTERM");
		const { results, took } = await child.report<Report>();
		// Only the last call ends early, at SIGTERM. Deno runs the handler some turns later, after further calls. If SIGUSR2 ended
		// calls, there would be thirty.
		assert.ok(took >= 1400, `took ${took} ms`);
		const most = took / 2000 + (instance.runtime === "deno" ? 10 : 1);
		assert.ok(results.length <= most, `${results.length} calls in ${took} ms`);
	});

	test("a call without a timeout goes on", async () => {
		const name = names.next();
		await using child = startProgram("interrupted", ["recv", prefix, name, "none"]);
		assert.equal(await child.line(), "ready");
		for (let i = 0; i < 10; i++) {
			child.signal("SIGTERM");
			await sleep(50);
		}
		assert.equal(child.hasSaid, false);
		using sender = Channel.sender(name, { prefix });
		sender.send("goes on");
		const { results } = await child.report<{ results: [Record<string, number>] }>();
		assert.equal(text(Uint8Array.from(Object.values(results[0]))), "goes on");
		assert.equal(await child.exited, 0);
	});

	test("a handler that was removed after blocking calls leaves the default action", async () => {
		const name = names.next();
		await using child = startProgram("interrupted", ["recv", prefix, name, 600_000, "remove"]);
		assert.equal(await child.line(), "ready");
		await signalUntilOver(child, "SIGTERM");
		await child.line();
		child.signal("SIGTERM");
		assert.equal(await child.exited, 143);
	});
});

const ending = [
	["SIGHUP", 129],
	["SIGINT", 130],
	["SIGTERM", 143],
] as const;

/** What a program has opened, how it waits, and whether its name is left behind. */
const ways = [
	["event loop", 0],
	["blocking recv", 0],
	["blocking recv with a timeout", 0],
	["sender", 0],
	["queue with a job", 0],
	["worker only", 0],
	["worker and main", 0],
	["handler removed", 0],
	["mutex held", 1],
] as const;

async function startEnded(how: string, name: string): Promise<TestProgram> {
	const child = startProgram("ended", [how, prefix, name]);
	assert.equal(await child.line(), "ready");
	return child;
}

describe("a process that a signal ends", () => {
	for (const [signal, status] of ending)
		test.each(ways)(`${signal}: %s: the exit status is the same, names left behind: %d`, async (how, left) => {
			const name = names.next();
			await using child = await startEnded(how, name);
			assert.equal(names.existing().includes(name), true);
			child.signal(signal);
			assert.equal(await child.exited, status);
			const found = names.existing().filter((each) => each === name).length;
			// Half a second after its start, Deno replaces the handlers: then the name stays, and can be removed.
			if (instance.programs === "deno" && left === 0) clear({ prefix });
			else assert.equal(found, left);
			assert.equal(names.existing().filter((each) => each === name).length, left);
			if (left > 0) {
				using mutex = Mutex.open(name, { prefix });
				assert.equal(mutex.lock(), true);
				assert.equal(mutex.ownerDied, true);
				mutex.unlock();
			}
		});

	test.each(["handler before", "handler after"])("%s the open: the handler runs, and nothing else", async (how) => {
		for (const [signal] of ending) {
			const name = names.next();
			await using child = await startEnded(how, name);
			child.signal(signal);
			assert.equal(await child.exited, 7);
			assert.equal(names.existing().includes(name), false);
		}
	});

	test("the name stays while another process has it open", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		await using child = await startEnded("sender", name);
		child.signal("SIGINT");
		assert.equal(await child.exited, 130);
		assert.equal(names.existing().includes(name), true);
		using sender = Channel.sender(name, { prefix });
		assert.equal(sender.send("goes on"), true);
		assert.equal(text(receiver.recv()), "goes on");
	});

	test("programs that end at once leave nothing", async () => {
		const name = names.next();
		for (let round = 0; round < 5; round++) {
			await using programs = new ProgramGroup();
			const children = Array.from({ length: 4 }, () =>
				programs.add(startProgram("ended", ["event loop", prefix, name])),
			);
			for (const child of children) assert.equal(await child.line(), "ready");
			for (const child of children) child.signal("SIGINT");
			for (const child of children) assert.equal(await child.exited, 130);
			assert.equal(names.existing().includes(name), false);
		}
	});
});
