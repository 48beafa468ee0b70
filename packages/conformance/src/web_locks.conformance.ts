/** The `locks` of `libipc/web`: the cases of the web's own tests, in our words, and what processes add. */
import assert from "node:assert/strict";
import { rejection } from "@libipc/testing/outcome";
import { sleep, turn, until } from "@libipc/testing/timing";
import { createWeb, type LockManager, type WebLocksSnapshot } from "libipc/web";
import { afterAll, afterEach, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, IpcError, library, Mutex, SharedMemory } from "./under_test.ts";

const names = new Names("weblocks");
const { prefix } = names;
const web = createWeb({ prefix, library });
const { locks } = web;

afterEach(() => {
	web.close();
	names.expectNothingLeft();
});
afterAll(() => names.clear());

/** A promise, and what settles it. */
function deferred<Value = void>() {
	let resolve: (value: Value) => void = () => {};
	let reject: (reason: unknown) => void = () => {};
	const promise = new Promise<Value>((...ends) => {
		[resolve, reject] = ends;
	});
	return { promise, resolve, reject };
}

/** Holds a lock until it is released; `ended` is the promise of the request. */
async function hold(name: string, options = {}, manager: LockManager = locks) {
	const granted = deferred();
	const until = deferred<unknown>();
	const ended = manager.request(name, options, () => {
		granted.resolve();
		return until.promise;
	});
	ended.catch(() => {}); // the case looks at it
	await Promise.race([granted.promise, ended]);
	return { release: until.resolve, fail: until.reject, ended };
}

const never = () => new Promise<never>(() => {});
const unreached = () => assert.fail("the callback was called");
const modes = (list: WebLocksSnapshot["held"]) => list.map(({ mode }) => mode);

/** Calls with arguments that the types refuse. */
const anyRequest = locks.request.bind(locks) as (...args: readonly unknown[]) => Promise<unknown>;

async function domError(promise: Promise<unknown>): Promise<string> {
	const error = await rejection(promise);
	assert.ok(error instanceof DOMException, String(error));
	return error.name;
}

describe("a request", () => {
	test("needs a name and a callback: TypeError, as a rejection", async () => {
		const callbacks = [undefined, null, 123, "abc", [], {}, new Promise(() => {})];
		const calls = [[], ["a"], ...callbacks.map((each) => ["a", each]), ["a", {}, undefined], [Symbol("a"), unreached]];
		for (const args of [...calls, ["a", 1, unreached], ["a", "options", unreached]])
			assert.ok((await rejection(anyRequest(...args))) instanceof TypeError);
		assert.ok((await rejection(anyRequest.call({}))) instanceof TypeError);
	});

	test("has a mode that is shared or exclusive", async () => {
		for (const mode of ["foo", null, "", "Shared"])
			assert.ok((await rejection(anyRequest("a", { mode }, unreached))) instanceof TypeError);
		for (const mode of ["exclusive", "shared"] as const)
			assert.equal(await locks.request("a", { mode }, (lock) => lock.mode), mode);
		assert.equal(await locks.request("a", (lock) => lock.mode), "exclusive");
		assert.equal(await anyRequest("a", null, () => 1), 1);
	});

	test.each([
		{ steal: true, ifAvailable: true },
		{ steal: true, mode: "shared" },
		{ steal: true, signal: new AbortController().signal },
		{ ifAvailable: true, signal: new AbortController().signal },
	] as const)("with options that exclude each other is a NotSupportedError: %j", async (options) => {
		assert.equal(await domError(locks.request("a", options, unreached)), "NotSupportedError");
	});

	test("of a name that begins with a hyphen is a NotSupportedError", async () => {
		for (const name of ["-", "-foo"]) assert.equal(await domError(locks.request(name, unreached)), "NotSupportedError");
		assert.equal(await locks.request("x-anything", ({ name }) => name), "x-anything");
	});

	test.each(["", "abc\0def", "\ud800", "\udc00", "\udc00\ud800", "\uffff"])(
		"may have any other name, which is not changed: %j",
		async (name) => {
			assert.equal(await locks.request(name, (lock) => lock.name), name);
		},
	);

	test("for half a surrogate pair is another lock than for what would replace it", async () => {
		const inner = () => locks.request("\ufffd", { ifAvailable: true }, (lock) => lock?.name);
		assert.equal(await locks.request("\ud800", inner), "\ufffd");
	});

	test("calls back later, with an object of the web's form", async () => {
		let isCalled = false;
		const request = locks.request("a", (lock) => {
			isCalled = true;
			assert.equal(Object.prototype.toString.call(lock), "[object Lock]");
			assert.equal(lock?.constructor.name, "Lock");
			const prototype = Object.getPrototypeOf(lock) as object;
			for (const member of ["name", "mode"])
				assert.equal(Object.getOwnPropertyDescriptor(prototype, member)?.enumerable, true);
		});
		assert.ok(request instanceof Promise);
		assert.equal(isCalled, false);
		await request;
		assert.equal(Object.prototype.toString.call(locks), "[object LockManager]");
	});
});

