/** Latest values: content, versions, updates, waits, names that are kept, and what becomes of them when a process is killed. */

import assert from "node:assert/strict";
import { untyped } from "@libipc/testing/bad_values";
import { isPending, rejection } from "@libipc/testing/outcome";
import type { TestProgram } from "@libipc/testing/test_program";
import { expectTook, RECOVERY_MS, took } from "@libipc/testing/timing";
import { json } from "libipc/codecs";
import { expectError, expectRejection } from "./expect_error.ts";
import { afterEach, describe, test } from "./harness.ts";
import { checkPattern, patternOf } from "./latest_pattern.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { clear, type IpcError, Latest, type LatestOptions, list, type StandardSchema } from "./under_test.ts";
import { rounds } from "./volume.ts";

const names = new Names("latest");
const { prefix } = names;
const open = (name: string, options: LatestOptions = {}): Latest => Latest.open(name, { prefix, ...options });
const textOf = (value: Uint8Array | null): string | null => value && new TextDecoder().decode(value);

afterEach(() => names.expectNothingLeft());

async function start(what: string, name: string, says: string, argument: number | string = ""): Promise<TestProgram> {
	const started = startProgram("latest", [what, prefix, name, argument]);
	assert.equal(await started.report<string>(), says);
	return started;
}

