import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, closeSync, copyFileSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Names } from "@libipc/testing/names";
import { DIRECTORY } from "@libipc/testing/segment_files";
import type { TestProgram } from "@libipc/testing/test_program";
import { testUnless } from "@libipc/testing/test_unless";
import * as library from "libipc";
import { Channel, Latest, Queue } from "libipc";
import { commands } from "./commands.ts";
import { main } from "./main.ts";
import { holder, makeOddNames } from "./testing/odd_names.ts";
import { runLibipc } from "./testing/run_libipc.ts";

/**
 * Each command on names in each state: its exit status and its message. The commands run in this process, so that the table takes less
 * time than a start of a process for each of its cells. What a process does with signals and users is tested with processes, below.
 */

setDefaultTimeout(300_000);

const names = new Names("cmdstates", library);
const { prefix } = names;
const folder = mkdtempSync(`${DIRECTORY}/libipc-states-`);
const open: Disposable[] = [];
let dead: TestProgram[] = [];

const messageStates = ["live", "left", "damaged", "foreign", "other", "unfinished", "none"] as const;
type State = (typeof messageStates)[number];

beforeAll(async () => {
	const channel = Channel.receiver("live", { prefix, capacity: 4096 });
	const queue = Queue.receiver("qlive", { prefix, capacity: 4096 });
	const latest = Latest.open("vlive", { prefix, maxLength: 64 });
	latest.set("value");
	open.push(channel, queue, latest, Channel.sender("live", { prefix }));
	makeOddNames(names.path("channel", "live"), (name) => names.path("channel", name));
	makeOddNames(names.path("queue", "qlive"), (name) => names.path("queue", `q${name}`));
	makeOddNames(names.path("latest", "vlive"), (name) => names.path("latest", `v${name}`));
	dead = await Promise.all([
		holder(prefix, "left", "channel"),
		holder(prefix, "qleft", "queue"),
		holder(prefix, "vleft", "latest"),
	]);
	for (const each of dead) await each.kill();
});

afterAll(() => {
	for (const each of open) each[Symbol.dispose]();
	for (const file of names.files()) rmSync(`/dev/shm/${file}`, { force: true });
	rmSync(folder, { recursive: true, force: true });
});

interface Ran {
	readonly status: number;
	readonly out: string;
	readonly err: string;
}

/** Runs a command in this process. Both outputs are not terminals. */
async function run(...words: string[]): Promise<Ran> {
	const texts = { out: "", err: "" };
	const { stdout, stderr } = process;
	const written = [stdout.write, stderr.write] as const;
	const { isTTY } = stdout;
	const into = (which: "out" | "err") =>
		((text: string | Uint8Array) => {
			texts[which] += typeof text === "string" ? text : new TextDecoder().decode(text);
			return true;
		}) as typeof stdout.write;
	// What a command listens to until its process ends.
	const listeners = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((each) => [each, process.listeners(each)] as const);
	stdout.isTTY = false;
	stdout.write = into("out");
	stderr.write = into("err");
	try {
		return { status: await main(words), ...texts };
	} finally {
		[stdout.write, stderr.write] = written;
		stdout.isTTY = isTTY;
		for (const listener of stdout.listeners("error")) stdout.off("error", listener as () => void);
		for (const [signal, before] of listeners)
			for (const each of process.listeners(signal)) if (!before.includes(each)) process.off(signal, each);
	}
}

/** What a command says, whatever it was called with: no place in the program, no colours, and with `--json` nothing but JSON. */
function checkOutput({ status, out, err }: Ran, isJson: boolean): void {
	expect(err).not.toMatch(/^\s+at /m);
	expect(out + err).not.toContain("\x1b");
	if (!isJson) {
		if (status !== 0) expect(err).not.toBe("");
		return;
	}
	const lines = err.trimEnd().split("\n").filter(Boolean);
	for (const line of lines) expect(JSON.parse(line)).toBeObject();
	if (out !== "") {
		const values = out.startsWith("{\n") || out.startsWith("[") ? [out] : out.trimEnd().split("\n");
		for (const value of values) JSON.parse(value);
	}
	if (status > 1)
		expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ error: { message: expect.any(String) }, status });
}

