/** Mistakes that would otherwise have no visible effect: docs/mistakes.md. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertLike } from "@libipc/testing/assert_like";
import { untyped } from "@libipc/testing/bad_values";
import { until } from "@libipc/testing/timing";
import { expectError, expectRejection } from "./expect_error.ts";
import { afterAll, describe, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { startProgram, startThreadProgram } from "./start_program.ts";
import {
	Channel,
	Condition,
	clear,
	list,
	Mutex,
	Queue,
	Route,
	RwLock,
	Semaphore,
	SharedMemory,
	Signal,
} from "./under_test.ts";
import { clearInSteps } from "./unneeded.ts";
import { warningsOf } from "./warnings.ts";

const names = new Names("traps");
const { prefix } = names;

afterAll(() => names.clear());

const rings = { Route, Channel, Queue } as const;
const locks = { Mutex, Condition, RwLock, Semaphore, SharedMemory, Signal } as const;

const refused = (text: RegExp, call: () => unknown): void => expectError("ERR_IPC_INVALID_ARGUMENT", text, call);

describe("unknown options", () => {
	test("a misspelled option of an open is refused with the right name, and nothing is created", () => {
		const name = names.next();
		for (const [kind, factory] of Object.entries(rings))
			for (const end of ["sender", "receiver"] as const)
				refused(new RegExp(`"capasity" is not an option of ${kind}\\.${end}\\. Did you mean capacity\\?`), () =>
					untyped(factory[end], name, { prefix, capasity: 4096 }),
				);
		for (const [kind, factory] of Object.entries(locks))
			refused(new RegExp(`"maxHandels" is not an option of ${kind}\\.open\\. Did you mean maxHandles\\?`), () =>
				untyped(factory.open, name, { prefix, size: kind === "SharedMemory" ? 8 : undefined, maxHandels: 2 }),
			);
		for (const [kind, factory] of Object.entries({ ...rings, ...locks }))
			refused(new RegExp(`"prefx" is not an option of ${kind}\\.clear\\. Did you mean prefix\\?`), () =>
				untyped(factory.clear, name, { prefx: prefix }),
			);
		refused(/"Prefix" is not an option of list\. Did you mean prefix\?/, () => untyped(list, { Prefix: prefix }));
		refused(/"preffix" is not an option of clear\. Did you mean prefix\?/, () => untyped(clear, { preffix: prefix }));
		assert.deepEqual(names.existing(), []);
	});

	test("an option of other calls is refused with those", () => {
		const name = names.next();
		for (const factory of [Route, Channel, Queue])
			refused(/from is an option of receivers only, not of \w+\.sender/, () =>
				untyped(factory.sender, name, { prefix, from: "oldest" }),
			);
		refused(/maxHandles is an option of locks/, () => untyped(Channel.sender, name, { prefix, maxHandles: 4 }));
		refused(/signal is an option of asynchronous calls only, not of Route\.sender/, () =>
			untyped(Route.sender, name, { prefix, signal: AbortSignal.timeout(1000) }),
		);
		refused(/initial is an option of Semaphore\.open only/, () => untyped(Mutex.open, name, { prefix, initial: 1 }));
		refused(/size is an option of SharedMemory\.open only/, () => untyped(RwLock.open, name, { prefix, size: 8 }));
		refused(/capacity is an option of Route, Channel and Queue/, () =>
			untyped(SharedMemory.open, name, { prefix, size: 8, capacity: 4096 }),
		);
		assert.deepEqual(names.existing(), []);
	});

	test("a word that resembles no option is refused with the list of options", () => {
		refused(
			/"retries" is not an option of Channel\.receiver\. Its options are prefix, capacity, maxReceivers, overflow, permissions, onPeer, codec, schema, stamp, from, lossy, onInvalid\.$/,
			() => untyped(Channel.receiver, names.next(), { prefix, retries: 3 }),
		);
		refused(/"toString" is not an option/, () => untyped(Channel.receiver, names.next(), { prefix, toString: 3 }));
		refused(/"x{40}…" is not an option/, () => untyped(Channel.sender, names.next(), { ["x".repeat(9000)]: 1 }));
	});

	test("an option that is undefined counts as left out, and inherited options count", () => {
		const name = names.next();
		using sender = untyped(Channel.sender, name, {
			prefix,
			capasity: undefined,
			from: undefined,
		}) as ReturnType<typeof Channel.sender>;
		assert.equal(sender.closed, false);
		using same = Channel.sender(name, Object.create({ prefix, capacity: 1 << 20 }));
		assert.equal(same.closed, false);
		refused(/capasity/, () => Channel.sender(name, Object.create({ prefix, capasity: 1 << 20 })));
	});

	test("what a program has added to all objects is no option", async () => {
		const name = names.next();
		const added = { value: 1, enumerable: true, configurable: true };
		Object.defineProperties(Object.prototype, { addedToAll: added, capasity: added });
		try {
			using receiver = Channel.receiver(name, { prefix });
			assert.equal(receiver.recv({ timeout: 0 }), null);
			assert.equal(await receiver.recvAsync({ timeout: 0 }), null);
			refused(/"capasity" is not an option of Channel\.sender\. Did you mean capacity/, () =>
				untyped(Channel.sender, name, { prefix, capasity: 4096 }),
			);
		} finally {
			for (const each of ["addedToAll", "capasity"]) Reflect.deleteProperty(Object.prototype, each);
		}
	});

	test("of calls on open endpoints are refused, and no message is received", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		using jobs = Queue.receiver(`${name}.jobs`, { prefix });
		sender.send("kept");
		const signal = AbortSignal.timeout(60_000);
		const wrong = [{ timeuot: 5 }, { timeout: 5, timeuot: 5 }, { timeout: 0.5, max: 3, signal }];
		for (const options of wrong)
			for (const call of [
				() => untyped(receiver.recv.bind(receiver), options),
				() => untyped(receiver.recvInto.bind(receiver), new Uint8Array(8), options),
				() => untyped(jobs.take.bind(jobs), options),
				() => untyped(sender.send.bind(sender), "x", options),
				() => untyped(sender.sendBatch.bind(sender), ["x"], options),
				() => untyped(sender.loan.bind(sender), 1, options),
				() => untyped(sender.waitForReceivers.bind(sender), 1, options),
			])
				refused(/"timeuot" is not an option of this call\. Did you mean timeout\?|max is an option of drain/, call);
		refused(/signal is an option of asynchronous calls/, () =>
			untyped(receiver.recv.bind(receiver), { timeout: 5, signal }),
		);
		for (const call of ["drain", "drainBatch"] as const)
			for (const end of [receiver, jobs])
				refused(new RegExp(`"mx" is not an option of ${call}`), () =>
					untyped(end[call].bind(end), () => {}, { mx: 1, timeout: 0 }),
				);
		const text = /"singal" is not an option of this call\. Did you mean signal\?/;
		for (const promise of [
			untyped(receiver.recvAsync.bind(receiver), { singal: signal }),
			untyped(sender.sendAsync.bind(sender), "x", { singal: signal }),
			untyped(jobs.takeAsync.bind(jobs), { singal: signal }),
			untyped(sender.receiversReady.bind(sender), 1, { singal: signal }),
		])
			await expectRejection("ERR_IPC_INVALID_ARGUMENT", text, promise as Promise<unknown>);
		for (const iterate of [receiver.messages.bind(receiver), receiver.peers.bind(receiver), jobs.leases.bind(jobs)])
			refused(text, () => untyped(iterate, { singal: signal }));
		assert.equal(receiver.tryRecv()?.byteLength, 4);
		assert.equal(receiver.tryRecv(), null);
	});

	test("of calls on locks and shared memory are refused, and nothing is locked", async () => {
		const name = names.next();
		using mutex = Mutex.open(name, { prefix });
		using lock = RwLock.open(`${name}.rw`, { prefix });
		using semaphore = Semaphore.open(name, { prefix });
		using condition = Condition.open(name, { prefix });
		using memory = SharedMemory.open(name, { prefix, size: 8 });
		using signal = Signal.open(name, { prefix });
		const wrong = { timeout: 5, timeuot: 5 };
		const text = /"timeuot" is not an option of this call/;
		for (const call of [
			() => untyped(mutex.lock.bind(mutex), wrong),
			() => untyped(mutex.acquire.bind(mutex), wrong),
			() => untyped(lock.lockShared.bind(lock), wrong),
			() => untyped(lock.acquireShared.bind(lock), wrong),
			() => untyped(semaphore.acquire.bind(semaphore), wrong),
			() => untyped(memory.waitOn.bind(memory), 0, 0, wrong),
			() => untyped(signal.wait.bind(signal), wrong),
		])
			refused(text, call);
		for (const promise of [
			untyped(mutex.lockAsync.bind(mutex), wrong),
			untyped(lock.acquireSharedAsync.bind(lock), wrong),
			untyped(semaphore.acquireAsync.bind(semaphore), wrong),
			untyped(memory.waitOnAsync.bind(memory), 0, 0, wrong),
			untyped(signal.waitAsync.bind(signal), wrong),
		])
			await expectRejection("ERR_IPC_INVALID_ARGUMENT", text, promise as Promise<unknown>);
		mutex.lock();
		refused(text, () => untyped(condition.wait.bind(condition), mutex, wrong));
		assert.deepEqual([mutex.held, lock.tryLock(), semaphore.permits], [true, true, 1]);
		mutex.unlock();
		lock.unlock();
	});
});

describe("permissions in decimal", () => {
	test.each([
		[600, "0o600"],
		[640, "0o640"],
		[660, "0o660"],
		[666, "0o666"],
		[777, "0o777"],
		[400, "0o400"],
		[440, "0o440"],
		[444, "0o444"],
		[500, "0o500"],
		["660", "0o660"],
		["0660", "0o660"],
		["0o660", "0o660"],
	])("%j is refused, with %s", (permissions, octal) => {
		const name = names.next();
		for (const call of [Channel.sender, Queue.receiver, Mutex.open])
			refused(new RegExp(`permissions must be an integer from 0o600 to 0o777, not .*Did you mean ${octal}\\?`), () =>
				untyped(call, name, { prefix, permissions }),
			);
		assert.equal(names.existing().includes(name), false);
	});
});

describe("asynchronous handlers", () => {
	const calls = ["drain", "drainBatch"] as const;
	const text = (bytes: Uint8Array | null | undefined): string => new TextDecoder().decode(bytes ?? undefined);

	test.each(calls)("%s refuses async functions and generators before it takes a message", async (call) => {
		const name = names.next();
		for (const factory of [Channel, Queue]) {
			using receiver = factory.receiver(name, { prefix });
			using sender = factory.sender(name, { prefix });
			sender.send("kept");
			let calls = 0;
			const asynchronous = async (): Promise<void> => {
				calls++;
			};
			const plain = new RegExp(`The handler of ${call} must be a plain function, not an async function\\. No message`);
			refused(plain, () => untyped(receiver[call].bind(receiver), asynchronous, { timeout: 0 }));
			const generators = [
				function* () {
					yield calls++;
				},
				async function* () {
					yield calls++;
				},
			];
			for (const generator of generators)
				refused(/not a generator function/, () => untyped(receiver[call].bind(receiver), generator, { timeout: 0 }));
			assert.equal(calls, 0);
			assert.equal(text(receiver.tryRecv()), "kept");
		}
	});

	test.each(calls)("%s throws if its handler returns a promise; the next messages stay", (call) => {
		const name = names.next();
		const largest = 6000; // more than half the ring: in fragments, so not in place
		const messages = ["first", "second", "x".repeat(largest), "last"];
		using receiver = Channel.receiver(name, { prefix, capacity: 8192, overflow: "drop-oldest" });
		using sender = Channel.sender(name, { prefix });
		for (const later of [
			() => Promise.resolve(),
			// biome-ignore lint/suspicious/noThenProperty: a promise of another library
			() => ({ then: (): void => undefined }),
			async (): Promise<number> => 5,
		]) {
			const handler = (): unknown => later();
			for (const message of messages) sender.send(message);
			const returned = new RegExp(`The handler of ${call} returned a promise\\. The message`);
			refused(returned, () => untyped(receiver[call].bind(receiver), handler, { max: 1 }));
			refused(returned, () => untyped(receiver[call].bind(receiver), handler, { max: 1 }));
			refused(returned, () => untyped(receiver[call].bind(receiver), handler, { max: 1 }));
			assert.equal(text(receiver.tryRecv()), "last");
			assert.equal(receiver.tryRecv(), null);
		}
		assert.equal(receiver.lost, 0);
	});

	test("a message of a block ring counts as received, and those behind it stay; so does a batch", () => {
		const name = names.next();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		sender.sendBatch(["a", "bb", "ccc"]);
		refused(/returned a promise/, () => untyped(receiver.drain.bind(receiver), () => Promise.resolve()));
		assert.equal(text(receiver.tryRecv()), "bb");
		refused(/The messages of the batch count as received/, () =>
			untyped(receiver.drainBatch.bind(receiver), () => Promise.resolve()),
		);
		assert.equal(receiver.tryRecv(), null);
		sender.send("dddd");
		assert.equal(
			receiver.drain((view) => view.byteLength), // what is no promise may be returned
			1,
		);
	});

	test.each(calls)("%s of a queue puts the message back", (call) => {
		const name = names.next();
		using receiver = Queue.receiver(name, { prefix });
		using sender = Queue.sender(name, { prefix });
		sender.sendBatch(["job", "next"]);
		refused(new RegExp(`The handler of ${call} returned a promise\\. The message was put back\\.`), () =>
			untyped(receiver[call].bind(receiver), () => Promise.resolve()),
		);
		using lease = receiver.tryTake();
		assert.deepEqual([text(lease?.bytes), lease?.attempt], ["job", 2]);
		lease?.done();
		assert.equal(text(receiver.tryRecv()), "next");
	});
});

describe("bytes in place", () => {
	test("what a handler writes into its view reaches the other receivers; a copy does not", () => {
		const name = names.next();
		using first = Channel.receiver(name, { prefix });
		using second = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		sender.sendBatch(["abc", "abc"]);
		const taken: string[] = [];
		first.drain(
			(view) => {
				const mine = view.slice();
				taken.push(new TextDecoder().decode(mine.reverse()));
			},
			{ max: 1 },
		);
		first.drain((view) => view.reverse(), { max: 1 });
		assert.deepEqual(taken, ["cba"]);
		assert.deepEqual(
			[second.tryRecv(), second.tryRecv()].map((each) => new TextDecoder().decode(each ?? undefined)),
			["abc", "cba"],
		);
	});

	test("what the holder of a lease writes is what the next one gets", () => {
		const name = names.next();
		using receiver = Queue.receiver(name, { prefix });
		using sender = Queue.sender(name, { prefix });
		sender.send("job");
		const lease = receiver.tryTake();
		lease?.bytes.fill(0x2e);
		lease?.retry();
		assert.equal(new TextDecoder().decode(receiver.tryRecv() ?? undefined), "...");
	});
});

describe("messages larger than a ring that drops the oldest", () => {
	test.each([
		["Route", Route],
		["Channel", Channel],
	] as const)(
		"%s: every way to send refuses one, and the largest one arrives wherever it begins",
		async (_, factory) => {
			const name = names.next();
			using receiver = factory.receiver(name, { prefix, capacity: 4096, overflow: "drop-oldest" });
			using sender = factory.sender(name, { prefix });
			const most = sender.maxMessageLength;
			assert.equal(most, 3360);
			const large = new Uint8Array(most + 1);
			const text = /3361 bytes does not fit .* drops its oldest messages: .* limit is 3360 bytes.*Nothing was sent\./;
			for (const call of [
				() => sender.send(large),
				() => sender.trySend("x".repeat(most + 1)),
				() => sender.sendBatch(["before", large, "after"]),
			])
				expectError("ERR_IPC_MESSAGE_TOO_LARGE", text, call);
			await expectRejection("ERR_IPC_MESSAGE_TOO_LARGE", text, sender.sendAsync(large));
			refused(/byteLength must be an integer from 0 to 3360/, () => sender.loan(most + 1));
			assert.equal(receiver.tryRecv()?.byteLength, 6);
			assert.equal(receiver.tryRecv(), null);
			for (let i = 0; i < 600; i++) {
				const message = new Uint8Array(most).fill(i);
				assert.equal(sender.send(message), true);
				assert.deepEqual(receiver.tryRecv(), message);
				sender.send("x".repeat(i % 40));
				receiver.tryRecv();
			}
			using loan = sender.loan(most);
			loan?.bytes.fill(7);
			assert.equal(loan?.send(), true);
			assert.equal(receiver.tryRecv()?.byteLength, most);
			assert.equal(await sender.sendAsync(new Uint8Array(most)), true);
			assert.deepEqual([receiver.lost, receiver.tryRecv()?.byteLength], [0, most]);
		},
	);
});

describe("one name, two kinds", () => {
	const opens = {
		route: (name: string) => Route.receiver(name, { prefix }),
		channel: (name: string) => Channel.sender(name, { prefix }),
		queue: (name: string) => Queue.receiver(name, { prefix }),
		mutex: (name: string) => Mutex.open(name, { prefix }),
		rwlock: (name: string) => RwLock.open(name, { prefix }),
	} as const;
	const shown = { rwlock: "reader-writer lock" } as Record<string, string>;
	const pairs = [
		["route", "channel"],
		["channel", "route"],
		["channel", "queue"],
		["queue", "route"],
		["mutex", "rwlock"],
		["rwlock", "mutex"],
	] as const;

	test.each(pairs)(
		"a %s that is open, and a %s that is opened: a warning, once for each name",
		async (open, opened) => {
			const name = names.next();
			using first = opens[open](name);
			const [warning, ...others] = await warningsOf(() => opens[opened](name).close());
			const what = (kind: string): string => `${shown[kind] ?? kind} "${name}" \\(prefix "${prefix}"\\)`;
			const text = `^IPC_NAME_OF_OTHER_KIND: ${what(opened)} was opened, and ${what(open)} is open in this process\\.`;
			assert.match(warning ?? "", new RegExp(text));
			assert.deepEqual(others, []);
			assert.deepEqual(await warningsOf(() => opens[opened](name).close()), []);
			assert.equal(first.closed, false);
		},
	);

	test("of another process, for a clone and a sender that waits for its turn, too", async () => {
		const name = names.next();
		await using program = startProgram("other_kind", [prefix, name]);
		assert.equal(await program.line(), "ready");
		const warnings = await warningsOf(async () => {
			using sender = await Route.senderAsync(name, { prefix, wait: 1000 });
			using clone = sender.clone();
			assert.deepEqual([sender.send("nobody gets it"), clone.refusal, sender.receiverCount], [false, undefined, 0]);
		});
		assert.equal(warnings.length, 1);
		assert.match(
			warnings[0] ?? "",
			/What is sent to one is not received from the other\. Open the name as the same kind/,
		);
		const pid = instance.transport === "threads" ? "this process" : `process ${program.pid}`;
		assert.ok(warnings[0]?.includes(`is open in ${pid}.`));
		const second = names.next();
		assert.deepEqual(await warningsOf(() => RwLock.open(second, { prefix }).close()), []);
	});

	test("kinds that are used together, and leftovers, cause no warning", async () => {
		const name = names.next();
		assert.deepEqual(
			await warningsOf(() => {
				using _memory = SharedMemory.open(name, { prefix, size: 8 });
				using _mutex = Mutex.open(name, { prefix });
				using _condition = Condition.open(name, { prefix });
				using _semaphore = Semaphore.open(name, { prefix });
				using _channel = Channel.receiver(name, { prefix });
			}),
			[],
		);
		const left = names.next();
		const program = startProgram("other_kind", [prefix, left]);
		assert.equal(await program.line(), "ready");
		await program.kill();
		assert.deepEqual(
			await warningsOf(() => {
				Route.sender(left, { prefix }).close();
				RwLock.open(left, { prefix }).close();
			}),
			[],
		);
		clear({ prefix });
	});
});

describe("clear() without a prefix", () => {
	/** In a directory of its own: the names of other programs of this machine are none of its business. */
	async function clearInDirectory(): Promise<object> {
		const directory = mkdtempSync(join(tmpdir(), "libipc-test-"));
		const options = { transport: "processes", env: { LIBIPC_DIR: directory, LIBIPC_PREFIX: "" } } as const;
		try {
			await using leaver = startProgram("unneeded", ["leave", prefix], options);
			assert.equal(await leaver.line(), "ready");
			await leaver.kill();
			await using clearer = startProgram("unneeded", ["clear", prefix], options);
			return await clearer.report<object>();
		} finally {
			rmSync(directory, { recursive: true });
		}
	}

	async function clearInProcess(): Promise<object> {
		await using leaver = startThreadProgram("unneeded", ["leave", prefix]);
		assert.equal(await leaver.line(), "ready");
		await leaver.kill();
		await until(() => !list().some(({ name, state }) => state === "live" && name === "locked"));
		const before = process.env.LIBIPC_PREFIX;
		delete process.env.LIBIPC_PREFIX;
		try {
			return await clearInSteps(prefix);
		} finally {
			if (before !== undefined) process.env.LIBIPC_PREFIX = before;
		}
	}

	test("keeps what its next owner needs, and warns once that it concerned all programs", async () => {
		const isShared = instance.engine === "native";
		const steps = await (isShared ? clearInDirectory() : clearInProcess());
		const unneeded = ["channel messages", "mutex free", "semaphore free"];
		const warning =
			/^IPC_CLEARED_ALL: clear\(\) without a prefix removed .*channel "messages" \(prefix ".*"\).* all: true/;
		assertLike(steps, {
			"without a prefix": isShared
				? { removed: unneeded, warnings: [warning] }
				: // All names are those of this process. The end of the thread may have removed these already.
					{ removed: (names: readonly string[]) => names.every((name) => unneeded.includes(name)), warnings: [] },
			"a second time": { removed: [], warnings: [] },
			"with a prefix": { removed: ["mutex locked", "semaphore taken"], warnings: [] },
			all: { removed: ["rwlock locked"], warnings: [] },
		});
	});

	test("refuses a prefix together with all, and an all that is no boolean", () => {
		refused(/a prefix, or all: true .*, but not both/, () => clear({ prefix, all: true }));
		refused(/all must be true or false, not 1/, () => untyped(clear, { prefix, all: 1 }));
		refused(/all is an option of clear\(\) of leftovers only, not of list/, () => untyped(list, { all: true }));
		refused(/filter must be a function/, () => untyped(clear, { prefix, filter: "mutex" }));
		assert.deepEqual(clear({ prefix, all: false }), []);
	});
});