describe("a latest value", () => {
	test("is replaced as a whole, has a version, and is there for handles that are opened later", () => {
		const name = names.next();
		using latest = open(name, { maxLength: 10_000 });
		assert.deepEqual([latest.get(), latest.version, latest.seen, latest.maxLength], [null, 0, 0, 10_000]);
		assert.equal(latest.getInto(new Uint8Array(1)), -1);
		assert.equal(latest.set("first"), true);
		using late = open(name);
		assert.deepEqual([late.version, late.seen, late.maxLength], [1, 0, 10_000]);
		assert.equal(textOf(late.get()), "first");
		assert.equal(late.seen, 1);
		const values = [
			new Uint8Array(0),
			Uint8Array.of(7),
			new Uint8Array(41).fill(3),
			new Uint8Array(4096).fill(4),
			new Uint8Array(10_000).fill(5),
			new Uint8Array([1, 2, 3, 4, 5, 6]).subarray(2, 5),
		];
		for (const value of values) {
			assert.equal(late.set(value), true);
			assert.deepEqual(latest.get(), new Uint8Array(value));
			assert.equal(latest.seen, late.version);
			const target = new Uint8Array(10_001).fill(9);
			assert.equal(latest.getInto(target), value.byteLength);
			assert.deepEqual(target.subarray(0, value.byteLength), new Uint8Array(value));
			assert.equal(target[value.byteLength], 9);
		}
		latest.set(Float64Array.of(1.5, 2).buffer);
		latest.set(new DataView(new ArrayBuffer(3)));
		latest.set("ä".repeat(5000));
		assert.equal(textOf(late.get()), "ä".repeat(5000));
		// What was returned belongs to the caller.
		const copy = late.get();
		latest.set("other");
		assert.equal(textOf(copy), "ä".repeat(5000));
		assert.equal(late.version, 1 + values.length + 4);
	});

	test("refuses what is no value, too long, or does not fit; the value stays", () => {
		const name = names.next();
		using latest = open(name, { maxLength: 10 });
		latest.set("0123456789");
		expectError("ERR_IPC_MESSAGE_TOO_LARGE", /11 bytes is longer than latest value .* 10 bytes/, () =>
			latest.set("01234567890"),
		);
		for (const value of [undefined, null, 5, {}, [1]])
			expectError("ERR_IPC_INVALID_ARGUMENT", /must be a string/, () => untyped(latest.set.bind(latest), value));
		expectError("ERR_IPC_INVALID_ARGUMENT", /getInto needs a Uint8Array to copy the value into/, () =>
			untyped(latest.getInto.bind(latest), "text"),
		);
		expectError("ERR_IPC_BUFFER_TOO_SMALL", /has 10 bytes, the target 9/, () => latest.getInto(new Uint8Array(9)));
		expectError("ERR_IPC_BUFFER_TOO_SMALL", /the target 0/, () => latest.getInto(new Uint8Array(0)));
		expectError("ERR_IPC_OPTIONS_MISMATCH", /maxLength 10, and was opened here with 11/, () =>
			open(name, { maxLength: 11 }),
		);
		for (const maxLength of [0, -1, 1.5, 2 ** 26 + 1])
			expectError("ERR_IPC_INVALID_ARGUMENT", /maxLength must be an integer/, () => open(name, { maxLength }));
		expectError("ERR_IPC_INVALID_ARGUMENT", /keep must be a boolean/, () =>
			untyped(Latest.open, name, { prefix, keep: 1 }),
		);
		expectError("ERR_IPC_INVALID_ARGUMENT", /"maxLenght" is not an option.*Did you mean maxLength/, () =>
			untyped(Latest.open, name, { prefix, maxLenght: 1 }),
		);
		assert.deepEqual([textOf(latest.get()), latest.version], ["0123456789", 1]);
		latest.close();
		for (const call of [
			() => latest.get(),
			() => latest.set("x"),
			() => latest.version,
			() => latest.seen,
			() => latest.wait(),
			() => latest.changed(),
			() => latest.getInto(new Uint8Array(1)),
			() => latest.update(() => "x"),
		])
			expectError("ERR_IPC_CLOSED", /closed/, call);
	});

	test("of a codec: values come back, others are refused, and a schema checks what is read", () => {
		const name = names.next();
		const codec = json<{ id: number }>();
		using latest = Latest.open(name, { prefix, codec });
		assert.equal(latest.get(), undefined);
		latest.set({ id: 1 });
		assert.deepEqual(latest.get(), { id: 1 });
		assert.equal(
			latest.update((value) => ({ id: (value?.id ?? 0) + 1 })),
			true,
		);
		assert.equal(textOf(latest.bytes.get()), '{"id":2}');
		expectError("ERR_IPC_OPTIONS_MISMATCH", /with the codec "json"/, () =>
			Latest.open(name, { prefix, codec: { id: "other", encode: String, decode: String } }),
		);
		expectError("ERR_IPC_INVALID_ARGUMENT", /undefined cannot be a value/, () =>
			untyped(latest.set.bind(latest), undefined),
		);
		latest.bytes.set("{");
		expectError("ERR_IPC_INVALID_MESSAGE", /is invalid/, () => latest.get());
		const schema = {
			"~standard": {
				version: 1 as const,
				vendor: "test",
				validate: (value: unknown) =>
					typeof (value as { id?: unknown }).id === "number"
						? { value: value as { id: number } }
						: { issues: [{ message: "no number", path: ["id"] }] },
			},
		};
		using checked = Latest.open(name, {
			prefix,
			codec: json(),
			schema: { ...schema } as StandardSchema<{ id: number }>,
		});
		latest.bytes.set('{"id":"one"}');
		expectError("ERR_IPC_INVALID_MESSAGE", /no number/, () => checked.get());
		latest.set({ id: 5 });
		assert.equal(checked.get()?.id, 5);
		// `into`, beside which `encode` is not used, and a decoder that uses the handle.
		const into = {
			id: "json",
			encode: () => "not used",
			into: {
				size: () => 100,
				write: (value: number, target: Uint8Array) => new TextEncoder().encodeInto(String(value), target).written,
			},
			decode: (bytes: Uint8Array): number => {
				assert.equal(textOf(checked.bytes.get()), "12");
				return Number(textOf(bytes.slice()));
			},
		};
		using own = Latest.open(name, { prefix, codec: into });
		own.set(12);
		assert.equal(own.get(), 12);
		assert.equal(list({ prefix })[0]?.codec, "json");
	});

	test("a decoder may use the handle that calls it, transfer what it got, and close the handle", async () => {
		const name = names.next();
		let during = (_: Uint8Array): void => {};
		const codec = {
			id: "own",
			encode: (value: string) => value,
			decode: (bytes: Uint8Array): string => {
				const then = during;
				during = () => {};
				then(bytes);
				return bytes.byteLength === 0 ? "transferred" : new TextDecoder().decode(bytes.slice());
			},
		};
		using other = Latest.open(name, { prefix, codec });
		const latest = Latest.open(name, { prefix, codec });
		latest.set("outer");
		assert.equal(latest.get(), "outer");
		during = () => {
			latest.set("inner");
			assert.equal(latest.get(), "inner");
		};
		assert.equal(latest.get(), "outer");
		during = ({ buffer }) => structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
		assert.equal(latest.get(), "transferred");
		assert.equal(latest.get(), "inner");
		// An iteration has ended with its handle, also if the decoder that has closed it throws.
		const changes = latest.changed();
		during = () => {
			latest.close();
			throw new RangeError("not read");
		};
		assert.deepEqual(await changes.next(), { value: undefined, done: true });
		assert.equal(other.get(), "inner");
	});
});

