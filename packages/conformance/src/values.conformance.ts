/** Every public call with values that no caller should pass: it works, or throws an IpcError, and what it was called on still works. */
import assert from "node:assert/strict";
import { text } from "@libipc/testing/text";
import { afterAll, describe, test } from "./harness.ts";
import { BYTES, bytesLike, CONTENT, GUARD, Hostile, others, type Value } from "./hostile_values.ts";
import { Names } from "./names.ts";
import {
	Channel,
	Condition,
	clear,
	IpcError,
	type Lease,
	type Loan,
	type LockGuard,
	list,
	Mutex,
	type Permit,
	Queue,
	Route,
	RwLock,
	Semaphore,
	SharedMemory,
	Signal,
} from "./under_test.ts";

const names = new Names("values");
const { prefix } = names;

afterAll(() => names.clear());

const everything = { ...bytesLike, ...others };

/** One of each, open, and alone on its name. */
class Subjects implements Disposable {
	readonly sender = Channel.sender(names.next(), { prefix, capacity: 16_384 });
	readonly receiver = Channel.receiver(this.sender.name, { prefix });
	readonly jobSender = Queue.sender(names.next(), { prefix, capacity: 16_384 });
	readonly jobs = Queue.receiver(this.jobSender.name, { prefix });
	readonly mutex = Mutex.open(names.next(), { prefix });
	readonly lock = RwLock.open(names.next(), { prefix });
	readonly semaphore = Semaphore.open(names.next(), { prefix, initial: 5 });
	readonly condition = Condition.open(names.next(), { prefix });
	readonly memory = SharedMemory.open(names.next(), { prefix, size: 64 });
	readonly signal = Signal.open(names.next(), { prefix });
	readonly notifier = Signal.open(this.signal.name, { prefix, listen: false });

	/** What is left is received, and the next message arrives. */
	checkMessages(): void {
		while (this.receiver.tryRecv());
		while (this.jobs.tryRecv());
		assert.equal(this.sender.trySend("probe"), true);
		assert.equal(text(this.receiver.tryRecv()), "probe");
	}

	/** Each subject does what it is for. */
	check(): void {
		this.checkMessages();
		assert.equal(this.jobSender.trySend("probe"), true);
		assert.equal(text(this.jobs.tryRecv()), "probe");
		assert.equal(this.mutex.tryLock(), true);
		this.mutex.unlock();
		assert.equal(this.lock.tryLock(), true);
		this.lock.unlock();
		this.semaphore.tryAcquire()?.release();
		assert.equal(this.condition.notify(), 0);
		assert.equal(this.memory.wake(0), 0);
		assert.equal(this.notifier.notify(63), 1);
		while (this.signal.wait() !== 63);
	}

	[Symbol.dispose](): void {
		for (const each of Object.values(this) as Disposable[]) each[Symbol.dispose]();
	}
}

/** A value that the types of the calls forbid: `never` may be passed everywhere. */
type Anything = never;

/** A place in a call where a value can be. */
type Place = (subjects: Subjects, value: Anything) => unknown;

/** No answer to a wrong value: something else is wrong then. */
const NOT_FOR_VALUES = new Set([
	"ERR_IPC_SYSTEM",
	"ERR_IPC_CORRUPT",
	"ERR_IPC_LIBRARY",
	"ERR_IPC_ENGINE",
	"ERR_IPC_CLOSED",
]);

function assertAllowed(error: unknown, what: string, { throwsTypeError = false }: Value): void {
	if (error instanceof Hostile || (throwsTypeError && error instanceof TypeError)) return;
	if (error instanceof IpcError && /^ERR_IPC_[A-Z_]+$/.test(error.code) && !NOT_FOR_VALUES.has(error.code)) {
		assert.equal(typeof error.endpoint, "string");
		return;
	}
	throw new assert.AssertionError({ message: `${what}: ${String((error as Error).stack ?? error)}` });
}

/** Whether the value itself makes the runtime throw a TypeError when it is used in this way, without the library. */
function throwsByItself(use: (value: unknown) => unknown, value: unknown): boolean {
	try {
		use(value);
	} catch (error) {
		return error instanceof TypeError;
	}
	return false;
}

