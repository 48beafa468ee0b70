/** `BroadcastChannel` of `libipc/web`: the cases of the web's own tests, in our words, and what processes add. */
import assert from "node:assert/strict";
import { scale } from "@libipc/testing/scale";
import { sleep, until } from "@libipc/testing/timing";
import { type BroadcastChannel, type BroadcastErrorEvent, createWeb } from "libipc/web";
import { afterAll, afterEach, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, library, SharedMemory } from "./under_test.ts";

const names = new Names("broadcast");
const { prefix } = names;
const web = createWeb({ prefix, library });

afterEach(() => {
	web.close();
	names.expectNothingLeft();
});
afterAll(() => names.clear());

const open = (name: string): BroadcastChannel => new web.BroadcastChannel(name);

/** Three objects of one name, in the order of their creation. */
function three(): [BroadcastChannel, BroadcastChannel, BroadcastChannel] {
	const name = names.next();
	return [open(name), open(name), open(name)];
}

/** What objects get from now on. */
function heard(...objects: readonly BroadcastChannel[]): [object: number, data: unknown][] {
	const events: [number, unknown][] = [];
	for (const [i, each] of objects.entries())
		each.addEventListener("message", (event) => events.push([i, (event as MessageEvent).data]));
	return events;
}

/** Resolves when this object gets this message. */
const gets = (object: BroadcastChannel, data: unknown) =>
	new Promise<void>((resolve) =>
		object.addEventListener("message", (event) => {
			if ((event as MessageEvent).data === data) resolve();
		}),
	);

/** The name of the DOMException that a call throws. */
function domError(call: () => unknown): string {
	try {
		call();
	} catch (error) {
		assert.ok(error instanceof DOMException, String(error));
		return error.name;
	}
	return assert.fail("nothing was thrown");
}

describe("an object of BroadcastChannel", () => {
	test("without a name is a TypeError", () => {
		const Nameless = web.BroadcastChannel as unknown as new () => BroadcastChannel;
		assert.throws(() => new Nameless(), TypeError);
		assert.throws(() => open(Symbol("name") as unknown as string), TypeError);
	});

	test.each([null, undefined, "fooBar", 123, ""])("with the name %p has it as a string", (name) => {
		assert.equal(open(name as string).name, String(name));
	});

	test("is an EventTarget with the members of the web", () => {
		const object = open("members");
		assert.ok(object instanceof EventTarget && object instanceof web.BroadcastChannel);
		assert.equal(Object.prototype.toString.call(object), "[object BroadcastChannel]");
		assert.equal(web.BroadcastChannel.name, "BroadcastChannel");
		for (const member of ["name", "onmessage", "onmessageerror", "postMessage", "close"])
			assert.equal(Object.getOwnPropertyDescriptor(web.BroadcastChannel.prototype, member)?.enumerable, true);
		assert.deepEqual([object.onmessage, object.onmessageerror], [null, null]);
		assert.throws(() => Reflect.get(web.BroadcastChannel.prototype, "name", {}), TypeError);
	});

	test("posts null and undefined, and needs an argument", async () => {
		const [from, to] = three();
		const events = heard(to);
		assert.throws(() => (from.postMessage as () => void)(), TypeError);
		assert.equal(from.postMessage(null), undefined);
		from.postMessage(undefined);
		const done = gets(to, "done");
		from.postMessage("done");
		await done;
		assert.deepEqual(events, [
			[0, null],
			[0, undefined],
			[0, "done"],
		]);
	});

	test("closes, also twice, and posts nothing afterwards: InvalidStateError", () => {
		const object = open(names.next());
		assert.equal(object.close(), undefined);
		object.close();
		assert.equal(
			domError(() => object.postMessage("")),
			"InvalidStateError",
		);
		// The state comes before the value.
		assert.equal(
			domError(() => object.postMessage(Symbol("no"))),
			"InvalidStateError",
		);
		assert.equal(object.ref(), object);
	});

	test("is closed with its createWeb, and another one can be opened", async () => {
		const other = createWeb({ prefix, library });
		const name = names.next();
		const [working, failed] = [new other.BroadcastChannel(name), new other.BroadcastChannel("failed")];
		const error = new Promise((resolve) => {
			failed.onmessageerror = resolve;
		});
		Channel.clear("web.broadcast.failed", { prefix });
		await error;
		other.close();
		for (const each of [working, failed])
			assert.equal(
				domError(() => each.postMessage("")),
				"InvalidStateError",
			);
		working.close();
		const [from, to] = [new other.BroadcastChannel(name), new other.BroadcastChannel(name)];
		const done = gets(to, "again");
		from.postMessage("again");
		await done;
		other.close();
	});
});

