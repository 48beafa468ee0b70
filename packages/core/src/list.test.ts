import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { Channel, clear, type ListedName, list, Route } from "./index.ts";
import { Child } from "./testing/child.ts";

const prefix = `list${process.pid}`;
const other = `${prefix}.other`;
let count = 0;
const unique = () => `n${count++}`;
const path = (kind: string, name: string, of = prefix) => `/dev/shm/libipc.${kind}.${of.length}.${of}.${name}`;

afterAll(() => {
	const ours = new RegExp(`^libipc\\..*\\.${prefix}\\.`);
	for (const entry of readdirSync("/dev/shm")) if (ours.test(entry)) rmSync(`/dev/shm/${entry}`);
});

const names = (listed: readonly ListedName[]) => listed.map(({ name }) => name);

/** The only name of that name in the prefix. */
function only(name: string): ListedName {
	const [found, ...more] = list({ prefix }).filter((each) => each.name === name);
	if (!found || more.length > 0) throw new Error(`${name} is listed ${found ? "more than once" : "not at all"}`);
	return found;
}

async function holder(kind: string, role: string, name: string, options: object = {}): Promise<Child> {
	const child = new Child("holder.child.ts", [kind, role, prefix, name, JSON.stringify(options)]);
	expect(await child.line()).toBe("ready");
	return child;
}

/** A segment that only a killed process was on. */
async function leaveLeftover(name: string): Promise<number> {
	await using child = await holder("channel", "receiver", name);
	return child.pid;
}

describe("list", () => {
	test("tells a name's kind, options, and who is on it", async () => {
		const name = unique();
		using receiver = Route.receiver(name, { prefix, capacity: 8192, maxReceivers: 3, permissions: 0o700 });
		await using child = await holder("route", "sender", name);
		const found = only(name);
		expect(found).toMatchObject({
			...{ name, prefix, kind: "route", state: "live", path: path("route", name) },
			...{ capacity: 8192, maxReceivers: 3, permissions: 0o700, overflow: "block", messages: 0, waiting: 0 },
			...{ permits: 0, initial: 0, robust: false, recovered: 0, unusable: false },
			byteLength: Bun.file(path("route", name)).size,
		});
		const moved = { position: 0, lag: 0, lost: 0, holds: 0, exclusive: false };
		const quiet = { alive: true, sleeping: false, ...moved, instance: expect.any(Number) };
		expect(found.endpoints).toEqual([
			{ role: "sender", pid: child.pid, ...quiet },
			{ role: "receiver", pid: process.pid, ...quiet },
		]);
		expect(receiver.tryRecv()).toBeNull();
	});

	test("tells who sleeps", async () => {
		const name = unique();
		using sender = Channel.sender(name, { prefix, capacity: 4096 });
		await using child = new Child("receiver.child.ts", ["channel", prefix, name, 1e9, 64]);
		expect(await child.line()).toBe("ready");
		const asleep = () => only(name).endpoints.find(({ pid }) => pid === child.pid)?.sleeping;
		while (!asleep()) await Bun.sleep(1);
		child.signal("SIGSTOP");
		while (sender.trySend("x"));
		expect(only(name).endpoints.find(({ pid }) => pid === child.pid)?.alive).toBe(true);
	}, 30_000);

	test("a thousand names take less time to list than to open", () => {
		const started = performance.now();
		const opened = Array.from({ length: 1000 }, (_, i) =>
			Channel.receiver(`${i}`, { prefix: other, capacity: 4096, maxReceivers: 1 }),
		);
		const between = performance.now();
		const listed = list({ prefix: other });
		const ended = performance.now();
		for (const each of opened) each.close();
		expect(listed).toHaveLength(1000);
		for (const { endpoints, state } of listed) {
			expect(state).toBe("live");
			expect(endpoints).toHaveLength(1);
		}
		expect(ended - between).toBeLessThan(between - started);
	}, 30_000);

	test("tells what is no sound segment, and does not trust it", () => {
		const name = unique();
		using _receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		const segment = path("channel", name);
		const made: Record<string, (file: string) => void> = {
			truncated: (file) => {
				copyFileSync(segment, file);
				truncateSync(file, 10_000);
			},
			copied: (file) => copyFileSync(segment, file),
			foreign: (file) => writeFileSync(file, "x".repeat(10_000)),
			small: (file) => writeFileSync(file, "x"),
			empty: (file) => writeFileSync(file, ""),
			version: (file) => {
				const bytes = Buffer.from(require("node:fs").readFileSync(segment));
				bytes.writeUInt32LE(99, 4);
				writeFileSync(file, bytes);
			},
		};
		for (const [each, make] of Object.entries(made)) make(path("channel", each));
		writeFileSync(`/dev/shm/libipc.odd.${prefix}.x`, "");
		const states = Object.fromEntries(list({ prefix }).map((each) => [each.name, each.state]));
		expect(states).toMatchObject({
			...{ truncated: "damaged", copied: "damaged", foreign: "foreign", small: "foreign" },
			...{ empty: "unfinished", version: "other-version", [name]: "live" },
		});
		const unnamed = list().find((each) => each.path === `/dev/shm/libipc.odd.${prefix}.x`);
		expect(unnamed).toMatchObject({ name: "", prefix: "", kind: "unknown", state: "foreign", endpoints: [] });
		expect(list({ prefix: "" }).map((each) => each.path)).not.toContain(unnamed?.path);

		expect(names(clear({ prefix }))).toEqual(["empty"]);
		expect(names(list({ prefix }))).toEqual(["copied", "foreign", name, "small", "truncated", "version"]);
		for (const each of Object.keys(made)) Channel.clear(each, { prefix });
		expect(names(list({ prefix }))).toEqual([name]);
	});

	test("another user's names are told, and stay", async () => {
		const name = unique();
		const child = await holder("channel", "receiver", name);
		if (process.getuid?.() !== 0) chmodSync(path("channel", name), 0);
		await using lister = new Child("list.child.ts", [prefix]);
		const report = await lister.report<{ listed: ListedName[]; cleared: ListedName[] }>();
		expect(report.listed).toMatchObject([{ name, kind: "channel", state: "denied", endpoints: [], capacity: 0 }]);
		await child.kill();
		expect(report.cleared).toEqual([]);
		rmSync(path("channel", name));
	}, 30_000);
});