describe("a lock", () => {
	test("is held until what the callback returned is fulfilled, which the promise then is", async () => {
		assert.equal(await locks.request("a", () => 123), 123);
		const order: string[] = [];
		const first = await hold("a");
		const second = locks.request("a", () => order.push("second is granted"));
		await locks.request("a", { ifAvailable: true }, (lock) => assert.equal(lock, null));
		order.push("first is released");
		first.release("value");
		assert.equal(await first.ended, "value");
		await second;
		assert.deepEqual(order, ["first is released", "second is granted"]);
	});

	test("is held until that is rejected, which the promise then is", async () => {
		const order: string[] = [];
		const first = await hold("a");
		const second = locks.request("a", () => order.push("granted"));
		const failure = new Error("expected");
		order.push("rejected");
		first.fail(failure);
		assert.equal(await rejection(first.ended), failure);
		await second;
		assert.deepEqual(order, ["rejected", "granted"]);
	});

	test("is released before its promise settles, and what the callback holds settles before that", async () => {
		const order: string[] = [];
		const { promise, resolve } = deferred();
		const request = locks.request("a", () => promise).then(() => order.push("returned"));
		promise.then(() => order.push("holding"));
		resolve();
		await request;
		assert.deepEqual(order, ["holding", "returned"]);
		assert.deepEqual((await locks.query()).held, []);
	});

	test("whose callback throws rejects with that, a thenable too, and is free", async () => {
		let isThenCalled = false;
		/** In a list: an async function that returned a thenable would call it. */
		const reasonOf = (promise: Promise<unknown>) => promise.then(unreached, (reason: unknown) => [reason]);
		const thenable = {
			// biome-ignore lint/suspicious/noThenProperty: that it is not called is what this is about
			then() {
				isThenCalled = true;
			},
		};
		for (const failure of [{ name: "test" }, thenable]) {
			const throws = () => {
				throw failure;
			};
			assert.equal((await reasonOf(locks.request("a", throws)))[0], failure);
			assert.equal((await reasonOf(locks.request("a", async () => throws())))[0], failure);
			// The same without a lock.
			await locks.request("a", async () => {
				const options = { ifAvailable: true } as const;
				assert.equal((await reasonOf(locks.request("a", options, throws)))[0], failure);
				assert.equal((await reasonOf(locks.request("a", options, async () => throws())))[0], failure);
			});
		}
		assert.equal(isThenCalled, false);
		assert.equal(await locks.request("a", { ifAvailable: true }, (lock) => lock?.mode), "exclusive");
	});
});