/** Calls with each value. `use`: what the call does with the value, and what it may throw as well. */
async function callWithEach(
	place: Place,
	values = everything,
	use: (value: unknown) => unknown = () => {},
): Promise<void> {
	using subjects = new Subjects();
	for (const [what, make] of Object.entries(values)) {
		const value = make();
		let result: unknown;
		try {
			result = await place(subjects, value.value as never);
		} catch (error) {
			if (!(error instanceof TypeError && throwsByItself(use, make().value))) assertAllowed(error, what, value);
		}
		if (result !== null && typeof result === "object" && Symbol.dispose in result)
			(result as Disposable)[Symbol.dispose]();
		try {
			subjects.checkMessages();
		} catch (error) {
			throw new assert.AssertionError({ message: `after ${what}: ${String((error as Error).stack)}` });
		}
	}
	subjects.check();
}

const expectedOf = ({ value, memory }: Value): Uint8Array | undefined => {
	if (typeof value === "string") return new TextEncoder().encode(value);
	return memory && new Uint8Array(Math.min(memory.length, BYTES)).fill(CONTENT);
};

describe("a message", () => {
	const ways: Record<string, Place> = {
		send: ({ sender }, value) => sender.send(value),
		trySend: ({ sender }, value) => sender.trySend(value),
		sendBatch: ({ sender }, value) => sender.sendBatch([value]) === 1,
		sendAsync: ({ sender }, value) => sender.sendAsync(value),
	};
	test.each(Object.keys(ways))("%s sends exactly the bytes of a value, or refuses it", async (way) => {
		using subjects = new Subjects();
		for (const [what, make] of Object.entries(everything)) {
			const value = make();
			// Before the call: it may detach the memory.
			const expected = expectedOf(value);
			let sent: unknown;
			try {
				sent = await ways[way]?.(subjects, value.value as never);
			} catch (error) {
				assertAllowed(error, what, value);
			}
			const received = subjects.receiver.tryRecv();
			assert.equal(received !== null, sent === true, what);
			if (received) {
				assert.ok(expected, `${what} was sent`);
				assert.deepEqual(received, value.mayBeLess ? expected.slice(0, received.length) : expected, what);
			}
			subjects.checkMessages();
		}
		subjects.check();
	});

	test("in fragments, too", () => {
		using subjects = new Subjects();
		const { sender, receiver } = subjects;
		const large = new Uint8Array(12_000).fill(CONTENT);
		for (const name of ["byteLength", "length", "byteOffset"])
			for (const value of [1, 20_000, "x"]) {
				const message = Object.defineProperty(large.slice(), name, { value });
				assert.equal(sender.trySend(message), true);
				const received = receiver.tryRecv();
				assert.ok(received && (received.length === large.length || received.length === value));
				assert.deepEqual(received, large.slice(0, received.length));
			}
		subjects.check();
	});
});

describe("a target of recvInto", () => {
	test("gets exactly the message, or is refused; nothing beside it is written", () => {
		using subjects = new Subjects();
		const { sender, receiver } = subjects;
		for (const [what, make] of Object.entries(everything))
			for (const length of [BYTES, 4, 40, 4096]) {
				const value = make();
				sender.send(new Uint8Array(length).fill(0x42));
				try {
					assert.equal(receiver.recvInto(value.value as Uint8Array, { timeout: 0 }), length, what);
					assert.ok(length <= BYTES, `${what} took ${length} bytes`);
					const { memory } = value;
					if (memory && memory.length > 0) {
						const from = memory.length === BYTES ? 0 : memory.length - BYTES >= 128 ? 64 : memory.length - BYTES;
						assert.deepEqual(memory.slice(from, from + length), new Uint8Array(length).fill(0x42), what);
					}
				} catch (error) {
					assertAllowed(error, what, value);
				}
				const beside = Array.from(value.memory?.length ? value.memory : []).filter(
					(_, i, { length: all }) => all > BYTES && (i < 64 || i >= 64 + BYTES),
				);
				assert.ok(
					beside.every((byte) => byte === GUARD),
					`${what}: bytes beside the target were written`,
				);
				subjects.checkMessages();
			}
		subjects.check();
	});

	test("is looked at again when its buffer is resized", () => {
		using subjects = new Subjects();
		const { sender, receiver } = subjects;
		const buffer = new ArrayBuffer(64, { maxByteLength: 256 });
		const target = new Uint8Array(buffer);
		for (const size of [64, 200, 40, 256, 0, 100]) {
			buffer.resize(size);
			target.fill(0);
			sender.send(new Uint8Array(100).fill(7));
			if (size >= 100) {
				assert.equal(receiver.recvInto(target), 100);
				assert.deepEqual(target.slice(0, 100), new Uint8Array(100).fill(7));
			} else {
				assert.throws(() => receiver.recvInto(target), { code: "ERR_IPC_BUFFER_TOO_SMALL" });
				receiver.recv();
			}
		}
		subjects.check();
	});
});