describe("clear", () => {
	test("removes what killed processes left, tells it, and leaves alone what somebody is on", async () => {
		const name = unique();
		const shared = unique();
		const pid = await leaveLeftover(name);
		using receiver = Channel.receiver(shared, { prefix });
		await leaveLeftover(shared);
		expect(only(name)).toMatchObject({ state: "leftover", endpoints: [{ pid, alive: false, sleeping: false }] });
		expect(only(shared)).toMatchObject({ state: "live", endpoints: [{ alive: true }, { alive: false }] });

		expect(clear({ prefix: other })).toEqual([]);
		expect(clear({ prefix })).toMatchObject([{ name, prefix, state: "leftover", endpoints: [{ pid }] }]);
		expect(existsSync(path("channel", name))).toBe(false);
		expect(clear({ prefix })).toEqual([]);
		using sender = Channel.sender(shared, { prefix });
		expect(sender.send("still works")).toBe(true);
		expect(receiver.recv()).toEqual(new TextEncoder().encode("still works"));
	}, 30_000);

	test("a stopped process is not a dead one", async () => {
		const name = unique();
		await using child = await holder("channel", "receiver", name);
		child.signal("SIGSTOP");
		expect(clear({ prefix })).toEqual([]);
		expect(only(name).state).toBe("live");
	}, 30_000);
});

describe("arguments", () => {
	const untyped = (call: unknown, ...args: unknown[]) => (call as (...args: unknown[]) => unknown)(...args);
	test.each([
		[5, "ERR_IPC_INVALID_ARGUMENT", /options must be an object.*5/],
		[null, "ERR_IPC_INVALID_ARGUMENT", /options/],
		[{ prefix: 5 }, "ERR_IPC_INVALID_ARGUMENT", /prefix must be a string/],
		[{ prefix: null }, "ERR_IPC_INVALID_ARGUMENT", /prefix/],
		[{ prefix: "a/b" }, "ERR_IPC_INVALID_NAME", /"\/"/],
		[{ prefix: "x".repeat(65) }, "ERR_IPC_INVALID_NAME", /65 bytes/],
	])("%j is refused", (options, code, message) => {
		for (const call of [list, clear])
			expect(() => untyped(call, options)).toThrow(
				expect.objectContaining({ name: "IpcError", code, message: expect.stringMatching(message) }),
			);
	});
});