describe("a message", () => {
	test("is an event of these fields", async () => {
		const [from, to] = three();
		const event = await new Promise<MessageEvent>((resolve) => {
			to.onmessage = resolve;
			from.postMessage("hello");
		});
		assert.ok(event instanceof MessageEvent);
		const { type, data, origin, lastEventId, source, ports, target, currentTarget, bubbles, cancelable } = event;
		assert.deepEqual([type, data, origin, lastEventId, source, [...ports]], ["message", "hello", "", "", null, []]);
		assert.ok(target === to && (currentTarget === null || currentTarget === to));
		assert.deepEqual([bubbles, cancelable], [false, false]);
	});

	test("reaches all others in the order of their creation, and not its sender", async () => {
		const objects = three();
		const [a, b, c] = objects;
		const events = heard(a, b, c);
		const done = gets(c, "done");
		a.postMessage("from a");
		c.postMessage("from c");
		b.postMessage("done");
		await done;
		assert.deepEqual(events, [
			[1, "from a"],
			[2, "from a"],
			[0, "from c"],
			[1, "from c"],
			[0, "done"],
			[2, "done"],
		]);
	});

	test("does not reach an object that was closed before or after it was posted", async () => {
		const [from, before, last] = three();
		const after = open(from.name);
		const events = heard(before, after);
		before.close();
		const done = gets(last, "test");
		from.postMessage("test");
		after.close();
		await done;
		assert.deepEqual(events, []);
	});

	test("is sent, although its sender is closed at once", async () => {
		const [from, to] = three();
		const done = gets(to, "last words");
		from.postMessage("last words");
		from.close();
		await done;
	});

	test("is sent, although all objects of its thread are closed; then nothing of the name is left", async () => {
		using small = createWeb({ prefix, library, capacity: 16_384 });
		using others = createWeb({ prefix, library });
		const name = names.next();
		const [from, to] = [new small.BroadcastChannel(name), new others.BroadcastChannel(name)];
		const events = heard(to);
		for (let i = 0; i < 100; i++) from.postMessage("x".repeat(500));
		from.close();
		await until(() => events.length === 100);
		to.close();
		await until(() => names.existing().length === 0);
		const alone = open(name);
		assert.ok(names.existing().length > 0);
		alone.close();
		assert.deepEqual(names.existing(), []);
	});

	test("that is in the ring does not reach an object that is opened then", async () => {
		const name = names.next();
		const [from, to] = [open(name), open(name)];
		from.postMessage("before");
		const events = heard(to, open(name));
		const done = gets(to, "done");
		from.postMessage("done");
		await done;
		await until(() => events.length === 3);
		assert.deepEqual(
			events.filter(([object]) => object === 1),
			[[1, "done"]],
		);
	});

	test("does not reach objects that are opened later, also by a listener that closes its own", async () => {
		const name = names.next();
		const a = open(name);
		const b = open(name);
		const events: unknown[] = [];
		const done = new Promise<void>((resolve) => {
			b.onmessage = ({ data }) => {
				events.push(["b", data]);
				b.close();
				open(name).onmessage = (event) => {
					events.push(["c", event.data]);
					resolve();
				};
				a.postMessage("done");
			};
		});
		a.postMessage("first");
		b.postMessage("second");
		await done;
		assert.deepEqual(events, [
			["b", "first"],
			["c", "done"],
		]);
	});

	test("does not reach an object that its listener closes at an earlier one", async () => {
		const [a, b, c] = three();
		const events = heard(a, b, c);
		b.addEventListener("message", () => b.close());
		const done = gets(c, "done");
		a.postMessage("first");
		a.postMessage("done");
		await done;
		assert.deepEqual(events, [
			[1, "first"],
			[2, "first"],
			[2, "done"],
		]);
	});

	test("comes when the promises of the listener before it have run", async () => {
		const [from, to] = three();
		const order: string[] = [];
		to.onmessage = async ({ data }) => {
			order.push(`${data} heard`);
			for (let i = 0; i < 20; i++) await undefined;
			order.push(`${data} handled`);
		};
		from.postMessage(1);
		from.postMessage(2);
		await until(() => order.length === 4);
		assert.deepEqual(order, ["1 heard", "1 handled", "2 heard", "2 handled"]);
	});

	test("is a clone for each object", async () => {
		const [from, b, c] = three();
		const circle: { self?: unknown } = {};
		circle.self = circle;
		const value = {
			map: new Map([[1, new Date(5)]]),
			set: new Set([1n]),
			bytes: new Float64Array([1.5]),
			error: new RangeError("no"),
			holes: [undefined, null, -0, Number.NaN],
			text: "\ud800 ü",
			circle,
		};
		const copies = Promise.all(
			[b, c].map(
				(each) =>
					new Promise<typeof value>((resolve) => {
						each.onmessage = ({ data }) => resolve(data);
					}),
			),
		);
		from.postMessage(value);
		value.text = "changed";
		const [first, second] = (await copies) as [typeof value, typeof value];
		for (const copy of [first, second]) {
			assert.deepEqual(copy.map, value.map);
			assert.deepEqual([copy.set, copy.bytes, copy.holes], [value.set, value.bytes, value.holes]);
			assert.equal(copy.circle.self, copy.circle);
			assert.ok(copy.error instanceof RangeError && copy.error.message === "no");
			assert.equal(copy.text, "\ud800 ü");
		}
		assert.ok(first !== second && first.map !== second.map && first.bytes.buffer !== second.bytes.buffer);
	});

	test("that cannot be cloned is a DataCloneError; what its getters throw comes through; nothing is sent", async () => {
		const [from, to] = three();
		const events = heard(to);
		const transferred = new ArrayBuffer(8);
		const view = new Uint8Array(transferred);
		structuredClone(transferred, { transfer: [transferred] });
		const uncloneable = [() => {}, Symbol("no"), { deep: [() => {}] }, new WeakMap(), Promise.resolve(), transferred];
		for (const each of [...uncloneable, view, new SharedArrayBuffer(8), new MessageChannel().port1])
			assert.equal(
				domError(() => from.postMessage(each)),
				"DataCloneError",
			);
		const failure = new TypeError("the getter failed");
		const throwing = {
			get value() {
				throw failure;
			},
		};
		assert.throws(
			() => from.postMessage(throwing),
			(error) => error === failure,
		);
		const done = gets(to, "done");
		from.postMessage("done");
		await done;
		assert.deepEqual(events, [[0, "done"]]);
	});

	test("larger than the ring arrives, in its place, also with messages of others in between", async () => {
		using small = createWeb({ prefix, library, capacity: 65_536 });
		using others = createWeb({ prefix, library });
		const name = names.next();
		const [from, to, other] = [small, small, others].map((each) => new each.BroadcastChannel(name));
		const got: unknown[] = [];
		to?.addEventListener("message", (event) => {
			const { data } = event as MessageEvent;
			got.push(data instanceof Uint8Array ? [data.byteLength, data.every((byte, i) => byte === i % 251)] : data);
		});
		const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
		from?.postMessage("first");
		from?.postMessage(bytes);
		for (let i = 0; i < 10; i++) other?.postMessage(i);
		from?.postMessage("last");
		await until(() => got.length === 13);
		const fromOther = got.filter((each) => typeof each === "number");
		assert.deepEqual(
			fromOther,
			Array.from({ length: 10 }, (_, i) => i),
		);
		assert.deepEqual(
			got.filter((each) => typeof each !== "number"),
			["first", [300_000, true], "last"],
		);
	});
});