describe("an update of a latest value", () => {
	test("is atomic: three programs count, and no count is lost", async () => {
		const name = names.next();
		using latest = open(name);
		const counts = rounds(2000, 300);
		const programs = [1, 2, 3].map(() => startProgram("latest", ["counts", prefix, name, counts]));
		for (const each of programs) assert.equal(await each.exited, 0);
		assert.equal(new Uint32Array(latest.get()?.buffer ?? new ArrayBuffer(4))[0], 3 * counts);
		assert.equal(latest.version, 3 * counts);
	});

	test("leaves the value if it throws or returns undefined, and refuses to be nested or asynchronous", () => {
		const name = names.next();
		using latest = open(name);
		using other = open(name);
		latest.set("before");
		assert.throws(
			() =>
				latest.update(() => {
					throw new RangeError("not today");
				}),
			RangeError,
		);
		assert.equal(
			latest.update(() => undefined),
			true,
		);
		expectError("ERR_IPC_INVALID_ARGUMENT", /must not be asynchronous/, () =>
			untyped(latest.update.bind(latest), async () => "x"),
		);
		expectError("ERR_IPC_INVALID_ARGUMENT", /must be a function/, () => untyped(latest.update.bind(latest), "x"));
		latest.update((value) => {
			assert.equal(textOf(value), "before");
			expectError("ERR_IPC_REENTRANT", /same handle/, () => latest.set("x"));
			expectError("ERR_IPC_REENTRANT", /same handle/, () => latest.update(() => "x"));
			expectError("ERR_IPC_DEADLOCK", /Another handle of this thread/, () => other.set("x"));
			assert.equal(other.set("x", { timeout: 0 }), false);
			assert.equal(
				other.update(() => "x", { timeout: 0 }),
				false,
			);
			assert.equal(textOf(other.get()), "before");
			return undefined;
		});
		assert.deepEqual([textOf(latest.get()), latest.version], ["before", 1]);
		// Closed in its own update.
		const third = open(name);
		expectError("ERR_IPC_CLOSED", /closed/, () =>
			third.update(() => {
				third.close();
				return "x";
			}),
		);
		assert.equal(other.set("after", { timeout: 1000 }), true);
	});
});

describe("changes of a latest value", () => {
	test("end waits that have not seen them; what was in between is passed over", async () => {
		const name = names.next();
		using writer = open(name);
		using viewer = open(name);
		assert.equal(viewer.wait({ timeout: 0 }), null);
		// It was never set, which is no change since any version.
		assert.equal(viewer.wait({ since: 5, timeout: 20 }), null);
		assert.equal(await viewer.waitAsync({ since: 5, timeout: 20 }), null);
		expectTook(await took(() => assert.equal(viewer.wait({ timeout: 30 }), null)), 30);
		writer.set("one");
		writer.set("two");
		assert.equal(textOf(viewer.wait()), "two");
		assert.equal(viewer.wait({ timeout: 1 }), null);
		assert.equal(textOf(viewer.wait({ since: 0 })), "two");
		assert.equal(textOf(viewer.wait({ since: 1 })), "two");
		// What a handle sets itself, it has seen.
		viewer.set("mine");
		assert.equal(viewer.wait({ timeout: 1 }), null);
		assert.equal(textOf(writer.wait({ timeout: 1000 })), "mine");

		const waits = [viewer.waitAsync(), viewer.waitAsync({ since: viewer.version }), writer.waitAsync()] as const;
		const timedOut = viewer.waitAsync({ timeout: 5 });
		assert.equal(await timedOut, null);
		assert.ok(await isPending(waits[0]));
		using third = open(name);
		third.set("later");
		assert.deepEqual((await Promise.all(waits)).map(textOf), ["later", "later", "later"]);
		const controller = new AbortController();
		const aborted = viewer.waitAsync({ signal: controller.signal });
		controller.abort(new RangeError("enough"));
		assert.ok((await rejection(aborted)) instanceof RangeError);
		await expectRejection("ERR_IPC_INVALID_ARGUMENT", /since must be/, viewer.waitAsync({ since: -1 }));
		const closing = open(name);
		const closed = closing.waitAsync({ since: closing.version });
		closing.close();
		await expectRejection("ERR_IPC_CLOSED", /closed/, closed);
		assert.equal(list({ prefix })[0]?.endpoints.filter(({ sleeping }) => sleeping).length, 0);
	});

	test("are iterated: the present value first, then the newest of each time; the loop ends with the handle", async () => {
		const name = names.next();
		using writer = Latest.open(name, { prefix, codec: json<number>() });
		const viewer = Latest.open(name, { prefix, codec: json<number>() });
		writer.set(1);
		writer.set(2);
		const seen: number[] = [];
		const loop = (async () => {
			for await (const value of viewer) {
				seen.push(value);
				if (value === 2) for (const next of [3, 4, 5]) writer.set(next);
				if (value === 5) setTimeout(() => writer.set(6), 1);
				if (value === 6) setTimeout(() => viewer.close(), 1);
			}
		})();
		await loop;
		assert.deepEqual(seen, [2, 5, 6]);
		using again = Latest.open(name, { prefix, codec: json<number>() });
		// A value that cannot be decoded leaves the loop; another loop goes on with the value of its time.
		writer.bytes.set("{");
		assert.equal(((await rejection(again.changed().next())) as IpcError).code, "ERR_IPC_INVALID_MESSAGE");
		writer.set(7);
		const iterator = again.changed();
		assert.deepEqual(await iterator.next(), { value: 7, done: false });
		const pending = iterator.next();
		assert.ok(await isPending(pending));
		await iterator.return?.();
		assert.deepEqual(await pending, { value: undefined, done: true });
		const controller = new AbortController();
		const aborted = again.changed({ signal: controller.signal });
		await aborted.next();
		const next = aborted.next();
		controller.abort(new RangeError("enough"));
		assert.ok((await rejection(next)) instanceof RangeError);
		assert.equal(list({ prefix })[0]?.endpoints.filter(({ sleeping }) => sleeping).length, 0);
	});

	test("wake programs that sleep, in a call and in the event loop; a program that only waits can end", async () => {
		const name = names.next();
		using latest = open(name);
		const last = rounds(500, 100);
		await using sleeper = await start("waits", name, "waiting", last);
		await using loop = await start("iterates", name, "waiting", last);
		await using ending = await start("waits without keeping itself alive", name, "waiting");
		assert.equal(await ending.exited, 0);
		while (latest.version < last) latest.set(String(latest.version));
		assert.deepEqual([await sleeper.report<number>(), await loop.report<number>()], [last, last]);
		assert.deepEqual([await sleeper.exited, await loop.exited], [0, 0]);
		await using orphan = await start("waits", name, "waiting", last + 1);
		Latest.clear(name, { prefix });
		assert.equal(await orphan.report<string>(), "ERR_IPC_ORPHANED");
		for (const call of [() => latest.get(), () => latest.set("x"), () => latest.wait()])
			expectError("ERR_IPC_ORPHANED", /removed/, call);
		assert.equal(await orphan.exited, 0);
	});
});

