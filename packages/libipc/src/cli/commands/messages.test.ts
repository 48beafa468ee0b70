/** The commands that look at messages and send them: tail, hz, send, call, get, set. */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Names } from "@libipc/testing/names";
import { TestProgram } from "@libipc/testing/test_program";
import * as library from "libipc";
import { Channel, Latest, Queue, Route } from "libipc";
import { json, structured, text } from "libipc/codecs";
import { Service } from "libipc/service";
import { leaveBehind, makeOddNames } from "../testing/odd_names.ts";
import { jsonOf, type RunOptions, runLibipc, runtimes } from "../testing/run_libipc.ts";
import { RunningLibipc } from "../testing/start_libipc.ts";

// Each test starts some processes.
setDefaultTimeout(60_000);

const names = new Names("cmdmsg", library);
const { prefix } = names;
const folder = mkdtempSync(join(tmpdir(), "libipc-messages-"));
const path = (name: string) => names.path("channel", name);
/** The other runtime, if there is one. */
const other = { command: runtimes.at(-1)?.[1] ?? [] };

afterEach(() => {
	for (const file of names.files()) rmSync(`/dev/shm/${file}`, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (args: readonly string[], options?: RunOptions) => runLibipc([...args, "--prefix", prefix], options);
const tail = (args: readonly string[]) => new RunningLibipc(["tail", ...args, "--prefix", prefix], other);

/** Waits until the name has an observer. */
async function observed(sender: { readonly observerCount: number }): Promise<void> {
	while (sender.observerCount === 0) await Bun.sleep(5);
}

const linesOf = (out: string) =>
	out
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Record<string, unknown>);

describe("libipc tail", () => {
	test("shows text, values and dumps, and no control characters", async () => {
		using sender = Channel.sender("log", { prefix });
		await using bytes = tail(["log", "-n", "4", "-q"]);
		await observed(sender);
		sender.sendBatch(["grüße", "a\x1b[31mb", new Uint8Array([0, 255, 65]), "two\nlines"]);
		expect(await bytes.ended()).toEqual({
			status: 0,
			err: "",
			out: [
				"grüße",
				"00000000  61 1b 5b 33 31 6d 62                              |a.[31mb|",
				"00000000  00 ff 41                                          |..A|",
				"two",
				"lines",
				"",
			].join("\n"),
		});
	});

	test("decodes by the codec of the name; --json has one line for each message", async () => {
		using orders = Channel.sender("orders", { prefix, codec: structured(), stamp: true });
		await using follower = tail(["orders", "-n", "2", "--json"]);
		await observed(orders);
		orders.send(new Map([["id", new Set([1])]]));
		orders.bytes.send("no structured value");
		const [first, second] = linesOf((await follower.ended()).out);
		expect(first).toMatchObject({
			number: 1,
			value: { id: [1] },
			sender: expect.any(Number),
			sentAt: expect.any(Number),
		});
		expect(second).toMatchObject({ number: 2, base64: Buffer.from("no structured value").toString("base64") });
		expect(second?.error).toBeString();
	});

	test("is nothing that a sender waits for, and says what it has lost", async () => {
		using sender = Route.sender("fast", { prefix, capacity: 4096 });
		await using follower = tail(["fast", "--json"]);
		await observed(sender);
		expect(sender.receiverCount).toBe(0);
		follower.signal("SIGSTOP");
		for (let i = 0; i < 1000; i++) expect(sender.send("x".repeat(100))).toBeTrue();
		follower.signal("SIGCONT");
		await follower.said(/"lost":\d+/);
		sender.send("last");
		await follower.said(/"text":"last"/);
		follower.signal("SIGINT");
		const { status, out } = await follower.ended();
		const lines = linesOf(out);
		const lost = lines.reduce((sum, each) => sum + Number(each.lost ?? 0), 0);
		expect([status, lost + lines.filter(({ number }) => number !== undefined).length]).toEqual([0, 1001]);
		expect(lost).toBeGreaterThan(900);
	});

	test("--latency shows a histogram of stamped messages, and needs stamps", async () => {
		using sender = Channel.sender("stamped", { prefix, stamp: true });
		using plain = Channel.sender("plain", { prefix });
		await using follower = tail(["stamped", "--latency", "-n", "50"]);
		await observed(sender);
		for (let i = 0; i < 50; i++) {
			sender.send("x");
			await Bun.sleep(1);
		}
		const { status, out } = await follower.ended();
		expect(status).toBe(0);
		expect(out).toMatch(/^stamped: 50 messages$/m);
		expect(out).toMatch(/ – +\S+ \S+ +\d+ █+$/m);
		expect(out).toMatch(/^min .* p50 .* p99\.9 .* max \S+ \S+$/m);
		expect(run(["tail", "plain", "--latency"])).toMatchObject({
			status: 2,
			err: expect.stringMatching(/needs stamps/),
		});
		expect(plain.closed).toBeFalse();
	});

	test("refuses queues, and names that cannot be opened", async () => {
		using _queue = Queue.sender("jobs", { prefix });
		using _receiver = Channel.receiver("live", { prefix, capacity: 4096 });
		using _route = Route.receiver("live", { prefix });
		makeOddNames(path("live"), path);
		await leaveBehind(prefix, "left", "channel");
		await leaveBehind(prefix, "lock", "mutex");
		for (const [command, name, status, reason] of [
			["tail", "jobs", 2, /goes to one receiver/],
			["tail", "live", 2, /say which with --kind/],
			["tail", "left", 1, /its processes were killed/],
			["tail", "damaged", 1, /its file is damaged/],
			["hz", "foreign", 1, /was not made by libipc/],
			["send", "other", 1, /another layout/],
			["hz", "lock", 2, /has no messages/],
			["send", "none", 3, /There is no name "none"/],
			["get", "live", 2, /is for latest values/],
			["set", "none", 3, /There is no name "none"/],
			["get", "left", 2, /is for latest values/],
			["call", "none", 3, /There is no queue "none"/],
		] as const) {
			const ran = run(command === "call" ? [command, name, "m"] : [command, name], { input: "" });
			expect([command, name, ran.status, ran.out]).toEqual([command, name, status, ""]);
			expect(ran.err).toMatch(reason);
		}
		expect(run(["call", "jobs", "method"])).toMatchObject({ status: 2, err: expect.stringMatching(/is none/) });
	});
});

test("libipc hz shows rates, also of a queue", async () => {
	using sender = Queue.sender("jobs", { prefix, capacity: 1 << 20 });
	using receiver = Queue.receiver("jobs", { prefix });
	const traffic = setInterval(() => {
		for (let i = 0; i < 10; i++) sender.trySend("x".repeat(92));
		while (receiver.tryRecv());
	}, 5);
	try {
		await using hz = new RunningLibipc(["hz", "jobs", "--prefix", prefix, "-i", "0.3", "-n", "2", "--json"], other);
		const { status, out } = await hz.ended();
		const [, second] = linesOf(out);
		expect(status).toBe(0);
		// 8 bytes of the header, 8 of the lease, 92, and 4 to whole units. A look may fall between a record and its count.
		expect(second?.bytesPerMessage).toBeCloseTo(112, 0);
		expect(Number(second?.messages)).toBeGreaterThan(10);
	} finally {
		clearInterval(traffic);
	}
	const { out } = run(["hz", "jobs", "-i", "0.1", "-n", "1"]);
	expect(out).toBe("jobs: 0 messages/s  0 MB/s  0 B each  (0 to 0)\n");
});

describe("libipc send", () => {
	test("sends arguments, lines, all of standard input, and files", () => {
		using log = Channel.receiver("log", { prefix });
		const file = join(folder, "message.bin");
		writeFileSync(file, new Uint8Array([0, 1, 2]));
		expect(run(["send", "log", "one", "-", ""])).toEqual({ status: 0, out: "", err: "" });
		expect(jsonOf<object>(["send", "log", "--prefix", prefix], { input: "a\nb\r\n\nc", ...other })).toMatchObject({
			sent: 4,
		});
		run(["send", "log", "--whole"], { input: "a\nb\n" });
		run(["send", "log", "--file", file]);
		const found: string[] = [];
		log.drain((view) => found.push(new TextDecoder().decode(view)), { timeout: 0 });
		expect(found).toEqual(["one", "-", "", "a", "b", "", "c", "a\nb\n", "\0\u0001\u0002"]);
		expect(run(["send", "log", "x", "--whole"])).toMatchObject({ status: 2 });
	});

	test("encodes by the codec of the name", () => {
		using orders = Channel.receiver("orders", { prefix, codec: json() });
		using clones = Queue.receiver("clones", { prefix, codec: structured() });
		using words = Route.receiver("words", { prefix, codec: text() });
		using own = Channel.receiver("own", { prefix, codec: { ...text(), id: "shop.own" } });
		run(["send", "orders", '{"id":1}', "plain", "7"]);
		expect([orders.recv(), orders.recv(), orders.recv()]).toEqual([{ id: 1 }, "plain", 7]);
		run(["send", "orders", "7", "--text"]);
		expect(orders.recv()).toBe("7");
		run(["send", "clones", "[1,null]"]);
		expect(clones.recv()).toEqual([1, null]);
		run(["send", "words", "7"]);
		expect(words.recv()).toBe("7");
		expect(run(["send", "own", "7"])).toMatchObject({
			status: 1,
			err: expect.stringMatching(/has the codec "shop.own"/),
		});
		run(["send", "own", "7", "--codec", "bytes"]);
		expect(own.recv()).toBe("7");
	});

	test("says when a message was not sent", () => {
		using sender = Route.sender("taken", { prefix });
		using full = Channel.receiver("full", { prefix, capacity: 4096 });
		using alone = Channel.sender("alone", { prefix });
		expect(run(["send", "taken", "x"])).toMatchObject({ status: 1, err: expect.stringMatching(/ERR_IPC_HAS_SENDER/) });
		expect(run(["send", "full", "--timeout", "0.1"], { input: `${"x".repeat(1000)}\n`.repeat(5) })).toMatchObject({
			status: 4,
			err: expect.stringMatching(/full until the time was up/),
		});
		expect(run(["send", "alone", "x"])).toMatchObject({ status: 1, err: expect.stringMatching(/no receiver is open/) });
		expect([sender.closed, full.closed, alone.closed]).toEqual([false, false, false]);
	});
});

test("libipc call", async () => {
	await using server = new TestProgram(new URL("../testing/prices_service.child.ts", import.meta.url), [prefix], {
		transport: "processes",
	});
	await server.report();
	const call = (...args: string[]) => run(["call", "prices", ...args]);
	expect(call("quote", "BUN", "2")).toEqual({ status: 0, out: '{"symbol":"BUN","price":85}\n', err: "" });
	expect(run(["call", "prices", "text", "7"], other).out).toBe("number 7\n");
	expect(call("text", "7", "--text").out).toBe("string 7\n");
	expect(call("text", "7", "--json").out).toBe('"number 7"\n');
	expect(call("nothing")).toEqual({ status: 0, out: "", err: "" });
	expect(call("watch", "BUN", "--stream").out).toBe([0, 1, 2].map((i) => `{"symbol":"BUN","i":${i}}\n`).join(""));
	expect(run(["call", "prices", "quote", "--stdin"], { input: '["A"]\n["B",2]\n' }).out).toBe(
		'{"symbol":"A","price":42.5}\n{"symbol":"B","price":85}\n',
	);
	expect(call("fails")).toMatchObject({ status: 1, err: expect.stringMatching(/no such symbol/) });
	expect(call("none")).toMatchObject({ status: 1, err: expect.stringMatching(/ERR_IPC_NO_METHOD/) });
	expect(call("never", "--timeout", "0.2")).toMatchObject({ status: 4 });
	await using waits = new RunningLibipc(["call", "prices", "started", "--stream", "--prefix", prefix]);
	await waits.said(/started/);
	waits.signal("SIGINT");
	expect(await waits.ended()).toMatchObject({ status: 1, err: expect.stringMatching(/was aborted/) });
	expect(call("ends")).toMatchObject({ status: 1 });
});

test("libipc get and set", async () => {
	using settings = Latest.open("settings", { prefix, codec: json<object>() });
	using bytes = Latest.open("bytes", { prefix, maxLength: 100 });
	expect(run(["get", "settings"])).toMatchObject({ status: 3, err: expect.stringMatching(/was never set/) });
	expect(run(["set", "settings", '{"theme":"dark"}'])).toEqual({ status: 0, out: "", err: "" });
	expect(settings.get()).toEqual({ theme: "dark" });
	expect(run(["get", "settings"], other).out).toBe('{"theme":"dark"}\n');
	expect(jsonOf<object>(["get", "settings", "--prefix", prefix])).toEqual({
		version: 1,
		bytes: 16,
		value: { theme: "dark" },
	});
	run(["set", "bytes", "--whole"], { input: "a\0b" });
	expect(run(["get", "bytes", "--raw"]).out).toBe("a\0b");
	expect(run(["set", "bytes", "x".repeat(101)])).toMatchObject({ status: 1, err: expect.stringMatching(/TOO_LARGE/) });
	run(["set", "bytes"], { input: "one\ntwo\n" });
	expect(bytes.version).toBe(3);
	expect(new TextDecoder().decode(bytes.get() ?? undefined)).toBe("two");

	await using follower = new RunningLibipc(["get", "settings", "--follow", "--json", "--prefix", prefix], other);
	await follower.said(/"theme":"dark"/);
	settings.set({ theme: "light" });
	await follower.said(/"version":2,.*"theme":"light"/);
	follower.signal("SIGINT");
	expect(await follower.ended()).toMatchObject({ status: 0, err: "" });

	expect(run(["set", "motd", "hello", "--keep", "--codec", "text"])).toMatchObject({ status: 0 });
	expect(run(["get", "motd"]).out).toBe("hello\n");
	expect(library.list({ prefix }).find(({ name }) => name === "motd")).toMatchObject({ state: "kept", codec: "text" });
	Latest.clear("motd", { prefix });
});

test("a service of this process is called, too", async () => {
	await using _server = Service.serve("here", { add: (a: number, b: number) => a + b }, { prefix });
	await using call = new RunningLibipc(["call", "here", "add", "1", "2", "--prefix", prefix]);
	expect(await call.ended()).toEqual({ status: 0, out: "3\n", err: "" });
});
