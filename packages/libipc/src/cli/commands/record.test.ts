import { afterAll, afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Names } from "@libipc/testing/names";
import { scale } from "@libipc/testing/scale";
import { TestProgram } from "@libipc/testing/test_program";
import * as library from "libipc";
import { Channel, Queue, Route } from "libipc";
import { RecordingReader } from "../recording/recording_reader.ts";
import { leaveBehind, makeOddNames } from "../testing/odd_names.ts";
import { jsonOf, runLibipc, runtimes } from "../testing/run_libipc.ts";
import { RunningLibipc } from "../testing/start_libipc.ts";

// Each test starts some processes.
setDefaultTimeout(60_000);

const names = new Names("cmdrecord", library);
const { prefix } = names;
const folder = mkdtempSync(join(tmpdir(), "libipc-record-"));
let files = 0;
const newFile = () => join(folder, `${files++}.rec`);
const path = (name: string) => names.path("channel", name);
/** Records in the one runtime, replays in the other. */
const [recording, replaying = recording] = runtimes.map(([, command]) => ({ command }));

afterEach(() => {
	for (const file of names.files()) rmSync(`/dev/shm/${file}`, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Read {
	readonly name: string;
	readonly number: number;
	readonly bytes: string;
}

/** The messages of a recording: their names, the number that they begin with, and all their bytes. */
function contentOf(file: string): Read[] {
	const reader = new RecordingReader(file);
	try {
		return [...reader.records()].map(({ name, bytes }) => ({
			name: reader.description.names[name]?.name ?? "",
			number: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0),
			bytes: Buffer.from(bytes).toString("latin1"),
		}));
	} finally {
		reader[Symbol.dispose]();
	}
}

const record = (to: string, file: string, ...args: string[]) =>
	new RunningLibipc(["record", "a", "b", "c", "d", "--prefix", to, "-o", file, ...args], recording);

test("a replay of four names with stamps has the same messages in the same order", async () => {
	const count = scale(20_000, 2000);
	const [file, again] = [newFile(), newFile()];
	await using sender = new TestProgram(
		new URL("../testing/four_names.child.ts", import.meta.url),
		[prefix, count, 100],
		{ transport: "processes" },
	);
	await sender.report();
	{
		await using recorder = record(prefix, file, "--count", String(count), "--json");
		const { status, out, err } = await recorder.ended();
		expect({ status, err: JSON.parse(err) }).toEqual({
			...{ status: 0, err: { note: `recording 4 names in ${file}; Ctrl-C ends` } },
		});
		expect(JSON.parse(out)).toMatchObject({ messages: count, names: [{ name: "a" }, {}, {}, { name: "d", lost: 0 }] });
	}
	const recorded = contentOf(file);
	expect(recorded.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, i) => i));
	expect(new Set(recorded.map(({ name }) => name)).size).toBe(4);

	await using replay = new RunningLibipc(
		["replay", file, "--speed", "max", "--to-prefix", `${prefix}.again`],
		replaying,
	);
	while (library.list({ prefix: `${prefix}.again` }).filter(({ state }) => state === "live").length < 4)
		await Bun.sleep(5);
	await using recorder = record(`${prefix}.again`, again, "--count", String(count), "--plain");
	const replayed = await replay.ended();
	expect(replayed.status).toBe(0);
	// It says that it waits, unless the recorder was faster. It says nothing else.
	expect(replayed.err).toMatch(
		/^(libipc replay: waits for 1 receiver of (channel "[a-d]"(, )?){1,4}\. With --receivers 0, replay does not wait\n)?$/,
	);
	expect(await recorder.ended()).toMatchObject({ status: 0 });
	expect(contentOf(again)).toEqual(recorded);
	expect(statSync(file).size).toBeLessThan(statSync(again).size);
	expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a message comes before those that were sent because of it", async () => {
	const file = newFile();
	using ping = Channel.sender("ping", { prefix, stamp: true });
	using pong = Channel.sender("pong", { prefix, stamp: true });
	using pings = Channel.receiver("ping", { prefix });
	using pongs = Channel.receiver("pong", { prefix });
	await using recorder = new RunningLibipc(["record", "p?ng", "--prefix", prefix, "-o", file]);
	await recorder.said(/recording 2 names/);
	const text = new TextDecoder();
	for (let i = 0; i < 500; i++) {
		ping.send(`${i} ping`);
		pong.send(text.decode(pings.recv() ?? undefined).replace("ping", "pong"));
		pongs.recv();
	}
	recorder.signal("SIGINT");
	expect(await recorder.ended()).toMatchObject({ status: 0 });
	expect(contentOf(file).map(({ bytes }) => bytes)).toEqual(
		Array.from({ length: 500 }, (_, i) => [`${i} ping`, `${i} pong`]).flat(),
	);
	expect(jsonOf<object>(["replay", file, "--info"])).toMatchObject({ messages: 1000, order: "sent" });
});