describe("the order", () => {
	test("of exclusive requests is that in which they were made", async () => {
		const granted: number[] = [];
		await Promise.all([1, 2, 3].map((i) => locks.request("a", () => granted.push(i))));
		assert.deepEqual(granted, [1, 2, 3]);
	});

	test("of requests for other names does not matter", async () => {
		const granted: number[] = [];
		let inner: Promise<unknown> | undefined;
		await locks.request("a", async () => {
			inner = Promise.all([
				locks.request("a", () => granted.push(1)),
				locks.request("b", () => granted.push(2)).then(() => granted.push(3)),
			]);
			await until(() => granted.length === 2);
		});
		await inner;
		assert.deepEqual(granted, [2, 3, 1]);
	});

	test("of shared requests is that in which they were made, for several names", async () => {
		const granted: number[] = [];
		const request = (name: string, i: number) => locks.request(name, { mode: "shared" }, () => granted.push(i));
		await Promise.all(["a", "b", "c", "a", "b", "c"].map((name, i) => request(name, i)));
		assert.deepEqual(granted, [0, 1, 2, 3, 4, 5]);
	});

	test("keeps an exclusive request behind the shared ones before it, and other names free", async () => {
		const granted: string[] = [];
		const { promise: blocked, resolve: unblock } = deferred();
		for (const i of [1, 2, 3])
			locks.request("a", { mode: "shared" }, async () => {
				granted.push(`shared ${i}`);
				await blocked;
			});
		const exclusive = locks.request("a", ({ mode }) => granted.push(mode));
		await locks.request("b", () => granted.push("b"));
		assert.deepEqual(granted.splice(0), ["shared 1", "shared 2", "shared 3", "b"]);
		unblock();
		await exclusive;
		assert.deepEqual(granted, ["exclusive"]);
	});

	test("lets several hold a lock when all are shared", async () => {
		const inner = () => locks.request("a", { mode: "shared" }, () => "both");
		assert.equal(await locks.request("a", { mode: "shared" }, inner), "both");
	});

	test("grants all shared requests between exclusive ones together, and an exclusive one between shared ones alone", async () => {
		const holding = (mode: "shared" | "exclusive", count: number) => Array.from({ length: count }, () => mode);
		const shared = deferred();
		const exclusive = deferred();
		const before = Promise.all(holding("shared", 5).map((mode) => locks.request("a", { mode }, () => shared.promise)));
		const alone = locks.request("a", () => exclusive.promise);
		for (const mode of holding("shared", 5)) locks.request("a", { mode }, never).catch(() => {});
		let state = await locks.query();
		assert.deepEqual(modes(state.held), holding("shared", 5));
		assert.deepEqual(modes(state.pending), ["exclusive", ...holding("shared", 5)]);
		shared.resolve();
		await before;
		state = await locks.query();
		assert.deepEqual(modes(state.held), ["exclusive"]);
		exclusive.resolve();
		await alone;
		state = await locks.query();
		assert.deepEqual([modes(state.held), state.pending], [holding("shared", 5), []]);
	});
});

describe("ifAvailable", () => {
	const ifAvailable = true as const;
	const get = (name: string, mode: "exclusive" | "shared" = "exclusive") =>
		locks.request(name, { mode, ifAvailable }, (lock) => lock?.mode ?? null);

	test("gives the lock if it is free, null if it is not, and what the callback returns", async () => {
		assert.equal(await get("a"), "exclusive");
		await locks.request("a", async () => {
			assert.equal(await get("a"), null);
			assert.equal(await get("a", "shared"), null);
			assert.equal(await get("b"), "exclusive");
			assert.equal(await locks.request("a", { ifAvailable }, async () => 123), 123);
		});
		await locks.request("a", { mode: "shared" }, async () => {
			assert.equal(await get("a", "shared"), "shared");
			assert.equal(await get("a"), null);
		});
	});

	test("gives null if another request waits, although nobody excludes this one", async () => {
		const first = await hold("a", { mode: "shared" });
		const waiting = locks.request("a", () => {});
		assert.equal(await get("a", "shared"), null);
		first.release(undefined);
		await waiting;
	});

	test("gives the lock as soon as the one before has been released", async () => {
		await locks.request("outer", async () => {
			await locks.request("a", async () => {});
			assert.equal(await get("a"), "exclusive");
		});
	});
});

describe("steal", () => {
	test("takes a lock that is free", async () => {
		assert.equal(await locks.request("a", { steal: true }, ({ mode }) => mode), "exclusive");
	});

	test("breaks the lock of its holder, whose promise is an AbortError, also in the turn in which it was requested", async () => {
		let calls = 0;
		const first = domError(
			locks.request("a", () => {
				calls++;
				return never();
			}),
		);
		assert.equal(await locks.request("a", { steal: true }, () => "stolen"), "stolen");
		assert.equal(await first, "AbortError");
		assert.equal(calls, 1);
		const shared = [await hold("b", { mode: "shared" }), await hold("b", { mode: "shared" })];
		const stolen = await hold("b", { steal: true });
		for (const { ended } of shared) assert.equal(await domError(ended), "AbortError");
		shared[0]?.release("late");
		stolen.release("mine");
		assert.equal(await stolen.ended, "mine");
	});

	test("of another client is an AbortError for a holder that ends before it has heard of it", async () => {
		using other = createWeb({ prefix, library });
		const held = await hold("a");
		await other.locks.request("a", { steal: true }, () => held.release("too late"));
		assert.equal(await domError(held.ended), "AbortError");
	});

	test("comes before those that wait, which get the lock afterwards; the last one wins", async () => {
		const order: string[] = [];
		const held = await hold("a");
		const waiting = locks.request("a", () => order.push("waited"));
		const first = domError(locks.request("a", { steal: true }, never));
		await locks.request("a", { steal: true }, () => order.push("stole"));
		await waiting;
		assert.deepEqual(order, ["stole", "waited"]);
		assert.deepEqual([await first, await domError(held.ended)], ["AbortError", "AbortError"]);
	});
});