/** Adds messages first, so that no receive waits. */
const withMessage =
	(place: Place): Place =>
	(subjects, value) => {
		subjects.sender.send("one");
		subjects.jobSender.send("one");
		return place(subjects, value);
	};

async function nextOf(iterator: AsyncIterator<unknown>): Promise<void> {
	try {
		const { value } = await iterator.next();
		if (value instanceof Object && "done" in value) (value as Lease).done();
	} finally {
		await iterator.return?.();
	}
}

/** Calls whose last argument is options, with a place for them. */
const optionCalls: Record<string, { readonly names: readonly string[]; readonly call: Place }> = {
	send: { names: ["timeout"], call: ({ sender }, options) => sender.send("x", options) },
	sendBatch: { names: ["timeout"], call: ({ sender }, options) => sender.sendBatch(["x"], options) },
	sendAsync: { names: ["timeout", "signal"], call: ({ sender }, options) => sender.sendAsync("x", options) },
	loan: { names: ["timeout"], call: ({ sender }, options) => sender.loan(4, options) as Loan },
	waitForReceivers: { names: ["timeout"], call: ({ sender }, options) => sender.waitForReceivers(1, options) },
	receiversReady: { names: ["timeout", "signal"], call: ({ sender }, options) => sender.receiversReady(1, options) },
	"Sender.peers": { names: ["signal"], call: ({ sender }, options) => nextOf(sender.peers(options)) },
	recv: { names: ["timeout"], call: ({ receiver }, options) => receiver.recv(options)?.length },
	recvInto: { names: ["timeout"], call: ({ receiver }, options) => receiver.recvInto(new Uint8Array(8), options) },
	recvAsync: {
		names: ["timeout", "signal"],
		call: async ({ receiver }, options) => (await receiver.recvAsync(options))?.length,
	},
	drain: { names: ["timeout", "max"], call: ({ receiver }, options) => receiver.drain(() => {}, options) },
	drainBatch: { names: ["timeout", "max"], call: ({ receiver }, options) => receiver.drainBatch(() => {}, options) },
	messages: { names: ["signal"], call: ({ receiver }, options) => nextOf(receiver.messages(options)) },
	"Receiver.peers": { names: ["signal"], call: ({ receiver }, options) => nextOf(receiver.peers(options)) },
	take: { names: ["timeout"], call: ({ jobs }, options) => jobs.take(options) },
	takeAsync: { names: ["timeout", "signal"], call: ({ jobs }, options) => jobs.takeAsync(options) },
	leases: { names: ["signal"], call: ({ jobs }, options) => nextOf(jobs.leases(options)) },
	"drain of a queue": { names: ["timeout", "max"], call: ({ jobs }, options) => jobs.drain(() => {}, options) },
	"drainBatch of a queue": {
		names: ["timeout", "max"],
		call: ({ jobs }, options) => jobs.drainBatch(() => {}, options),
	},
	lock: {
		names: ["timeout"],
		call: ({ mutex }, options) => {
			if (mutex.lock(options)) mutex.unlock();
		},
	},
	lockAsync: {
		names: ["timeout", "signal"],
		call: async ({ mutex }, options) => {
			if (await mutex.lockAsync(options)) mutex.unlock();
		},
	},
	acquire: { names: ["timeout"], call: ({ mutex }, options) => mutex.acquire(options) as LockGuard },
	acquireAsync: { names: ["timeout", "signal"], call: ({ mutex }, options) => mutex.acquireAsync(options) },
	acquireShared: { names: ["timeout"], call: ({ lock }, options) => lock.acquireShared(options) as LockGuard },
	acquireSharedAsync: { names: ["timeout", "signal"], call: ({ lock }, options) => lock.acquireSharedAsync(options) },
	"acquire of a semaphore": {
		names: ["timeout"],
		call: ({ semaphore }, options) => semaphore.acquire(options) as Permit,
	},
	"acquireAsync of a semaphore": {
		names: ["timeout", "signal"],
		call: ({ semaphore }, options) => semaphore.acquireAsync(options),
	},
	waitAsync: {
		names: ["timeout", "signal"],
		async call({ mutex, condition }, options) {
			using _guard = mutex.acquire();
			const woken = condition.waitAsync(mutex, options);
			condition.notify();
			await woken;
		},
	},
	"wait of a Signal": {
		names: ["timeout"],
		call({ signal, notifier }, options) {
			notifier.notify(1);
			signal.wait(options);
		},
	},
	"waitAsync of a Signal": {
		names: ["timeout", "signal"],
		async call({ signal, notifier }, options) {
			notifier.notify(1);
			await signal.waitAsync(options);
		},
	},
	waitOn: { names: ["timeout"], call: ({ memory }, options) => memory.waitOn(0, 1, options) },
	waitOnAsync: {
		names: ["timeout", "signal"],
		call({ memory }, options) {
			const woken = memory.waitOnAsync(0, 0, options);
			memory.wake(0);
			return woken;
		},
	},
};