test("a recorder that is killed leaves what it has written, and it is replayed", async () => {
	const file = newFile();
	using sender = Route.sender("numbers", { prefix });
	await using recorder = new RunningLibipc(["record", "numbers", "--prefix", prefix, "-o", file]);
	await recorder.said(/recording 1 name in/);
	const message = new Uint8Array(100);
	let sent = 0;
	// Some blocks are in the file, and it goes on.
	while (statSync(file).size < 30_000) {
		new DataView(message.buffer).setUint32(0, sent++);
		sender.send(message);
	}
	recorder.signal("SIGKILL");
	await recorder.ended();
	const recorded = contentOf(file);
	expect(recorded.length).toBeGreaterThan(100);
	expect(recorded.map(({ number }) => number)).toEqual(recorded.map((_, i) => i));

	// And a part of a block behind it.
	const reader = new RecordingReader(file);
	const last = reader.blocks.at(-1)?.offset ?? 0;
	reader[Symbol.dispose]();
	truncateSync(file, last + 100);
	const whole = contentOf(file).length;
	sender.close();
	using receiver = Route.receiver("numbers", { prefix, capacity: 1 << 20 });
	await using replay = new RunningLibipc(["replay", file, "--speed", "max"], replaying);
	for (let i = 0; i < whole; i++) {
		const bytes = await receiver.recvAsync({ timeout: 20_000 });
		expect(bytes && new DataView(bytes.buffer).getUint32(0)).toBe(i);
	}
	const { status, out, err } = await replay.ended();
	expect({ status, err }).toEqual({
		status: 1,
		err: `libipc replay: ${file}: the last 100 bytes are not whole: it was cut off or damaged there. What is whole was used.\n`,
	});
	expect(out).toContain(`${whole.toLocaleString("en")} message`);
});

test("names without stamps, a queue that is emptied, and messages that were overwritten", async () => {
	const file = newFile();
	using jobs = Queue.sender("jobs", { prefix });
	using news = Channel.sender("news", { prefix, capacity: 4096, overflow: "drop-oldest" });
	using large = Channel.sender("large", { prefix, capacity: 65_536 });
	const all = ["jobs", "news", "large", "--prefix", prefix, "-o", file];
	expect(runLibipc(["record", ...all])).toMatchObject({
		status: 2,
		err: expect.stringMatching(/each message of queue "jobs" .* goes to one receiver/),
	});
	await using recorder = new RunningLibipc(["record", ...all, "--take", "--json"]);
	await recorder.said(/recording 3 names/);
	for (let i = 0; i < 100; i++) jobs.send(new Uint8Array(4).fill(i));
	recorder.signal("SIGSTOP");
	for (let i = 0; i < 1000; i++) news.send(new Uint8Array(100).fill(i));
	recorder.signal("SIGCONT");
	const bytes = new Uint8Array(200_000).map((_, i) => i);
	for (let i = 0; i < 5; i++) expect(await large.sendAsync(bytes)).toBeTrue();
	while (library.list({ prefix }).some(({ waiting }) => waiting > 0)) await Bun.sleep(5);
	recorder.signal("SIGTERM");
	const { status, out } = await recorder.ended();
	const report = JSON.parse(out) as { names: { name: string; messages: number; lost: number }[] };
	const of = (name: string) => report.names.find((each) => each.name === name);
	expect([of("jobs")?.messages, of("large")?.messages, status]).toEqual([100, 5, 1]);
	expect(of("news")?.lost).toBeGreaterThan(100);
	expect((of("news")?.messages ?? 0) + (of("news")?.lost ?? 0)).toBe(1000);
	const content = contentOf(file);
	expect(content.filter(({ name }) => name === "jobs").map(({ number }) => number & 255)).toEqual(
		Array.from({ length: 100 }, (_, i) => i),
	);
	expect(content.filter(({ name }) => name === "large").map((each) => each.bytes)).toEqual(
		Array(5).fill(Buffer.from(bytes).toString("latin1")),
	);
	const reader = new RecordingReader(file);
	const lost = [...reader.records()].reduce((sum, each) => sum + each.lost, 0);
	reader[Symbol.dispose]();
	expect(lost).toBe(of("news")?.lost ?? 0);
});