describe("signal", () => {
	test("must be an AbortSignal", async () => {
		for (const signal of ["string", 12.34, false, {}, Symbol("no"), () => {}, globalThis, null])
			assert.ok((await rejection(anyRequest("a", { signal }, unreached))) instanceof TypeError);
	});

	test("that is aborted already rejects with its reason", async () => {
		assert.equal(await domError(locks.request("a", { signal: AbortSignal.abort() }, unreached)), "AbortError");
		const signal = AbortSignal.abort("a reason");
		assert.equal(await rejection(locks.request("a", { signal }, unreached)), "a reason");
	});

	test("withdraws a request that waits, at once or later, with its reason", async () => {
		const held = await hold("a");
		for (const reason of [undefined, "a reason"]) {
			const controller = new AbortController();
			const request = locks.request("a", { signal: controller.signal }, unreached);
			const state = await locks.query();
			assert.deepEqual([state.held.length, state.pending.length], [1, 1]);
			controller.abort(reason);
			assert.equal(await rejection(request), controller.signal.reason);
			assert.deepEqual((await locks.query()).pending, []);
		}
		const signal = AbortSignal.timeout(10);
		assert.equal(await domError(locks.request("a", { signal }, unreached)), "TimeoutError");
		held.release(undefined);
	});

	test("withdraws a request of the same turn, although the lock is free, and the next one gets it", async () => {
		for (const reason of [undefined, "a reason"]) {
			const controller = new AbortController();
			const request = locks.request("a", { signal: controller.signal }, unreached);
			const next = locks.request("a", () => "next");
			controller.abort(reason);
			assert.equal(await rejection(request), controller.signal.reason);
			assert.equal(await next, "next");
		}
	});

	test("withdraws a request that was granted, before its callback is called", async () => {
		const controller = new AbortController();
		const held = await hold("a");
		const first = locks.request("a", { mode: "shared" }, () => controller.abort());
		let calls = 0;
		const second = locks.request("a", { mode: "shared", signal: controller.signal }, () => calls++);
		held.release(undefined);
		await first;
		assert.equal(await rejection(second), controller.signal.reason);
		assert.equal(calls, 0);
		assert.equal(await locks.request("a", () => "free"), "free");
	});

	test("does nothing if it is not aborted, or once the lock is granted or released", async () => {
		const controller = new AbortController();
		const { signal } = controller;
		assert.equal(await locks.request("a", { signal }, () => "granted"), "granted");
		const [first, second] = [await hold("a", { signal }), await hold("b", { signal })];
		second.release("second");
		controller.abort();
		first.release("first");
		assert.deepEqual([await first.ended, await second.ended], ["first", "second"]);
	});
});

describe("query", () => {
	test("is empty at first, and shows what is held and what waits, with a client", async () => {
		assert.deepEqual(await locks.query(), { held: [], pending: [] });
		const other = createWeb({ prefix, library });
		const first = await hold("a");
		const shared = [await hold("b", { mode: "shared" }), await hold("b", { mode: "shared" }, other.locks)];
		const waiting = [locks.request("a", () => {}), locks.request("a", { mode: "shared" }, () => {})];
		const { held, pending } = await locks.query();
		const [{ clientId } = { clientId: "" }] = held;
		assert.match(clientId, /^\d+\.\d+\.[0-9a-f]{32}$/);
		const otherId = held[2]?.clientId ?? "";
		assert.notEqual(otherId, clientId);
		assert.deepEqual(held, [
			{ name: "a", mode: "exclusive", clientId },
			{ name: "b", mode: "shared", clientId },
			{ name: "b", mode: "shared", clientId: otherId },
		]);
		assert.deepEqual(pending, [
			{ name: "a", mode: "exclusive", clientId },
			{ name: "a", mode: "shared", clientId },
		]);
		for (const each of [first, ...shared]) each.release(undefined);
		await Promise.all([...waiting, ...shared.map(({ ended }) => ended)]);
		assert.deepEqual(await other.locks.query(), { held: [], pending: [] });
		other.close();
	});

	test("shows the requests of several clients in the order in which they were made, again and again", async () => {
		const clients = [1, 2, 3].map(() => createWeb({ prefix, library }));
		const order: number[] = [];
		const holding = await hold("a");
		const requests: Promise<unknown>[] = [];
		for (const turn of [0, 1, 2, 2, 0, 1]) {
			requests.push(clients[turn]?.locks.request("a", () => order.push(turn)) ?? assert.fail());
			// The request is made when the shared state has it.
			await clients[turn]?.locks.query();
		}
		const { pending } = await locks.query();
		assert.equal(new Set(pending.map(({ clientId }) => clientId)).size, 3);
		assert.equal(pending[2]?.clientId, pending[3]?.clientId);
		holding.release(undefined);
		await Promise.all(requests);
		assert.deepEqual(order, [0, 1, 2, 2, 0, 1]);
		for (const each of clients) each.close();
	});

	test("shows many requests, and the memory of the state grows", async () => {
		const holding = await hold("a");
		const requests = Array.from({ length: 500 }, (_, i) => locks.request("a", () => i));
		assert.equal((await locks.query()).pending.length, 500);
		holding.release(undefined);
		assert.deepEqual(
			await Promise.all(requests),
			requests.map((_, i) => i),
		);
	});
});

