import assert from "node:assert/strict";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { untyped } from "@libipc/testing/bad_values";
import { collectGarbage } from "@libipc/testing/garbage";
import { type } from "arktype";
import { json, structured, text } from "libipc/codecs";
import { msgpack } from "libipc/codecs/msgpack";
import { protobuf } from "libipc/codecs/protobuf";
import * as v from "valibot";
import { z } from "zod";
import { expectError, expectRejection } from "./expect_error.ts";
import { afterAll, describe, test } from "./harness.ts";
import { factories, type Kind, Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import {
	Channel,
	type Codec,
	defineChannel,
	defineQueue,
	defineRoute,
	IpcError,
	list,
	Queue,
	Route,
} from "./under_test.ts";
import { counts, floats, paths, samples } from "./value_codecs.ts";

const names = new Names("codecs");
const { prefix } = names;

afterAll(() => names.clear());

const KINDS: readonly Kind[] = ["route", "channel", "queue"];
const numbers = json<number>();

/** Both ends of a new name, of one kind. */
function pair<Value, Sent>(kind: Kind, codec: Codec<Value, Sent>, options: object = {}) {
	const name = names.next();
	const receiver = factories[kind as "channel"].receiver<Value, Sent>(name, { prefix, codec, ...options });
	const sender = factories[kind as "channel"].sender<Value, Sent>(name, { prefix, codec });
	return {
		name,
		receiver,
		sender,
		[Symbol.dispose]() {
			receiver.close();
			sender.close();
		},
	};
}

/** The error of a call that must fail because a message is invalid. */
function invalidOf(run: () => unknown): IpcError {
	try {
		run();
	} catch (error) {
		if (error instanceof IpcError && error.code === "ERR_IPC_INVALID_MESSAGE") return error;
		throw error;
	}
	throw new Error("no message was invalid");
}

describe("values", () => {
	test.each(KINDS)("are sent and received in every way on a %s", async (kind) => {
		using ends = pair(kind, numbers);
		const { sender, receiver } = ends;
		assert.equal(sender.send(1), true);
		assert.equal(sender.send(2, { timeout: 100 }), true);
		assert.equal(sender.trySend(3), true);
		assert.equal(await sender.sendAsync(4), true);
		assert.equal(sender.sendBatch([5, 6, 7, 8, 9]), 5);
		assert.equal(receiver.recv(), 1);
		assert.equal(receiver.recv({ timeout: 100 }), 2);
		assert.equal(receiver.tryRecv(), 3);
		assert.equal(await receiver.recvAsync(), 4);
		for await (const value of receiver) {
			assert.equal(value, 5);
			break;
		}
		const drained: number[] = [];
		assert.equal(
			receiver.drain((value) => {
				drained.push(value);
			}),
			4,
		);
		assert.deepEqual(drained, [6, 7, 8, 9]);
		assert.equal(receiver.tryRecv(), undefined);
		assert.equal(receiver.recv({ timeout: 1 }), undefined);
		assert.equal(await receiver.recvAsync({ timeout: 1 }), undefined);
		assert.equal(
			receiver.drain(() => {}, { timeout: 1 }),
			0,
		);
	});

	test("of each codec arrive in another program, and come back", async () => {
		const name = names.next();
		const ends = Object.entries(samples).map(([codec, sample]) => ({
			codec,
			sample,
			receiver: Channel.receiver(`${name}.${codec}.back`, { prefix, codec: sample.codec }),
			sender: Channel.sender(`${name}.${codec}`, { prefix, codec: sample.codec }),
		}));
		await using program = startProgram("values", [prefix, name]);
		assert.equal(await program.line(), "ready");
		for (const { codec, sample, sender, receiver } of ends) {
			assert.equal(await sender.sendAsync(sample.value as never), true, codec);
			const back = await receiver.recvAsync({ timeout: 20_000 });
			assert.deepEqual(sample.show(back), sample.show(sample.value), codec);
		}
		assert.equal(await program.exited, 0);
		for (const { sender, receiver } of ends) {
			sender.close();
			receiver.close();
		}
	});

	test("are taken from a queue as leases", async () => {
		using ends = pair("queue", json<{ job: number }>());
		const { sender, name } = ends;
		using receiver = Queue.receiver(name, { prefix, codec: json<{ job: number }>() });
		sender.sendBatch([1, 2, 3, 4].map((job) => ({ job })));
		const first = receiver.take();
		assert.deepEqual([first?.value, first?.attempt], [{ job: 1 }, 1]);
		assert.equal(first?.value, first?.value);
		first?.retry();
		const again = receiver.tryTake();
		assert.deepEqual([again?.value, again?.attempt], [{ job: 1 }, 2]);
		again?.done();
		const second = await receiver.takeAsync();
		second?.done();
		// It was not read before.
		expectError("ERR_IPC_LEASE_ENDED", /has ended/, () => second?.value);
		for await (const lease of receiver.leases()) {
			assert.equal(lease.value.job, 3);
			lease.done();
			break;
		}
		const last = receiver.take();
		receiver.close();
		expectError("ERR_IPC_LEASE_ENDED", /has ended/, () => last?.value);
	});

	test("null is a value, and undefined is none", async () => {
		using ends = pair("channel", json<number | null | undefined>());
		const { sender, receiver } = ends;
		sender.send(null);
		assert.equal(receiver.recv(), null);
		expectError("ERR_IPC_INVALID_ARGUMENT", /undefined cannot be sent/, () => sender.send(undefined));
		expectError("ERR_IPC_INVALID_ARGUMENT", /undefined cannot be sent/, () => sender.sendBatch([1, undefined]));
		await expectRejection("ERR_IPC_INVALID_ARGUMENT", /undefined cannot be sent/, sender.sendAsync(undefined));
		// What came before it in the batch was sent.
		assert.equal(receiver.recv(), 1);
		using undefineds = pair("channel", { id: "test.undefined", encode: () => "x", decode: () => undefined });
		undefineds.sender.bytes.send("x");
		assert.match(invalidOf(() => undefineds.receiver.recv()).message, /made undefined of it/);
		assert.equal(undefineds.receiver.tryRecv(), undefined);
	});

	test.each([3_000, 5_000, 300_000])("of %d bytes arrive, in fragments where the ring is small", async (length) => {
		const value = Float64Array.from({ length: length / 8 }, (_, i) => i / 3);
		for (const options of [{ capacity: 4096 }, { capacity: 1 << 20 }, { capacity: 1 << 20, overflow: "drop-oldest" }]) {
			for (const codec of [floats, structured<Float64Array>(), msgpack<Float64Array>({ moreTypes: true })]) {
				using ends = pair("channel", codec, options);
				const { sender, receiver } = ends;
				const got = receiver.recvAsync({ timeout: 20_000 });
				assert.equal(await sender.sendAsync(value), true);
				assert.deepEqual(new Float64Array((await got) as Float64Array), value);
				if (options.capacity < length) continue;
				// In one piece, in the ring.
				sender.send(value);
				assert.deepEqual(new Float64Array(receiver.recv() as Float64Array), value);
				sender.send(value);
				receiver.drain((each) => assert.deepEqual(new Float64Array(each), value));
			}
		}
	});

	test("belong to the caller: nothing of them lies in the ring", () => {
		using ends = pair("channel", counts, { capacity: 4096 });
		const { sender, receiver } = ends;
		using packed = pair("queue", msgpack<{ raw: Uint8Array }>(), { capacity: 4096 });
		const kept: { count(): number }[] = [];
		const raw: Uint8Array[] = [];
		for (let i = 1; i <= 500; i++) {
			sender.send((builder) => {
				builder.startObject(1);
				builder.addFieldInt32(0, i, 0);
				return builder.endObject();
			});
			if (i % 2) kept.push(receiver.recv() as (typeof kept)[0]);
			else
				receiver.drain((value) => {
					kept.push(value);
				});
			packed.sender.send({ raw: Uint8Array.of(i, 2 * i) });
			packed.receiver.drain((value) => {
				raw.push(value.raw);
			});
		}
		collectGarbage();
		assert.deepEqual(
			kept.map((each) => each.count()),
			Array.from({ length: 500 }, (_, i) => i + 1),
		);
		assert.deepEqual(
			raw.map((each) => each[1]),
			Array.from({ length: 500 }, (_, i) => (2 * i + 2) & 0xff),
		);
	});
});

describe("the codec of a name", () => {
	test.each(KINDS)("is set by the first endpoint of a %s that has one, and listed", (kind) => {
		const name = names.next();
		const factory = factories[kind as "channel"];
		const codecOf = () => list({ prefix }).find((each) => each.name === name)?.codec;
		using bytes = factory.receiver(name, { prefix });
		assert.equal(codecOf(), "");
		using sender = factory.sender(name, { prefix, codec: protobuf(FieldMaskSchema) });
		assert.equal(codecOf(), "protobuf:google.protobuf.FieldMask");
		expectError(
			"ERR_IPC_OPTIONS_MISMATCH",
			new RegExp(`codec "protobuf:google.protobuf.FieldMask", which process ${process.pid} has set.*"json"`),
			() => factory.receiver(name, { prefix, codec: numbers }),
		);
		sender.send({ paths: ["a"] });
		assert.equal(bytes.recv()?.byteLength, 3);
		using same = factory.receiver(name, { prefix, codec: protobuf(FieldMaskSchema) });
		sender.send(paths("b"));
		if (kind !== "queue") assert.deepEqual(bytes.recv()?.byteLength, 3);
		assert.deepEqual(same.recv()?.paths, ["b"]);
	});

	test("is that of clones, too", () => {
		using ends = pair("channel", numbers);
		using second = ends.receiver.clone();
		using sender = ends.sender.clone();
		sender.send(5);
		assert.deepEqual([ends.receiver.recv(), second.recv()], [5, 5]);
		using bytes = ends.receiver.bytes.clone();
		sender.send(6);
		assert.equal(bytes.recv()?.[0], 0x36);
		using route = pair("route", numbers);
		using again = route.sender.clone();
		again.send(7);
		assert.equal(route.receiver.recv(), 7);
	});

	test("has an id of printable ASCII, and functions", () => {
		const name = names.next();
		const open = (codec: unknown) => () => untyped(Channel.sender, name, { prefix, codec });
		const bad: readonly (readonly [unknown, RegExp])[] = [
			[null, /codec must be an object/],
			["json", /codec must be an object/],
			[json, /id of a codec.*Was a call forgotten/],
			[{ ...numbers, id: "" }, /1 to 63 characters/],
			[{ ...numbers, id: "x".repeat(64) }, /1 to 63 characters/],
			[{ ...numbers, id: "é" }, /printable ASCII/],
			[{ ...numbers, id: 5 }, /not 5/],
			[{ id: "x", decode: () => 1 }, /needs a function encode/],
			[{ id: "x", encode: () => "" }, /needs a function decode/],
			[{ id: "x", encode: () => "", decode: 1 }, /needs a function decode/],
			[{ id: "x", into: {}, decode: () => 1 }, /needs a function into.size/],
			[{ id: "x", into: 1, decode: () => 1 }, /into that is not an object/],
			[{ ...numbers, keepsBytes: 1 }, /keepsBytes/],
		];
		for (const [codec, message] of bad) expectError("ERR_IPC_INVALID_ARGUMENT", message, open(codec));
		assert.throws(
			open({
				get id(): string {
					throw new Error("of the getter");
				},
			}),
			/of the getter/,
		);
		for (const options of [{ schema: z.number() }, { onInvalid: () => {} }])
			expectError("ERR_IPC_INVALID_ARGUMENT", /needs a codec/, () =>
				untyped(Channel.receiver, name, { prefix, ...options }),
			);
		for (const schema of [null, 5, {}, { "~standard": {} }, { "~standard": { version: 2, validate: () => 1 } }])
			expectError("ERR_IPC_INVALID_ARGUMENT", /Standard Schema/, () =>
				untyped(Channel.receiver, name, { prefix, codec: numbers, schema }),
			);
		assert.deepEqual(
			list({ prefix }).filter((each) => each.name === name),
			[],
		);
	});
});

describe("an invalid message", () => {
	test.each(KINDS)("of a %s is an error, and counts as received", async (kind) => {
		using ends = pair(kind, numbers);
		const { sender, receiver, name } = ends;
		sender.bytes.sendBatch(["{", "1", Uint8Array.of(0xff), "2", "[", "3"]);
		const { message, cause, bytes, issues, endpoint } = invalidOf(() => receiver.recv());
		assert.match(message, new RegExp(`${kind} "${name}".*1 bytes are not what the codec "json" reads`));
		assert.ok(cause instanceof SyntaxError);
		assert.deepEqual([bytes, issues, endpoint], [Uint8Array.of(0x7b), undefined, name]);
		assert.equal(receiver.recv(), 1);
		await expectRejection("ERR_IPC_INVALID_MESSAGE", /not what the codec/, receiver.recvAsync());
		const got: number[] = [];
		// The loop ends with the error; the next one goes on.
		await assert.rejects(async () => {
			for await (const value of receiver) got.push(value);
		}, IpcError);
		for await (const value of receiver) {
			got.push(value);
			break;
		}
		assert.deepEqual(got, [2, 3]);
	});

	test.each(KINDS)("of a %s is reported to onInvalid, and reading goes on", async (kind) => {
		const codes: string[] = [];
		using ends = pair(kind, numbers, { onInvalid: (error: IpcError) => codes.push(error.code) });
		const { sender, receiver } = ends;
		sender.bytes.sendBatch(["{", "1", "{", "2", "{", "3", "{", "4", "{"]);
		assert.equal(receiver.recv(), 1);
		assert.equal(await receiver.recvAsync(), 2);
		for await (const value of receiver) {
			assert.equal(value, 3);
			break;
		}
		const got: number[] = [];
		assert.equal(
			receiver.drain((value) => got.push(value)),
			3,
		);
		assert.deepEqual(got, [4]);
		assert.equal(receiver.recv({ timeout: 1 }), undefined);
		assert.equal(await receiver.recvAsync({ timeout: 1 }), undefined);
		assert.deepEqual(
			codes,
			Array.from({ length: 5 }, () => "ERR_IPC_INVALID_MESSAGE"),
		);
		// It arrives while the call waits.
		const waiting = receiver.recvAsync({ timeout: 20_000 });
		sender.bytes.send("{");
		await sender.sendAsync(5);
		assert.equal(await waiting, 5);
		assert.equal(codes.length, 6);
	});

	test("in drain leaves the later ones, and a queue does not give it again", () => {
		for (const kind of KINDS) {
			using ends = pair(kind, numbers);
			const { sender, receiver } = ends;
			sender.bytes.sendBatch(["1", "{", "2"]);
			const got: number[] = [];
			const add = (value: number): void => {
				got.push(value);
			};
			expectError("ERR_IPC_INVALID_MESSAGE", /codec "json"/, () => receiver.drain(add));
			assert.equal(receiver.drain(add), 1);
			assert.deepEqual(got, [1, 2], kind);
			expectError("ERR_IPC_INVALID_ARGUMENT", /async function.*does not wait/, () => receiver.drain(async () => {}));
		}
	});

	test("of a queue is left to the holder of its lease", () => {
		using ends = pair("queue", numbers);
		using receiver = Queue.receiver(ends.name, { prefix, codec: numbers });
		ends.sender.bytes.sendBatch(["{", "1"]);
		const lease = receiver.take();
		assert.equal(invalidOf(() => lease?.value).bytes?.[0], 0x7b);
		assert.equal(lease?.bytes[0], 0x7b);
		assert.throws(() => {
			using again = lease;
			return again?.value;
		}, IpcError);
		using next = receiver.take();
		assert.equal(next?.attempt, 2);
		next?.done();
		assert.equal(receiver.recv(), 1);
	});

	test("that onInvalid does not want ends the call, and closing in it ends the iteration", async () => {
		using throwing = pair("channel", numbers, {
			onInvalid(error: IpcError) {
				throw new RangeError("too many", { cause: error });
			},
		});
		throwing.sender.bytes.sendBatch(["{", "1", "{"]);
		assert.throws(() => throwing.receiver.recv(), RangeError);
		assert.equal(throwing.receiver.recv(), 1);
		await assert.rejects(throwing.receiver.recvAsync(), RangeError);
		using closing = pair("channel", numbers, { onInvalid: () => closing.receiver.close() });
		closing.sender.bytes.sendBatch(["1", "{", "2"]);
		const got: number[] = [];
		for await (const value of closing.receiver) got.push(value);
		assert.deepEqual(got, [1]);
		expectError("ERR_IPC_CLOSED", /closed/, () => closing.receiver.recv());
	});
});

const schemas = {
	zod: z.object({ id: z.number(), at: z.string().transform((at) => at.length) }),
	valibot: v.object({
		id: v.number(),
		at: v.pipe(
			v.string(),
			v.transform((at) => at.length),
		),
	}),
	arktype: type({ id: "number", at: type("string").pipe((at) => at.length) }),
};

describe("a schema", () => {
	test.each(["zod", "valibot", "arktype"] as const)("of %s checks what arrives, and may transform it", (library) => {
		const name = names.next();
		const schema = schemas[library] as typeof schemas.zod;
		using receiver = Channel.receiver(name, { prefix, codec: json(), schema });
		using sender = Channel.sender(name, { prefix, codec: json(), schema });
		sender.send({ id: 1, at: "noon" });
		assert.deepEqual(receiver.recv(), { id: 1, at: 4 });
		untyped(sender.send.bind(sender), { id: "1", at: "noon" });
		const { message, issues, cause, bytes } = invalidOf(() => receiver.recv());
		assert.match(message, /is invalid: id: /);
		assert.equal(issues?.length, 1);
		const [key] = issues?.[0]?.path ?? [];
		assert.equal(typeof key === "object" ? key.key : key, "id");
		assert.deepEqual([cause, bytes?.byteLength], [undefined, 22]);
		sender.send({ id: 2, at: "" });
		assert.equal(receiver.recv()?.at, 0);
	});

	test("that is asynchronous, or throws, is an error", () => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix, codec: numbers });
		const asynchronous = z.number().refine(async () => false);
		using receiver = Channel.receiver(name, { prefix, codec: numbers, schema: asynchronous });
		const throwing = {
			"~standard": {
				version: 1,
				vendor: "test",
				validate(): never {
					throw new Error("of the schema");
				},
			},
		} as const;
		using other = Channel.receiver(name, { prefix, codec: json(), schema: throwing });
		sender.send(1);
		expectError("ERR_IPC_INVALID_ARGUMENT", /is asynchronous/, () => receiver.recv());
		assert.match(String(invalidOf(() => other.recv()).cause), /of the schema/);
		assert.equal(receiver.tryRecv(), undefined);
	});
});

