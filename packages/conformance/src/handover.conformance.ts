/** The sender of a route waits for the one before it: a new version of a service takes over from the old one. */
import assert from "node:assert/strict";
import { untyped } from "@libipc/testing/bad_values";
import { readPattern } from "@libipc/testing/pattern";
import { ProgramGroup, type TestProgram } from "@libipc/testing/test_program";
import { text } from "@libipc/testing/text";
import { sleep, until } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { afterAll, describe, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, list, Queue, type Receiver, Route, type Sender, SharedMemory } from "./under_test.ts";

const names = new Names("handover");
const { prefix } = names;

afterAll(() => names.clear());

const LARGEST = 20_000;

/** How many senders the route has: the present one, and those that wait. */
function senderCount(name: string): number {
	const route = list({ prefix }).find((each) => each.name === name);
	return route?.endpoints.filter(({ role, alive }) => role === "sender" && alive).length ?? 0;
}

/** Checks that messages come whole and in order, first all of one version, then all of the next. */
class Reader {
	/** How many messages of each version have come. */
	readonly received: number[] = [];
	#version = 0;

	async read(receiver: Receiver, signal: AbortSignal): Promise<void> {
		try {
			for await (const message of receiver.messages({ signal })) this.#add(message);
		} catch (error) {
			if (!signal.aborted) throw error;
		}
		receiver.drain((message) => this.#add(message), { timeout: 0 });
	}

	#add(message: Uint8Array): void {
		const { sender, sequence } = readPattern(message, LARGEST);
		assert.ok(sender >= this.#version, `a message of version ${sender} came after one of version ${this.#version}`);
		this.#version = sender;
		assert.equal(sequence, this.received[sender] ?? 0, `of version ${sender}`);
		this.received[sender] = sequence + 1;
	}
}

/** Ends a version as a process manager does. */
function terminate(program: TestProgram, version: number, stop: SharedMemory): void {
	if (instance.transport === "processes") program.signal("SIGTERM");
	else Atomics.store(stop.words, 0, version);
}

async function holder(name: string): Promise<TestProgram> {
	const child = startProgram("holder", ["route", "sender", prefix, name]);
	assert.equal(await child.line(), "ready");
	return child;
}

/** Ends a version: how many messages it has sent. */
async function finish(program: TestProgram, version: number, stop: SharedMemory): Promise<number> {
	terminate(program, version, stop);
	const { sent } = await program.report<{ sent: number }>();
	assert.equal(await program.exited, 0);
	return sent;
}

/** Replaces version 1 by 2, 3 and 4. `end` ends a version when the next one waits for its place. */
async function release(
	how: "sender" | "senderAsync",
	end: (present: TestProgram, version: number, stop: SharedMemory) => Promise<void>,
): Promise<{ received: readonly number[]; sentByLast: number }> {
	const name = names.next();
	using stop = SharedMemory.open(`${name}.stop`, { prefix, size: 4 });
	using receiver = Route.receiver(name, { prefix, capacity: 8192 });
	await using programs = new ProgramGroup();
	const start = (version: number) => programs.add(startProgram("handover", [how, prefix, name, version]));
	const reading = new AbortController();
	const reader = new Reader();
	const read = reader.read(receiver, reading.signal);
	let present = start(1);
	assert.equal(await present.line(), "open");
	for (let version = 1; version <= 3; version++) {
		const next = start(version + 1);
		await until(() => senderCount(name) === 2);
		await end(present, version, stop);
		assert.equal(await next.line(), "open");
		present = next;
	}
	const sentByLast = await finish(present, 4, stop);
	reading.abort();
	await read;
	return { received: reader.received, sentByLast };
}

describe.each(["sender", "senderAsync"] as const)("a release that replaces a service: %s", (how) => {
	test("SIGTERM: no message is lost or out of order, from version to version", async () => {
		const sent: number[] = [];
		const { received, sentByLast } = await release(how, async (present, version, stop) => {
			sent[version] = await finish(present, version, stop);
		});
		sent[4] = sentByLast;
		assert.deepEqual(received, sent);
	});

	test("SIGKILL: the next version continues, and what comes is whole and in order", async () => {
		const { received, sentByLast } = await release(how, (present) => present.kill());
		assert.equal(received[4], sentByLast);
		for (const version of [1, 2, 3]) assert.ok((received[version] ?? 0) > 0);
	});
});

describe("a sender that waits", () => {
	test("keeps the name: what the other one has sent stays for later receivers", async () => {
		const name = names.next();
		const options = { prefix, overflow: "drop-oldest", capacity: 4096 } as const;
		const old = Route.sender(name, options);
		for (const message of ["1", "2", "3"]) assert.equal(old.send(message), true);
		const opening = Route.senderAsync(name, options);
		assert.equal(senderCount(name), 2);
		old.send("4");
		old.close();
		using sender = await opening;
		sender.send("5");
		using late = Route.receiver(name, { prefix, from: "oldest" });
		assert.deepEqual(
			Array.from({ length: 5 }, () => text(late.tryRecv())),
			["1", "2", "3", "4", "5"],
		);
	});

	test("leaves the event loop, the other sender and the receivers alone", async () => {
		const name = names.next();
		const old = Route.sender(name, { prefix });
		using receiver = Route.receiver(name, { prefix });
		const events: string[] = [];
		using watching = Route.receiver(name, {
			prefix,
			onPeer: ({ type, role }) => void (role === "sender" && events.push(type)),
		});
		const opened: Sender[] = [];
		const opening = Route.senderAsync(name, { prefix }).then((sender) => opened.push(sender));
		for (let i = 0; i < 100; i++) {
			assert.equal(old.send(`message ${i}`), true);
			assert.equal(text(await receiver.recvAsync()), `message ${i}`);
			assert.equal(text(watching.recv()), `message ${i}`);
		}
		await until(() => events.length === 2);
		assert.equal(opened.length, 0);
		old.close();
		await opening;
		await until(() => events.length === 3);
		assert.deepEqual(events, ["joined", "joined", "left"]);
		for (const sender of opened) {
			assert.equal(sender.send("the new one"), true);
			assert.equal(text(await receiver.recvAsync()), "the new one");
			sender.close();
		}
		assert.deepEqual([opened.length, senderCount(name)], [1, 0]);
	});

	test("is one of several: each has its turn", async () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		const first = Route.sender(name, { prefix });
		let open = 1;
		const opening = Array.from({ length: 5 }, async (_, number) => {
			const sender = await Route.senderAsync(name, { prefix });
			assert.equal(++open, 1, "two senders at the same time");
			sender.send(String(number));
			await sleep(1);
			open--;
			sender.close();
		});
		assert.equal(senderCount(name), 6);
		open--;
		first.close();
		await Promise.all(opening);
		const received: string[] = [];
		receiver.drain((message) => void received.push(text(message)), { timeout: 0 });
		assert.deepEqual(received.sort(), ["0", "1", "2", "3", "4"]);
	});

	test("does not wait if there is no other one", async () => {
		const name = names.next();
		Route.sender(name, { prefix, wait: Infinity }).close();
		(await Route.senderAsync(name, { prefix, wait: 0 })).close();
		(await Route.senderAsync(name, { prefix })).close();
		assert.equal(names.existing().includes(name), false);
	});

	test("opens the name again if it is cleared meanwhile", async () => {
		const name = names.next();
		using _old = Route.sender(name, { prefix });
		const opening = Route.senderAsync(name, { prefix });
		Route.clear(name, { prefix });
		using sender = await opening;
		using receiver = Route.receiver(name, { prefix });
		assert.equal(sender.send("hello"), true);
		assert.equal(text(receiver.recv()), "hello");
	});

	test("that is killed is in nobody's way", async () => {
		const name = names.next();
		using stop = SharedMemory.open(`${name}.stop`, { prefix, size: 4 });
		assert.equal(stop.words[0], 0);
		const old = Route.sender(name, { prefix });
		await using waiter = startProgram("handover", ["senderAsync", prefix, name, 2]);
		await until(() => senderCount(name) === 2);
		await waiter.kill();
		old.close();
		using _sender = Route.sender(name, { prefix });
		await until(() => senderCount(name) === 1);
	});
});