describe("names", () => {
	const unusual = ["", "a/b", "a%2Fb", "%", "#", "\0", "\ud800", "\udc00", "\ufffd", "ü", "U", "u", " ", "日本"];
	const long = "x".repeat(500);

	test("of any characters and length are different channels", async () => {
		const all = [...unusual, long, `${long}y`, `#${long}`, "é".repeat(60)];
		const got: unknown[] = [];
		const pairs = all.map((name) => [open(name), open(name)] as const);
		for (const [i, [, to]] of pairs.entries()) to.onmessage = ({ data }) => got.push([i, data]);
		for (const [i, [from]] of pairs.entries()) from.postMessage(i);
		await until(() => got.length >= all.length);
		assert.deepEqual(got.toSorted(), all.map((_, i) => [i, i]).toSorted());
	});
});

describe("listeners", () => {
	test("of the property keep their place, and are removed by null", async () => {
		const [from, to] = three();
		const order: string[] = [];
		to.onmessage = () => assert.fail("it was replaced");
		to.addEventListener("message", () => order.push("listener"));
		to.onmessage = function (event) {
			assert.ok(this === to && event.target === to);
			order.push("property");
		};
		to.addEventListener("message", { handleEvent: () => order.push("object") }, { once: true });
		const send = async (data: string): Promise<string[]> => {
			const done = gets(to, data);
			from.postMessage(data);
			await done;
			return order.splice(0);
		};
		assert.deepEqual(await send("1"), ["property", "listener", "object"]);
		to.onmessage = null;
		assert.equal(to.onmessage, null);
		assert.deepEqual(await send("2"), ["listener"]);
		to.onmessage = () => order.push("again");
		assert.deepEqual(await send("3"), ["listener", "again"]);
		for (const nothing of [1, "text", undefined]) {
			to.onmessage = nothing as unknown as null;
			assert.equal(to.onmessage, null);
		}
		const object = { handleEvent: () => assert.fail("a property calls functions only") };
		to.onmessage = object as unknown as null;
		assert.equal(to.onmessage as unknown, object);
		assert.deepEqual(await send("4"), ["listener"]);
	});
});