test("a replay keeps the times, at any speed, and begins where it is asked to", async () => {
	const file = newFile();
	using sender = Channel.sender("slow", { prefix });
	await using recorder = new RunningLibipc(["record", "slow", "--prefix", prefix, "-o", file, "--count", "4"]);
	await recorder.said(/recording 1 name /);
	for (let i = 0; i < 4; i++) {
		if (i > 0) await Bun.sleep(300);
		sender.send(String(i));
	}
	expect(await recorder.ended()).toMatchObject({ status: 0 });
	using receiver = Channel.receiver("slow", { prefix });
	const run = (...args: string[]) => jsonOf<{ messages: number; seconds: number }>(["replay", file, ...args]);
	const half = run("--speed", "2");
	expect(half.messages).toBe(4);
	expect(half.seconds).toBeGreaterThan(0.4);
	const texts = () => {
		const found: string[] = [];
		receiver.drain((view) => found.push(new TextDecoder().decode(view)), { timeout: 0 });
		return found;
	};
	expect(texts()).toEqual(["0", "1", "2", "3"]);
	const reader = new RecordingReader(file);
	const { startTime } = reader.description;
	const third = [...reader.records()][2]?.time ?? 0;
	reader[Symbol.dispose]();
	run("--from", String((third - startTime - 1e6) / 1e9), "--speed", "max");
	expect(texts()).toEqual(["2", "3"]);
	run("--to", String((third - startTime - 1e6) / 1e9), "--speed", "0");
	expect(texts()).toEqual(["0", "1"]);
	receiver.close();
	const late = runLibipc(["replay", file, "--timeout", "0.1"]);
	expect(late.status).toBe(4);
	expect(late.err).toMatch(/^libipc replay: waits for 1 receiver of channel "slow"/);
	expect(runLibipc(["replay", file, "none"])).toMatchObject({ status: 3 });
	expect(runLibipc(["replay", file, "--speed", "fast"])).toMatchObject({ status: 2 });
	expect(runLibipc(["replay", import.meta.filename]).err).toMatch(/is not a recording of libipc/);
	expect(runLibipc(["record", "slow", "--prefix", prefix, "-o", file]).err).toMatch(/exists. With --force/);
});

test("names that cannot be opened are refused, with the reason", async () => {
	using _receiver = Channel.receiver("live", { prefix, capacity: 4096 });
	makeOddNames(path("live"), path);
	await leaveBehind(prefix, "left", "channel");
	await leaveBehind(prefix, "lock", "mutex");
	for (const [name, status, reason] of [
		["left", 1, /its processes were killed/],
		["damaged", 1, /its file is damaged/],
		["foreign", 1, /was not made by libipc/],
		["other", 1, /another layout/],
		["unfinished", 1, /being created/],
		["lock", 2, /has no messages/],
		["none", 3, /There is no name "none"/],
	] as const) {
		const ran = runLibipc(["record", name, "--prefix", prefix, "-o", newFile()]);
		expect([name, ran.status, ran.out]).toEqual([name, status, ""]);
		expect(ran.err).toMatch(reason);
	}
});