describe("a codec", () => {
	test("that throws while it encodes sends nothing, and loses nothing", async () => {
		using ends = pair("channel", json<unknown>());
		const { sender, receiver } = ends;
		const circle: Record<string, unknown> = {};
		circle.self = circle;
		assert.throws(() => sender.send(circle), TypeError);
		assert.throws(() => sender.send(() => {}), /JSON has no text for function/);
		await assert.rejects(sender.sendAsync(1n), TypeError);
		assert.throws(() => sender.sendBatch(["before", circle, "after"]), TypeError);
		sender.send("next");
		assert.deepEqual([receiver.recv(), receiver.recv(), receiver.tryRecv()], ["before", "next", undefined]);
	});

	test("may send on the same sender while it encodes, and close it", () => {
		using ends = pair("channel", json<unknown>());
		const { sender, receiver } = ends;
		sender.send({ toJSON: () => sender.send("inner") && "outer" });
		assert.deepEqual([receiver.recv(), receiver.recv()], ["inner", "outer"]);
		const inBatch = { toJSON: () => sender.send("inner") };
		expectError("ERR_IPC_REENTRANT", /batch/, () => sender.sendBatch([1, inBatch]));
		assert.equal(receiver.recv(), 1);
		expectError("ERR_IPC_CLOSED", /closed/, () => sender.send({ toJSON: () => sender.close() ?? "x" }));
		expectError("ERR_IPC_CLOSED", /closed/, () => sender.send({ toJSON: () => assert.fail("was encoded") }));
	});

	test("that does not return bytes, or not as many as it said, is an error", () => {
		let result: unknown;
		using ends = pair("channel", {
			id: "test.odd",
			encode: () => result as string,
			decode: (bytes) => bytes.byteLength,
		});
		for (result of [undefined, null, 5, {}, [1], new Uint16Array(2), new ArrayBuffer(2), Promise.resolve("x")])
			expectError("ERR_IPC_INVALID_ARGUMENT", /encode of the codec "test.odd" must return/, () => ends.sender.send(1));
		result = new Uint8Array(3);
		ends.sender.send(1);
		assert.equal(ends.receiver.recv(), 3);
	});

	test.each([64, 20_000])("that writes up to %d bytes to the ring may fail, and gives the space back", async (most) => {
		let size: unknown = most;
		let written: unknown = 1;
		let write = (_target: Uint8Array): void => {};
		const codec: Codec<number> = {
			id: "test.into",
			encode: () => "not used",
			into: {
				size: () => size as number,
				write(value, target) {
					assert.equal(target.byteLength, most);
					write(target);
					target[0] = value;
					return written as number;
				},
			},
			decode: ([first = 0]) => first,
		};
		using ends = pair("channel", codec, { capacity: 65_536 });
		const { sender, receiver } = ends;
		const patience = { timeout: 20_000 };
		for (size of [-1, 1.5, Number.NaN, "1", undefined, null])
			expectError("ERR_IPC_INVALID_ARGUMENT", /into.size.*whole number/, () => sender.send(1, patience));
		size = 2 ** 40;
		expectError("ERR_IPC_MESSAGE_TOO_LARGE", /up to 1099511627776 bytes/, () => sender.send(1, patience));
		size = most;
		for (written of [most + 1, -1, 1.5, undefined]) {
			expectError("ERR_IPC_INVALID_ARGUMENT", /into.write.*returned/, () => sender.send(1, patience));
			assert.equal(receiver.tryRecv(), undefined);
		}
		written = 1;
		write = () => {
			throw new RangeError("in the middle");
		};
		// More often than the ring has space for: the receiver passes what was given back.
		for (let i = 0; i < 10; i++) {
			assert.throws(() => sender.send(1, patience), RangeError);
			assert.equal(receiver.tryRecv(), undefined);
		}
		write = (target) => target.set(new Uint8Array(most + 1));
		assert.throws(() => sender.send(1, patience), RangeError);
		assert.equal(receiver.tryRecv(), undefined);
		write = () => {
			sender.trySend(2);
		};
		expectError("ERR_IPC_REENTRANT", /must only write/, () => sender.send(1, patience));
		assert.equal(receiver.tryRecv(), undefined);
		assert.throws(() => sender.sendBatch([1]), /must only write/);
		write = () => {};
		for (let i = 0; i < 10; i++) {
			sender.send(i, patience);
			assert.equal(receiver.recv(), i);
		}
		assert.equal(sender.sendBatch([1, 2]), 2);
		assert.deepEqual([receiver.recv(), receiver.recv(), receiver.tryRecv()], [1, 2, undefined]);
		assert.equal(await sender.sendAsync(3, patience), true);
		assert.equal(receiver.recv(), 3);
		write = () => sender.close();
		expectError("ERR_IPC_CLOSED", /closed/, () => sender.send(1, patience));
	});

	test("cannot use the receiver for which it decodes, and may close it", () => {
		let decode = (): unknown => 1;
		const name = names.next();
		const codec: Codec<unknown> = { id: "test.again", encode: () => "x".repeat(5000), decode: () => decode() };
		using sender = Channel.sender(name, { prefix, codec });
		using receiver = Channel.receiver(name, { prefix, codec });
		decode = () => receiver.tryRecv();
		for (const message of ["short", "x".repeat(5000)]) {
			sender.bytes.send(message);
			assert.match(String(invalidOf(() => receiver.recv()).cause), /tried to receive from the receiver/);
		}
		decode = () => receiver.close() ?? "last";
		sender.send(1);
		assert.equal(receiver.recv(), "last");
		expectError("ERR_IPC_CLOSED", /closed/, () => receiver.recv());
	});

	test("may transfer the memory of what it decodes", () => {
		const name = names.next();
		const codec: Codec<number> = {
			id: "test.transfer",
			encode: () => "x",
			decode(bytes) {
				const { byteLength } = bytes;
				if (bytes.buffer instanceof ArrayBuffer) structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
				return byteLength;
			},
		};
		using sender = Channel.sender(name, { prefix, codec });
		using receiver = Channel.receiver(name, { prefix, codec });
		for (let i = 1; i < 4; i++) {
			sender.bytes.send("x".repeat(i));
			assert.equal(receiver.recv(), i);
		}
		sender.bytes.send("text");
		assert.equal(receiver.bytes.recv()?.byteLength, 4);
	});
});