describe("a wait for a sender", () => {
	test("ends in time, without success: ERR_IPC_HAS_SENDER, and nothing is left open", async () => {
		const name = names.next();
		await using child = await holder(name);
		const message = new RegExp(`process \\(?${child.pid}\\)?, which did not leave within 50 ms`);
		expectError("ERR_IPC_HAS_SENDER", message, () => Route.sender(name, { prefix, wait: 49.5 }));
		await expectRejection("ERR_IPC_HAS_SENDER", message, Route.senderAsync(name, { prefix, wait: 50 }));
		await expectRejection("ERR_IPC_HAS_SENDER", / 0 ms/, Route.senderAsync(name, { prefix, wait: 0 }));
		assert.equal(senderCount(name), 1);
	});

	test("does not block for a sender of its own thread, which could not leave", async () => {
		const name = names.next();
		const old = Route.sender(name, { prefix });
		expectError("ERR_IPC_HAS_SENDER", /in this process/, () => Route.sender(name, { prefix, wait: Infinity }));
		const opening = Route.senderAsync(name, { prefix, wait: Infinity });
		old.close();
		using _sender = await opening;
		assert.equal(senderCount(name), 1);
	});

	test("ends when its signal is aborted: with the reason, and nothing is left open", async () => {
		const name = names.next();
		using old = Route.sender(name, { prefix });
		const abort = new AbortController();
		const opening = Route.senderAsync(name, { prefix, signal: abort.signal });
		assert.equal(senderCount(name), 2);
		const reason = new Error("no longer needed");
		abort.abort(reason);
		await assert.rejects(opening, (error) => error === reason);
		await assert.rejects(Route.senderAsync(name, { prefix, signal: abort.signal }), (error) => error === reason);
		assert.equal(senderCount(name), 1);
		old.close();
		await assert.rejects(Route.senderAsync(name, { prefix, signal: abort.signal }), (error) => error === reason);
		assert.equal(names.existing().includes(name), false);
	});

	test.each([-1, Number.NaN, -Infinity, "5", null, true])("of %p is refused", async (wait) => {
		const name = names.next();
		expectError("ERR_IPC_INVALID_ARGUMENT", /wait must be a number/, () =>
			untyped(Route.sender, name, { prefix, wait }),
		);
		await expectRejection(
			"ERR_IPC_INVALID_ARGUMENT",
			/wait must be a number/,
			untyped(Route.senderAsync, name, { prefix, wait }) as Promise<unknown>,
		);
		assert.equal(names.existing().includes(name), false);
	});

	test("takes no other signal than an AbortSignal, and no options that are no object", async () => {
		const name = names.next();
		const rejected = (pattern: RegExp, options: unknown) =>
			expectRejection(
				"ERR_IPC_INVALID_ARGUMENT",
				pattern,
				untyped(Route.senderAsync, name, options) as Promise<unknown>,
			);
		await rejected(/signal must be an AbortSignal/, { prefix, signal: {} });
		await rejected(/options must be an object/, 5);
		await rejected(/capacity must be/, { prefix, capacity: 5 });
		await expectRejection("ERR_IPC_INVALID_NAME", /empty/, Route.senderAsync("", { prefix }));
		assert.equal(names.existing().includes(name), false);
	});

	test("is no option of anything else", () => {
		const name = names.next();
		for (const open of [Channel.sender, Queue.sender, Route.receiver, Channel.receiver, Queue.receiver])
			expectError("ERR_IPC_INVALID_ARGUMENT", /wait is an option of Route\.sender/, () =>
				untyped(open, name, { prefix, wait: 5 }),
			);
		assert.equal(names.existing().includes(name), false);
	});
});

describe("ERR_IPC_HAS_SENDER", () => {
	test("says that the sender is in this process, and what to do", () => {
		const name = names.next();
		using _old = Route.sender(name, { prefix });
		const message = new RegExp(`in this process \\(${process.pid}\\).*evaluated again.*bun --hot.*reloading\\.md`);
		expectError("ERR_IPC_HAS_SENDER", message, () => Route.sender(name, { prefix }));
	});

	test("says which other process has the sender, and how to wait for it", async () => {
		const name = names.next();
		await using child = await holder(name);
		const message =
			instance.transport === "threads"
				? new RegExp(`in this process \\(${process.pid}\\).*another Worker`)
				: new RegExp(`in process ${child.pid}\\..*wait: 5000`);
		expectError("ERR_IPC_HAS_SENDER", message, () => Route.sender(name, { prefix }));
	});
});