const record = join(folder, "record.rec");
const unopenable = {
	...{ left: "its processes were killed", damaged: "is damaged", foreign: "not made by libipc" },
	...{ other: "another layout", unfinished: "is being created", none: "There is no" },
} as const;
/** 1 where the name exists, 3 where it does not. */
const closed = { left: 1, damaged: 1, foreign: 1, other: 1, unfinished: 1, none: 3 } as const;
const looks = { live: 0, left: 0, damaged: 0, foreign: 0, other: 0, unfinished: 0, none: 3 } as const;

/** For each command: the words before and after the name, the start of the name, and its status in each state. */
const table: Readonly<
	Record<string, { before?: string[]; after?: string[]; start?: string; status: Readonly<Record<State, number>> }>
> = {
	ls: { status: looks },
	stat: { status: looks },
	top: { before: ["--once", "-i", "0.05"], status: looks },
	tail: { before: ["--seconds", "0.01"], status: { live: 0, ...closed } },
	hz: { before: ["-n", "1", "-i", "0.05"], status: { live: 0, ...closed } },
	send: { after: ["hello"], status: { live: 0, ...closed } },
	// What is open is a queue, and no service.
	call: { start: "q", after: ["method"], status: { ...closed, live: 2, left: 2 } },
	get: { start: "v", status: { live: 0, ...closed, left: 3 } },
	set: { start: "v", after: ["value"], status: { live: 0, ...closed, left: 3 } },
	record: { before: ["--force", "--seconds", "0.01", "-o", record], status: { live: 0, ...closed } },
	rm: { before: ["--dry-run"], status: { ...looks, live: 1 } },
};

describe("commands in every state of a name", () => {
	test("the table has each command that takes a name", () => {
		const taking = commands.filter(({ parameters, isInternal }) => !isInternal && parameters?.completes === "names");
		expect(Object.keys(table)).toEqual(taking.map(({ name }) => name));
	});

	describe.each(Object.entries(table))("libipc %s", (command, { before = [], after = [], start = "", status }) => {
		test.each(messageStates)("%s", async (state) => {
			for (const json of [[], ["--json"]]) {
				const ran = await run(command, "--prefix", prefix, ...json, ...before, `${start}${state}`, ...after);
				expect({ ...ran, status: ran.status }).toMatchObject({ status: status[state] });
				checkOutput(ran, json.length > 0);
				const isRefused = state !== "live" && status[state] !== 0;
				if (isRefused && status[state] !== 2) expect(ran.err).toContain(unopenable[state]);
			}
		});
	});
});

describe("libipc replay on a name that was recorded", () => {
	const recording = join(folder, "again.rec");
	const replay = (...more: string[]) => run("replay", recording, "--receivers", "0", "--speed", "max", ...more);
	const file = names.path("channel", "again");

	beforeAll(async () => {
		using _receiver = Channel.receiver("again", { prefix, capacity: 4096 });
		await run("record", "again", "--prefix", prefix, "--seconds", "0.01", "-o", recording);
	});

	test.each([
		["damaged", /ERR_IPC_CORRUPT/],
		["foreign", /ERR_IPC_FOREIGN/],
		["other", /ERR_IPC_VERSION/],
	] as const)("%s", async (state, code) => {
		copyFileSync(names.path("channel", state), file);
		// As a process of the other version has it. What nobody has open is replaced.
		const user = openSync(file, "r+");
		for (const json of [[], ["--json"]]) {
			const ran = await replay(...json);
			expect(ran.err).toMatch(code);
			expect({ status: ran.status, out: ran.out }).toEqual({ status: 1, out: "" });
			checkOutput(ran, json.length > 0);
		}
		closeSync(user);
		rmSync(file);
	});

	test("missing: it is created, and removed at the end", async () => {
		expect(await replay("--json")).toMatchObject({ status: 0, err: "" });
		expect(existsSync(file)).toBe(false);
		expect(await replay("none")).toMatchObject({ status: 3, out: "" });
	});
});