describe("a definition", () => {
	test("gives both sides the same", async () => {
		const name = names.next();
		const orders = defineChannel(name, { prefix, codec: json(), schema: schemas.zod, capacity: 8192, from: "oldest" });
		using sender = orders.sender();
		using receiver = orders.receiver();
		assert.deepEqual([sender.name, receiver.name, orders.name], [name, name, name]);
		sender.send({ id: 1, at: "now" });
		assert.equal(receiver.recv()?.at, 3);
		using late = orders.receiver({ onInvalid: () => {} });
		assert.equal(late.recv()?.at, 3);
		const [listed] = list({ prefix }).filter((each) => each.name === name);
		assert.deepEqual([listed?.capacity, listed?.codec], [8192, "json"]);
		for (const options of [{ capacity: 4096 }, { codec: text() }, { schema: z.string() }, { overflow: "block" }])
			expectError("ERR_IPC_INVALID_ARGUMENT", /is set by defineChannel/, () => untyped(orders.receiver, options));
		expectError("ERR_IPC_INVALID_ARGUMENT", /not an option/, () =>
			untyped(defineChannel, name, { prefix, capcity: 1 }),
		);
		expectError("ERR_IPC_INVALID_ARGUMENT", /codec must be/, () => untyped(defineChannel, name, { codec: "json" }));
		orders.clear();
		expectError("ERR_IPC_ORPHANED", /removed/, () => sender.send({ id: 1, at: "" }));

		const route = defineRoute(names.next(), { prefix, codec: text() });
		using first = await route.senderAsync({ wait: 10 });
		using reader = route.receiver();
		first.send("x");
		assert.equal(reader.recv(), "x");
		const jobs = defineQueue(names.next(), { prefix });
		using worker = jobs.receiver();
		using giver = jobs.sender();
		giver.send("bytes");
		assert.equal(worker.take()?.bytes.byteLength, 5);
		assert.ok(Route && Channel);
	});

	const options = { prefix, stamp: true, maxReceivers: 2 };
	test.each([
		["route", (name: string) => defineRoute(name, { codec: json<number>(), ...options })],
		["channel", (name: string) => defineChannel(name, { codec: json<number>(), ...options })],
		["queue", (name: string) => defineQueue(name, { codec: json<number>(), ...options })],
	] as const)("of a %s waits for receivers by name, and its endpoints flush and have stamps", async (kind, define) => {
		const name = names.next();
		const defined = define(name);
		assert.equal(defined.waitForReceivers(1, { timeout: 0 }), false);
		assert.equal(await defined.receiversReady(1, { timeout: 1 }), false);
		assert.ok(!list({ prefix }).some((each) => each.name === name));
		const ready = defined.receiversReady(1);
		using sender = defined.sender();
		using receiver = defined.receiver();
		assert.equal(await ready, true);
		assert.equal(defined.waitForReceivers(1), true);
		assert.equal(defined.waitForReceivers(1, { prefix: `${prefix}.other`, timeout: 0 }), false);
		await expectRejection("ERR_IPC_INVALID_ARGUMENT", /maxReceivers/, defined.receiversReady(3));
		const more: Promise<unknown> = defined.receiversReady(1, JSON.parse('{ "wait": 1 }'));
		await expectRejection("ERR_IPC_INVALID_ARGUMENT", /Its options are prefix, timeout, signal/, more);
		sender.send(1);
		const flushed = sender.flush();
		assert.equal(receiver.recv(), 1);
		assert.deepEqual(await flushed, { done: true, read: kind === "queue" ? 0 : 1, left: 0, unread: 0 });
		assert.equal(receiver.latency?.count, 1);
		assert.ok((receiver.lastStamp?.sender ?? 0) > 0);
	});
});