describe("back-pressure", () => {
	test("a burst that is larger than the ring loses nothing", async () => {
		using small = createWeb({ prefix, library, capacity: 65_536 });
		const name = names.next();
		const [from, to] = [new small.BroadcastChannel(name), new small.BroadcastChannel(name)];
		const count = scale(20_000, 4000);
		let next = 0;
		to.onmessage = ({ data }) => {
			assert.equal(data.i, next++);
		};
		to.onmessageerror = () => assert.fail("messages were lost");
		for (let i = 0; i < count; i++) from.postMessage({ i, text: "a message" });
		await until(() => next === count);
	});

	test("a thread that hands out only a little at a time takes the rest afterwards; what nobody here gets does not count", async () => {
		using narrow = createWeb({ prefix, library, maxPending: 1000 });
		using others = createWeb({ prefix, library });
		const name = names.next();
		const [to, other] = [new narrow.BroadcastChannel(name), new others.BroadcastChannel(name)];
		for (let i = 0; i < 30; i++) to.postMessage("x".repeat(500)); // heard by the other only
		const events = heard(to);
		for (let i = 0; i < 30; i++) other.postMessage(`${i}`.padEnd(500));
		await until(() => events.length === 30);
		assert.deepEqual(
			events.map(([, data]) => Number(data)),
			Array.from({ length: 30 }, (_, i) => i),
		);
	});

	test("more than may wait is a QuotaExceededError, and what was accepted arrives", async () => {
		using small = createWeb({ prefix, library, capacity: 16_384, maxPending: 50_000 });
		const name = names.next();
		const [from, to] = [new small.BroadcastChannel(name), new small.BroadcastChannel(name)];
		const events = heard(to);
		let accepted = 0;
		const error = domError(() => {
			for (; ; accepted++) from.postMessage("x".repeat(1000));
		});
		assert.equal(error, "QuotaExceededError");
		assert.ok(accepted >= 50, `${accepted}`);
		await until(() => events.length === accepted);
		// A single message may be larger.
		from.postMessage(new Uint8Array(100_000));
		await until(() => events.length === accepted + 1);
	});

	test("a thread that is blocked delays nobody, and learns how many messages it has lost", async () => {
		using small = createWeb({ prefix, library, capacity: 16_384 });
		const name = names.next();
		using memory = SharedMemory.open(`${name}.wake`, { prefix, size: 64 });
		const [from, to] = [new small.BroadcastChannel(name), new small.BroadcastChannel(name)];
		await using program = startProgram("web", ["blocks", prefix, name, memory.name]);
		assert.equal(await program.report(), "ready");
		const events = heard(to);
		from.postMessage("block");
		assert.equal(await program.report(), "blocked");
		await until(() => events.length === 1);
		events.length = 0;
		// The largest message that travels whole has 1000 bytes. Of a message in parts, each part counts.
		const sizeOf = (i: number): number => (i % 9 === 0 ? 2500 : 10);
		const partsOf = ({ i }: { i: number }): number => (sizeOf(i) === 2500 ? 3 : 1);
		const count = 500;
		const all = Array.from({ length: count }, (_, i) => ({ i }));
		for (const { i } of all) from.postMessage({ i, text: "x".repeat(sizeOf(i)) });
		const ended = gets(to, "end");
		from.postMessage("end");
		await ended;
		assert.equal(events.length, count + 1);
		memory.words[0] = 1;
		memory.wake(0);
		const { got, lost } = await program.report<{ got: { i: number }[]; lost: number }>();
		assert.ok(lost > 0);
		const parts = (list: readonly { i: number }[]) => list.reduce((sum, each) => sum + partsOf(each), 0);
		assert.equal(parts(got) + lost, parts(all));
		assert.deepEqual(
			got.map(({ i }) => i),
			all.slice(-got.length).map(({ i }) => i),
		);
		assert.equal(await program.exited, 0);
	});
});