describe("a latest value that is kept", () => {
	test("stays without a handle, is listed, is not cleared with what was left, and is removed by its name", () => {
		const name = names.next();
		{
			using latest = open(name, { keep: true, maxLength: 500 });
			latest.set("kept");
		}
		const [listed, ...others] = list({ prefix });
		assert.ok(listed);
		assert.equal(others.length, 0);
		const { kind, state, messages, valueLength, capacity, endpoints } = listed;
		assert.deepEqual(
			{ kind, state, messages, valueLength, capacity, endpoints },
			{ kind: "latest", state: "kept", messages: 1, valueLength: 4, capacity: 500, endpoints: [] },
		);
		assert.deepEqual(clear({ prefix }), []);
		for (const value of ["kept", "again"]) {
			using latest = open(name);
			assert.equal(textOf(latest.get()), value);
			assert.equal(list({ prefix })[0]?.state, "live");
			latest.set("again");
		}
		expectError("ERR_IPC_OPTIONS_MISMATCH", /maxLength 500/, () => open(name, { maxLength: 501 }));
		Latest.clear(name, { prefix });
		assert.deepEqual(list({ prefix }), []);
		using fresh = open(name);
		assert.deepEqual([fresh.get(), fresh.maxLength], [null, 65_536]);
	});
});

describe("writers and readers of a latest value that are killed", () => {
	test("leave a whole value, and a name that others can set within a second", async () => {
		const name = names.next();
		using latest = open(name);
		latest.set(patternOf(1));
		const programs = await Promise.all([
			start("sets", name, "sets", 5),
			start("sets", name, "sets", 11),
			start("gets", name, "gets"),
		]);
		await using reader = startProgram("latest", ["gets some", prefix, name, rounds(3000, 300)]);
		for (const victim of programs) {
			for (let i = 0; i < 200; i++) checkPattern(latest.get());
			await victim.kill();
			checkPattern(latest.get());
			assert.ok((await took(() => latest.set(patternOf(2)))) < RECOVERY_MS);
			checkPattern(latest.get());
		}
		assert.equal(await reader.exited, 0);
		latest.set(patternOf(3));
		await using updating = await start("updates", name, "updates");
		assert.equal(latest.set("x", { timeout: 0 }), false);
		await updating.kill();
		assert.ok((await took(() => latest.set("after"))) < RECOVERY_MS);
		assert.equal(textOf(latest.get()), "after");
	});
});