describe("a prefix", () => {
	test("has its own locks, which all clients of it share", async () => {
		using same = createWeb({ prefix, library });
		using other = createWeb({ prefix: `${prefix}.other`, library });
		using another = createWeb({ prefix: `${prefix}.another`, library });
		const isShared = (one: LockManager, two: LockManager) =>
			one.request("a", () => two.request("a", { ifAvailable: true }, (lock) => lock === null));
		assert.equal(await isShared(locks, same.locks), true);
		assert.equal(await isShared(other.locks, other.locks), true);
		assert.equal(await isShared(locks, other.locks), false);
		assert.equal(await isShared(another.locks, other.locks), false);
	});

	test("of another user is a SecurityError, whose cause says why", async () => {
		const refused = new IpcError("ERR_IPC_PERMISSION", "web.locks.mutex", "It belongs to another user.");
		const open = (): never => {
			throw refused;
		};
		const foreign = createWeb({ prefix, library: { ...library, Mutex: { ...Mutex, open } } });
		for (const call of [() => foreign.locks.request("a", unreached), () => foreign.locks.query()]) {
			const error = (await rejection(call())) as DOMException;
			assert.deepEqual([error.name, error.cause], ["SecurityError", refused]);
		}
	});
});

describe("other threads and processes", () => {
	/** A client in another thread or process, and how to ask it for something. */
	async function client(name: string) {
		const program = startProgram("web", ["client", prefix, "control", name]);
		assert.equal(await program.report(), "ready");
		const control = new web.BroadcastChannel("control");
		const ask = (op: string, lock = "", options = {}): void => control.postMessage({ to: name, op, lock, options });
		return {
			program,
			ask,
			async expect(answer: unknown): Promise<void> {
				assert.deepEqual(await program.report(), answer);
			},
			async [Symbol.asyncDispose](): Promise<void> {
				await program.kill();
			},
		};
	}

	test("share and exclude, see each other's requests, steal, and give up what they hold when they are killed", async () => {
		await using a = await client("a");
		await using b = await client("b");

		// Shared with another.
		a.ask("hold", "s", { mode: "shared" });
		await a.expect({ lock: "s", granted: true });
		await locks.request("s", { mode: "shared" }, async () => {
			const { held } = await locks.query();
			assert.equal(new Set(held.map(({ clientId }) => clientId)).size, 2);
			a.ask("release", "s");
			await a.expect({ lock: "s", released: true });
		});

		// Excluded by another, in both directions, and a deadlock that query shows.
		a.ask("hold", "x");
		await a.expect({ lock: "x", granted: true });
		const mine = await hold("y");
		b.ask("hold", "x", { ifAvailable: true });
		await b.expect({ lock: "x", granted: false });
		await b.expect({ lock: "x", released: true });
		const waiting = locks.request("x", () => "granted");
		a.ask("hold", "y");
		let state = await locks.query();
		while (state.pending.length < 2) {
			await turn();
			state = await locks.query();
		}
		const clientOf = (list: WebLocksSnapshot["held"], lock: string) => list.find(({ name }) => name === lock)?.clientId;
		assert.equal(clientOf(state.held, "x"), clientOf(state.pending, "y"));
		assert.equal(clientOf(state.held, "y"), clientOf(state.pending, "x"));
		a.ask("release", "x");
		await a.expect({ lock: "x", released: true });
		assert.equal(await waiting, "granted");
		mine.release(undefined);
		await mine.ended;
		await a.expect({ lock: "y", granted: true });

		// Stolen by another, and from another.
		const stolen = await hold("z");
		b.ask("hold", "z", { steal: true });
		await b.expect({ lock: "z", granted: true });
		assert.equal(await domError(stolen.ended), "AbortError");
		const back = await hold("z", { steal: true });
		await b.expect({ lock: "z", error: "AbortError" });
		back.release(undefined);
		await back.ended;

		// b waits behind a, and this client behind b: killed, both are gone, also for those that ask.
		b.ask("hold", "y");
		while ((await locks.query()).pending.length < 1) await turn();
		const last = locks.request("y", () => "after two kills");
		while ((await locks.query()).pending.length < 2) await turn();
		await b.program.kill();
		// A client that comes now looks for the dead itself.
		using late = createWeb({ prefix, library });
		assert.equal((await late.locks.query()).pending.length, 1);
		while ((await locks.query()).pending.length > 1) await sleep(5);
		await a.program.kill();
		assert.equal(await last, "after two kills");
		assert.deepEqual(await locks.query(), { held: [], pending: [] });
	});

	test("end with a lock that they hold: it is free", async () => {
		await using a = await client("a");
		a.ask("hold", "x");
		await a.expect({ lock: "x", granted: true });
		const waiting = locks.request("x", () => "granted");
		// Without the channel, only the callback of a lock that it holds is left: that keeps nothing alive.
		a.ask("end");
		assert.equal(await a.program.exited, 0);
		assert.equal(await waiting, "granted");
	});
});