describe("messageerror", () => {
	const nextError = (object: BroadcastChannel) =>
		new Promise<BroadcastErrorEvent>((resolve) => {
			object.onmessageerror = resolve;
		});

	test("comes for bytes that are no message, and the next message arrives", async () => {
		const object = open("damaged");
		using bytes = Channel.sender("web.broadcast.damaged", { prefix });
		for (const each of [
			new Uint8Array(3),
			new Uint8Array(24),
			Uint8Array.of(1, ...Array(19).fill(0), 1, 0, 0, 0, 99),
		]) {
			const failed = nextError(object);
			bytes.send(each);
			const { type, data, lost, error, target } = await failed;
			assert.deepEqual([type, data, lost, target === object], ["messageerror", null, 0, true]);
			assert.ok(error instanceof Error);
		}
		const done = gets(object, "done");
		open("damaged").postMessage("done");
		await done;
	});

	test("comes when the name was removed; another object opens it again", async () => {
		const name = names.next();
		const object = open(name);
		const failed = nextError(object);
		Channel.clear(`web.broadcast.${name}`, { prefix });
		// Also before this thread has noticed it.
		const early = open(name);
		const heardEarly = gets(early, "early");
		open(name).postMessage("early");
		await heardEarly;
		const { error, lost } = await failed;
		assert.deepEqual([(error as { code?: string }).code, lost], ["ERR_IPC_ORPHANED", 0]);
		assert.throws(() => object.postMessage("no"), { code: "ERR_IPC_ORPHANED" });
		const again = open(name);
		const done = gets(again, "done");
		open(name).postMessage("done");
		await done;
	});
});

describe("other threads and processes", () => {
	test("get messages and send them, in one order for all, until they are killed; a channel can be closed and opened again", async () => {
		const name = names.next();
		const a = open(name);
		const b = open(name);
		const events = heard(a, b);
		await using program = startProgram("web", ["echoes", prefix, name]);
		await until(() => events.length === 2);
		assert.deepEqual(events.splice(0), [
			[0, "ready"],
			[1, "ready"],
		]);
		b.postMessage("from b");
		a.postMessage("from a");
		await until(() => events.length === 6);
		// Both here hear the echoes in the order in which the other heard the messages.
		const echoesOf = (object: number) =>
			events.filter(([to, data]) => to === object && typeof data === "object").map(([, data]) => data);
		for (const object of [0, 1]) assert.deepEqual(echoesOf(object), [{ echo: "from b" }, { echo: "from a" }]);
		assert.deepEqual(
			events.filter(([, data]) => typeof data === "string"),
			[
				[0, "from b"],
				[1, "from a"],
			],
		);
		a.close();
		b.close();
		const again = open(name);
		const echoes = heard(again);
		again.postMessage(new Map([["key", new Uint8Array([1, 2])]]));
		await until(() => echoes.length === 1);
		assert.deepEqual(echoes, [[0, { echo: new Map([["key", new Uint8Array([1, 2])]]) }]]);
		await program.kill();
		const other = open(name);
		const done = gets(again, "after the kill");
		other.postMessage("after the kill");
		await done;
	});

	test("stay alive while an object is open and not unref'd; what they have posted is sent before they end", async () => {
		const name = names.next();
		const object = open(name);
		const events = heard(object);
		const echoing = startProgram("web", ["echoes", prefix, name]);
		await using _echoing = echoing;
		await echoing.report();
		await using posting = startProgram("web", ["posts and ends", prefix, name, 100]);
		assert.equal(await posting.exited, 0);
		await until(() => events.filter(([, data]) => typeof data === "number").length === 100);
		assert.equal(await Promise.race([echoing.exited, sleep(50)]), undefined);
		object.postMessage("end");
		assert.equal(await echoing.exited, 0);
	});
});