describe("options", () => {
	test.each(Object.keys(optionCalls))("of %s", async (name) => {
		const { call, names: known } = optionCalls[name] ?? assert.fail();
		await callWithEach(withMessage(call));
		for (const each of known)
			await callWithEach(
				withMessage((subjects, value) => call(subjects, { [each]: value } as never)),
				others,
			);
	});

	test.each(Object.keys(optionCalls))("of %s are read once", async (name) => {
		const { call, names: known } = optionCalls[name] ?? assert.fail();
		using subjects = new Subjects();
		const reads: Record<string, number> = {};
		const values: Record<string, unknown> = { timeout: 1000, max: 1, signal: new AbortController().signal };
		const options = {};
		for (const each of known)
			Object.defineProperty(options, each, {
				enumerable: true,
				get() {
					reads[each] = (reads[each] ?? 0) + 1;
					return values[each];
				},
			});
		const result = await withMessage(call)(subjects, options as never);
		if (result instanceof Object && Symbol.dispose in result) (result as Disposable)[Symbol.dispose]();
		assert.deepEqual(reads, Object.fromEntries(known.map((each) => [each, 1])));
		subjects.check();
	});
});

const arguments_: Record<string, Place> = {
	"a batch": ({ sender }, value) => sender.sendBatch(value),
	"the size of a loan": ({ sender }, value) => sender.loan(value),
	"how much of a loan is sent": ({ sender }, value) => {
		using loan = sender.loan(4);
		return loan?.send(value);
	},
	"the count of waitForReceivers": ({ sender }, value) => sender.waitForReceivers(value, { timeout: 0 }),
	"the count of receiversReady": ({ sender }, value) => sender.receiversReady(value, { timeout: 0 }),
	"a handler of drain": withMessage(({ receiver }, value) => receiver.drain(value, { timeout: 0 })),
	"a handler of drainBatch": withMessage(({ receiver }, value) => receiver.drainBatch(value, { timeout: 0 })),
	"a handler of a queue": withMessage(({ jobs }, value) => jobs.drain(value, { timeout: 0 })),
	"what a handler returns": withMessage(({ receiver }, value) => receiver.drain(() => value, { timeout: 0 })),
	"what a handler of a queue returns": withMessage(({ jobs }, value) => jobs.drainBatch(() => value, { timeout: 0 })),
	"a Proxy of a mutex": ({ condition, mutex }, value) =>
		condition.wait(new Proxy(mutex, Object(value)), { timeout: 0 }),
	"a mutex": ({ condition }, value) => condition.wait(value, { timeout: 0 }),
	"a mutex of waitAsync": ({ condition }, value) => condition.waitAsync(value, { timeout: 0 }),
	"the count of release": ({ semaphore }, value) => semaphore.release(value),
	"an id to notify": ({ notifier }, value) => notifier.notify(value),
	"an offset to wait at": ({ memory }, value) => memory.waitOn(value, 1, { timeout: 0 }),
	"an offset to wait at, async": ({ memory }, value) => memory.waitOnAsync(value, 0, { timeout: 0 }),
	"an expected value": ({ memory }, value) => memory.waitOn(0, value, { timeout: 0 }),
	"an offset to wake": ({ memory }, value) => memory.wake(value),
	"how many to wake": ({ memory }, value) => memory.wake(0, value),
	"a size to grow to": ({ memory }, value) => memory.grow(value),
	"options of list": (_, value) => list(value),
	"a prefix of list": (_, value) => list({ prefix: value }),
	// An undefined prefix would clear what other programs have left.
	"a prefix of clear": (_, value) => clear({ prefix: value ?? null }),
};