describe("commands that fail", () => {
	const missing = join(folder, "missing", "file");
	const text = join(folder, "text");
	beforeAll(() => writeFileSync(text, new Uint8Array([0xff, 0xfe])));

	test.each([
		["a file that does not exist", 1, ["send", "live", "--prefix", prefix, "--file", missing], /ENOENT/],
		["a folder that does not exist", 1, ["record", "live", "--prefix", prefix, "-o", missing], /ENOENT/],
		["a folder instead of a file", 1, ["record", "live", "--prefix", prefix, "--force", "-o", folder], /EISDIR/],
		["no recording", 1, ["replay", missing], /ENOENT/],
		["a file that is none", 1, ["replay", text], /not a recording/],
		["bytes that are no text", 1, ["send", "live", "--prefix", prefix, "--codec", "text", "--file", text], /not text/],
		["a prefix that cannot be one", 2, ["ls", "--prefix", "a/b"], /prefix "a\/b" is not usable/],
		[
			"a name that cannot be one",
			2,
			["set", "a/b", "value", "--keep", "--prefix", prefix],
			/name "a\/b" is not usable/,
		],
		["bytes as JSON", 2, ["get", "vlive", "--raw", "--json", "--prefix", prefix], /choose one/],
		["a command that does not exist", 2, ["nothing"], /There is no command "nothing"\. Commands: ls, [^_]*completion/],
		["help of a command that does not exist", 2, ["help", "nothing"], /There is no command "nothing"/],
		["sizes that cannot be", 2, ["bench", "--min", "9", "--max", "8"], /--max must be at least/],
		["a forced clear of all prefixes", 2, ["clear", "--force"], /--prefix/],
		["a shell that does not exist", 2, ["completion", "nothing"], /bash, zsh, fish/],
	] as const)("%s", async (_, status, words, message) => {
		const ran = await run(...words);
		expect(ran.err).toMatch(message);
		expect({ status: ran.status, out: ran.out }).toEqual({ status, out: "" });
		checkOutput(ran, false);
		const json = await run(...words, "--json");
		expect({ status: json.status, out: json.out }).toEqual({ status, out: "" });
		expect(JSON.parse(json.err)).toMatchObject({ error: { message: expect.any(String) }, status });
	});

	test("--json without a command", async () => {
		const ran = await run("--json");
		expect(ran).toMatchObject({ status: 2, out: "" });
		checkOutput(ran, true);
	});
});

test("libipc rm removes a latest value that was kept, damaged or left", async () => {
	Latest.open("vkept", { prefix, keep: true }).close();
	const kept = await run("stat", "vkept", "--prefix", prefix);
	expect(kept.out).toMatch(/state +kept\n/);
	expect(kept.out).toMatch(/handles +at most 64\n/);
	for (const name of ["vkept", "vdamaged", "vleft"])
		expect(await run("rm", name, "--prefix", prefix)).toMatchObject({ status: 0, err: "" });
	expect(library.list({ prefix }).map(({ name }) => name)).not.toContain("vkept");
});

testUnless(process.getuid?.() !== 0, "Only root can start a process of another user.")(
	"commands say that a name belongs to another user",
	() => {
		chmodSync(names.path("queue", "qlive"), 0o600);
		const as = (...words: string[]) => {
			const ran = runLibipc([...words, "--prefix", prefix], { uid: 65_534 });
			checkOutput(ran, words.includes("--json"));
			return ran;
		};
		for (const words of [
			["call", "qlive", "method"],
			["get", "vlive", "--json"],
		])
			expect(as(...words)).toMatchObject({ status: 1, out: "", err: expect.stringContaining("another user") });
		const removal = as("rm", "live", "--dry-run");
		expect(removal.err).toContain("another user");
		expect(removal.status).toBe(1);
	},
);