describe("the shared state", () => {
	test("is opened by a request, and closed when there is nothing to do", async () => {
		assert.deepEqual(names.existing(), []);
		await locks.request("a", () => assert.equal(names.existing().length, 3));
		// Also if the only request was withdrawn before it was made known.
		using other = createWeb({ prefix, library });
		const controller = new AbortController();
		const withdrawn = other.locks.request("a", { signal: controller.signal }, unreached);
		controller.abort();
		assert.equal(await rejection(withdrawn), controller.signal.reason);
		while (names.existing().length > 0) await sleep(50);
		assert.equal(await locks.request("a", () => 1), 1);
	});

	test("that is closed gives its requests up, and others get the locks", async () => {
		const other = createWeb({ prefix, library });
		const held = await hold("a", {}, other.locks);
		const waiting = other.locks.request("a", unreached);
		const next = locks.request("a", () => "next");
		await locks.query();
		other.close();
		assert.deepEqual([await domError(held.ended), await domError(waiting)], ["AbortError", "AbortError"]);
		assert.equal(await next, "next");
		held.release(undefined);
		await turn();
	});

	test("that is damaged, or of another version, or removed, is an error of its code", async () => {
		await locks.query();
		const memory = SharedMemory.open("web.locks.state", { prefix, size: 4096 });
		const write = (text: string): void => {
			memory.bytes.set(new TextEncoder().encode(text), 64);
			memory.words.set([memory.words[0] ?? 0, 0, 64, text.length, 64, text.length]);
		};
		const code = async () => ((await rejection(locks.query())) as { code?: string }).code;
		for (const text of ["{", "1", "[1]", "[1,[[]],[]]", '[1,[],[["1",1,"","",0]]]', '[1,[[1,1,1,"",0]],[]]']) {
			write(text);
			assert.equal(await code(), "ERR_IPC_CORRUPT");
		}
		write("[2,[],[]]");
		assert.equal(await code(), "ERR_IPC_VERSION");
		memory.words.set([0, 0, 0xffffff0, 100, 0xffffff0, 100]);
		assert.equal(await code(), "ERR_IPC_CORRUPT");
		memory.words.fill(0);
		memory.close();
		assert.equal(await locks.request("a", () => 1), 1);
		Mutex.clear("web.locks.mutex", { prefix });
		assert.equal(await code(), "ERR_IPC_ORPHANED");
		assert.equal(await locks.request("a", () => 2), 2);
	});

	test("is not closed by bytes that are sent to its channel", async () => {
		const held = await hold("a");
		using bytes = Channel.sender("web.locks.events", { prefix });
		bytes.send(new Uint8Array(100));
		await turn();
		held.release("held");
		assert.equal(await held.ended, "held");
	});
});