/** What these calls do with the value: it may throw a TypeError of its own then. */
const uses: Record<string, (value: unknown) => unknown> = {
	"a batch": (value) => Array.from(value as never),
	"a handler": (value) => typeof value === "function" && (value as () => unknown)(),
};

describe("an argument", () => {
	test.each(Object.keys(arguments_))("%s", async (what) => {
		await callWithEach(arguments_[what] ?? assert.fail(), everything, uses[what.split(" of ")[0] ?? ""]);
	});
});

const openers: Record<
	string,
	{ readonly open: (name: Anything, options: Anything) => unknown; readonly names: readonly string[] }
> = {
	"Channel.sender": {
		open: Channel.sender,
		names: ["prefix", "capacity", "maxReceivers", "overflow", "stamp", "permissions", "onPeer"],
	},
	"Queue.receiver": { open: Queue.receiver, names: ["prefix", "capacity", "from", "onPeer"] },
	"Route.sender": { open: Route.sender, names: ["prefix", "wait"] },
	"Route.senderAsync": { open: Route.senderAsync, names: ["prefix", "wait", "signal"] },
	"Route.clear": { open: Route.clear, names: ["prefix"] },
	"Mutex.open": { open: Mutex.open, names: ["prefix", "maxHandles", "permissions"] },
	"Semaphore.open": { open: Semaphore.open, names: ["prefix", "initial", "robust"] },
	"Condition.open": { open: Condition.open, names: ["prefix"] },
	"RwLock.open": { open: RwLock.open, names: ["prefix"] },
	"SharedMemory.open": { open: (name, options) => SharedMemory.open(name, options), names: ["prefix", "size", "mode"] },
	"SharedMemory.clear": { open: SharedMemory.clear, names: ["prefix"] },
};

/** A name that no other process opens, also without the prefix of this file, or with that of the value. */
const unique = (): string => `${prefix}.${names.next()}`;

describe("an open", () => {
	test.each(Object.keys(openers))("%s: of a name, of options, and of each option", async (opener) => {
		const { open, names: known } = openers[opener] ?? assert.fail();
		const rest = opener === "SharedMemory.open" ? { prefix, size: 64 } : { prefix };
		await callWithEach((_, value) => open(value, rest as never), others);
		await callWithEach((_, value) => open(unique() as never, value), others);
		for (const each of known)
			await callWithEach((_, value) => open(unique() as never, { ...rest, [each]: value } as never), others);
	});
});

describe("a signal", () => {
	/** A signal as jsdom and polyfills make it: of their own class. */
	class AnotherSignal {
		aborted = false;
		reason: unknown;
		readonly #listeners = new Set<() => void>();
		get [Symbol.toStringTag](): string {
			return "AbortSignal";
		}
		get listeners(): number {
			return this.#listeners.size;
		}
		addEventListener(_: string, listener: () => void): void {
			this.#listeners.add(listener);
		}
		removeEventListener(_: string, listener: () => void): void {
			this.#listeners.delete(listener);
		}
		abort(reason: unknown): void {
			this.aborted = true;
			this.reason = reason;
			for (const each of [...this.#listeners]) each();
		}
	}

	test("of another implementation ends a wait, and is left when the wait ends", async () => {
		using subjects = new Subjects();
		const { receiver, sender } = subjects;
		const signal = new AnotherSignal();
		const first = receiver.recvAsync({ signal: signal as Anything });
		assert.equal(signal.listeners, 1);
		sender.send("x");
		assert.equal(text(await first), "x");
		assert.equal(signal.listeners, 0);
		const second = receiver.recvAsync({ signal: signal as Anything });
		const reason = new Hostile("aborted");
		signal.abort(reason);
		await assert.rejects(second, (error) => error === reason);
		await assert.rejects(receiver.recvAsync({ signal: signal as Anything }), (error) => error === reason);
		subjects.check();
	});

	test("has one listener for all waits of a program, and none when they have ended", async () => {
		using subjects = new Subjects();
		using other = new Subjects();
		const signal = new AnotherSignal();
		let added = 0;
		const { addEventListener } = signal;
		signal.addEventListener = (...listener) => {
			added++;
			addEventListener.apply(signal, listener);
		};
		const options = { signal: signal as Anything };
		const waits = Array.from({ length: 100 }, () => subjects.receiver.recvAsync(options));
		waits.push(other.receiver.recvAsync(options));
		assert.deepEqual([added, signal.listeners], [1, 1]);
		other.sender.send("x");
		assert.equal(text((await waits.pop()) ?? null), "x");
		const reason = new Hostile("aborted");
		signal.abort(reason);
		for (const each of await Promise.allSettled(waits)) assert.deepEqual(each, { status: "rejected", reason });
		assert.deepEqual([added, signal.listeners], [1, 0]);
		subjects.check();
	});

	test("with overridden properties is what it is", async () => {
		using subjects = new Subjects();
		const controller = new AbortController();
		const signal = Object.defineProperties(controller.signal, {
			aborted: { value: true },
			reason: { value: 5 },
			addEventListener: { value: () => {} },
		});
		const wait = subjects.receiver.recvAsync({ signal });
		const reason = new Hostile("aborted");
		controller.abort(reason);
		await assert.rejects(wait, (error) => error === reason);
		subjects.check();
	});

	test("that cannot be listened to ends a message that is sent in part", async () => {
		using subjects = new Subjects();
		const { sender, receiver } = subjects;
		const signal = new AnotherSignal();
		signal.addEventListener = () => {
			throw new Hostile("no listeners");
		};
		await assert.rejects(sender.sendAsync(new Uint8Array(100_000), { signal: signal as Anything }), Hostile);
		while (receiver.tryRecv());
		assert.equal(sender.trySend(new Uint8Array(12_000).fill(1)), true);
		assert.deepEqual(receiver.tryRecv(), new Uint8Array(12_000).fill(1));
		subjects.check();
	});
});

/** Transfers the buffer of a view, if this engine's buffers can be transferred: then the view is empty. */
function transfer(view: Uint8Array): boolean {
	try {
		structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
	} catch {
		return false;
	}
	return view.byteLength === 0;
}

describe("a transferred buffer", () => {
	test("of a loan: the other loans of the sender refuse to send, and can be completed", () => {
		using subjects = new Subjects();
		const { sender, receiver } = subjects;
		const loans = [1, 2, 3].map((i) => {
			const loan = sender.loan(BYTES) ?? assert.fail();
			loan.bytes.fill(i);
			return loan;
		});
		if (transfer(loans[0]?.bytes ?? assert.fail())) {
			for (const loan of loans)
				assert.throws(() => loan.send(), { code: "ERR_IPC_INVALID_ARGUMENT", message: /transferred/ });
			for (const [i, loan] of loans.entries()) assert.deepEqual(loan.bytes, new Uint8Array(BYTES).fill(i + 1));
		}
		for (const loan of loans) assert.equal(loan.send(), true);
		for (const i of [1, 2, 3]) assert.deepEqual(receiver.tryRecv(), new Uint8Array(BYTES).fill(i));
		subjects.check();
	});

	test("of a loan that is not in the ring, and of one that was ended", () => {
		using subjects = new Subjects();
		const { sender, receiver } = subjects;
		using outside = sender.loan(12_000) ?? assert.fail();
		assert.equal(transfer(outside.bytes), true);
		assert.throws(() => outside.send(), { code: "ERR_IPC_INVALID_ARGUMENT", message: /transferred/ });
		const ended = sender.loan(BYTES) ?? assert.fail();
		transfer(ended.bytes);
		ended[Symbol.dispose]();
		assert.throws(() => ended.send(), { code: "ERR_IPC_LOAN_ENDED" });
		assert.equal(receiver.tryRecv(), null);
		subjects.check();
	});

	test("in a handler: the messages behind it arrive", () => {
		using subjects = new Subjects();
		const { sender, receiver, jobSender, jobs } = subjects;
		const sent = Array.from({ length: 50 }, (_, i) => `message ${i}`);
		sent.splice(20, 0, "large ".repeat(2000));
		const seen: unknown[] = [];
		const handle = (view: Uint8Array): void => {
			seen.push(text(view.slice()));
			transfer(view);
		};
		assert.equal(sender.sendBatch(sent), sent.length);
		while (receiver.drain(handle, { timeout: 0 }) > 0);
		assert.deepEqual(seen.splice(0), sent);
		assert.equal(sender.sendBatch(sent), sent.length);
		while (
			receiver.drainBatch(
				({ bytes, count, offsets, lengths }) => {
					for (let i = 0; i < count; i++) {
						const offset = offsets[i] ?? assert.fail();
						seen.push(text(bytes.slice(offset, offset + (lengths[i] ?? 0))));
					}
					for (const each of [bytes, offsets, lengths]) transfer(each as Uint8Array);
				},
				{ timeout: 0, max: 7 },
			) > 0
		);
		assert.deepEqual(seen.splice(0), sent);
		jobSender.sendBatch(sent.filter((each) => each.length < 100));
		while (jobs.drain(handle, { timeout: 0 }) > 0);
		assert.equal(seen.length, 50);
		subjects.check();
	});
});

describe("what is handed out", () => {
	test("may be given other properties: the calls after it do not read them", () => {
		using subjects = new Subjects();
		const { sender, receiver, memory } = subjects;
		const poison = <Bytes extends object>(bytes: Bytes): Bytes =>
			Object.defineProperties(
				bytes,
				Object.fromEntries(
					["byteLength", "length", "buffer", "byteOffset", "set", "subarray", "slice", "copy"].map((name) => [
						name,
						{ get: () => assert.fail(name), configurable: true },
					]),
				),
			);
		for (let i = 0; i < 3; i++) {
			sender.send("one");
			sender.send("two");
			assert.equal(receiver.drain(poison, { max: 1 }), 1);
			receiver.drainBatch(({ bytes, offsets, lengths }) => {
				for (const each of [bytes, offsets, lengths]) poison(each);
			});
			using loan = sender.loan(5) ?? assert.fail();
			poison(loan.bytes).fill(65);
			assert.equal(loan.send(), true);
			assert.equal(text(receiver.tryRecv()), "AAAAA");
			poison(memory.bytes);
			poison(memory.words)[0] = 0;
			assert.equal(memory.words, memory.words);
		}
		subjects.check();
	});
});

describe("the buffer of what is handed out", () => {
	/** Gives a buffer properties that say nothing true. Returns a function that removes them. */
	function disguise(buffer: ArrayBufferLike): () => void {
		const prototype: unknown = Object.getPrototypeOf(buffer);
		const lies = ["byteLength", "maxByteLength", "growable", "grow", "slice"];
		for (const name of lies) Object.defineProperty(buffer, name, { value: 1, configurable: true });
		Object.setPrototypeOf(buffer, null);
		return () => {
			Object.setPrototypeOf(buffer, prototype as object);
			for (const name of lies) Reflect.deleteProperty(buffer, name);
		};
	}

	/** Of the sab engine, this is the memory of all names of the process. */
	test("may be given other properties: names are opened, grow and are closed as before", () => {
		using subjects = new Subjects();
		const { sender, receiver, memory } = subjects;
		using loan = sender.loan(5) ?? assert.fail();
		loan.bytes.fill(65);
		const restore = [loan.bytes, memory.bytes].map(({ buffer }) => disguise(buffer));
		try {
			assert.equal(loan.send(), true);
			assert.equal(text(receiver.tryRecv()), "AAAAA");
			using opened = new Subjects();
			opened.check();
			opened.memory.grow(1 << 20);
			assert.equal(opened.memory.bytes.length, 1 << 20);
			memory.grow(4096);
			assert.deepEqual([memory.byteLength, memory.bytes.length], [4096, 4096]);
			assert.ok(list({ prefix }).length >= 8);
			subjects.check();
		} finally {
			for (const each of restore.reverse()) each();
		}
		subjects.check();
	});
});

describe("code of the caller in the middle of a call", () => {
	test("an iterable that throws, or closes the receiver: what it yielded before is sent", () => {
		using subjects = new Subjects();
		const { sender, receiver } = subjects;
		function* throwing() {
			yield "one";
			yield new Uint8Array(12_000);
			yield "two";
			throw new Hostile("no more");
		}
		assert.throws(() => sender.sendBatch(throwing()), Hostile);
		assert.deepEqual(
			[receiver.tryRecv()?.length, receiver.tryRecv()?.length, receiver.tryRecv()?.length],
			[3, 12_000, 3],
		);
		const second = Channel.receiver(sender.name, { prefix });
		function* closing() {
			yield "three";
			second.close();
			yield "four";
		}
		assert.equal(sender.sendBatch(closing()), 2);
		assert.deepEqual([receiver.tryRecv(), receiver.tryRecv()].map(text), ["three", "four"]);
		subjects.check();
	});

	test("a getter of the options that uses the endpoint, or takes the memory away", async () => {
		using subjects = new Subjects();
		const { sender, receiver } = subjects;
		const message = new Uint8Array(BYTES).fill(1);
		const during = (action: () => void) => ({
			get timeout() {
				action();
				return 0;
			},
		});
		const detach = () => structuredClone(message.buffer, { transfer: [message.buffer] });
		assert.throws(() => sender.send(message, during(detach)), { code: "ERR_IPC_INVALID_ARGUMENT" });
		assert.equal(
			sender.send(
				"outer",
				during(() => sender.send("inner")),
			),
			true,
		);
		assert.deepEqual([receiver.tryRecv(), receiver.tryRecv()].map(text), ["inner", "outer"]);
		const other = new Uint8Array(BYTES).fill(2);
		const taken = () => structuredClone(other.buffer, { transfer: [other.buffer] });
		await assert.rejects(sender.sendAsync(other, during(taken)), { code: "ERR_IPC_INVALID_ARGUMENT" });
		sender.send("x");
		const target = new Uint8Array(BYTES);
		const gone = () => structuredClone(target.buffer, { transfer: [target.buffer] });
		assert.throws(() => receiver.recvInto(target, during(gone)), { code: "ERR_IPC_INVALID_ARGUMENT" });
		assert.equal(text(receiver.tryRecv()), "x");
		subjects.check();
	});

	test("an open whose option throws leaves nothing open", () => {
		const name = names.next();
		const reads = { prefix, permissions: 0o600, onPeer: () => {} };
		let failAt = 0;
		for (; failAt < 20; failAt++) {
			let left = failAt;
			const options = new Proxy(reads, {
				get(target, option) {
					if (left-- === 0) throw new Hostile(String(option));
					return Reflect.get(target, option);
				},
			});
			try {
				Route.sender(name, options).close();
				break;
			} catch (error) {
				assert.ok(error instanceof Hostile);
			}
			assert.deepEqual(list({ prefix }), []);
		}
		assert.ok(failAt > 3 && failAt < 20);
	});
});

describe("the stack of an error", () => {
	const first = (call: () => unknown): string => {
		try {
			call();
		} catch (error) {
			if (error instanceof IpcError) return error.stack?.split("\n").find((line) => /^\s+at /.test(line)) ?? "";
		}
		return "no error";
	};
	const calls: Record<string, Place> = {
		send: ({ sender }) => sender.send(5 as Anything),
		sendBatch: ({ sender }) => sender.sendBatch([5 as Anything]),
		recv: ({ receiver }) => receiver.recv({ timeout: -1 }),
		recvInto: ({ receiver }) => receiver.recvInto(5 as Anything),
		drain: ({ jobs }) => jobs.drain(5 as Anything),
		unlock: ({ mutex }) => mutex.unlock(),
		wake: ({ memory }) => memory.wake(1),
		open: () => Channel.sender("a/b"),
	};
	test.each(Object.keys(calls))("begins at the line that called %s", (name) => {
		using subjects = new Subjects();
		const line = first(() => {
			// Not the last expression: it would be a tail call, of which Bun keeps no line.
			const result = calls[name]?.(subjects, undefined as never);
			return [result];
		});
		assert.match(line, /values\.conformance\.[jt]s/);
	});
});
