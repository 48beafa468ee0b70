import { afterEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nodeBinary } from "../../../scripts/node_binary.ts";
import { list } from "./index.ts";

/** `docs/guide` and the programs it shows: they run, print what is expected, leave nothing, and are shown as they are. */
const root = new URL("../../../", import.meta.url);

/** What a web server prints, in Bun and in a cluster of Node. */
const webServer = [
	"60 requests, one worker killed: all answers right: true",
	"both servers answered: true",
	"exits: SIGKILL, 0, 0, 0",
];

/** What each program prints. */
const outputs: Record<string, string[]> = {
	"back-pressure": [
		"block: full before 1000: true, full",
		"block: one more within 20 ms: false, timed-out",
		"block: the last one was sent: true",
		"block: read what was sent: true",
		"block: one more without a receiver: false, no-receivers",
		"drop-newest: full before 1000: true; read what was sent: true",
		"drop-oldest: sent 1000, read and lost: 1000; lost some: true",
	],
	"broadcast-and-web-locks": [
		'one of three has the lock "fetcher", and has sent three news',
		"it was killed: another one has the lock, and has sent three news",
		"the second has heard 3 news of others, the third 6",
		"held now: 0, waiting: 0",
	],
	"broadcast-to-workers": Array.from({ length: 3 }, () => "1000 prices, the highest 100"),
	"collect-from-workers": ["a", "b", "c"].map((worker) => `${worker}: 1000 results, in order`),
	"coming-from-others": ["tasks 1,2", "2 * 21 = 42", "news: it works", "the child ended with 0"],
	configuration: [
		"no process has it open: latest settings",
		"visitors: 3000",
		"a process ended with SIGKILL during a change; the limit is still 10",
		"a late joiner has limit 10 at once",
		"it passed over some changes: true; the last limit: 1000",
		"cleared: 0 left",
	],
	"cross-process-lock": ["exits: SIGKILL, 0, 0", "from 941, to 59, together 1000; repairs: 1"],
	"event-loop": [
		"at least 10000 events: true",
		"timers ran: true",
		"the request was answered: hello",
		"the flooder ended with exit code 0",
	],
	"failing-jobs": [
		"done: flaky, attempt 3",
		"done: rename, attempt 1",
		"done: resize, attempt 1",
		"dead letter: poison: max-attempts, attempts: 3",
		"dead letter: {: no job, attempts: 1",
	],
	"handlers-and-streams": [
		...["order 1", "order 2", "order 3"],
		"complaint about 1, complaint about 2, order 4, order 5",
		"1000 lines",
	],
	"job-queue": [
		...Array.from({ length: 12 }, (_, i) => `job ${i + 1}: ${(i + 1) ** 2}, attempt ${i + 1 === 7 ? 2 : 1}`),
		"1 worker was killed, no result is missing",
	],
	"large-frames": [1, 2].flatMap((viewer) => [
		...[1, 2, 3].map((frame) => `viewer ${viewer}: 8294400 bytes of ${frame}`),
		`viewer ${viewer}: 20000000 bytes of 9`,
	]),
	"leader-election": [
		"term 1; its leader is killed",
		"term 2, within a second: true; its leader is stopped",
		"no leader wrote for 800 ms: the mutex is cleared",
		"term 3; the stopped leader continues, without knowing of it",
		"a write of term 2 came after term 3 began: refused",
		"exits: 0, 0, SIGKILL",
	],
	"measuring-latency": [
		"1000 readings of 2 senders, each with its number: true",
		"all of them waited 50 ms: true",
		"1000 readings of 2 senders, each with its number: true",
		"shortest, median, 99 %, 99.9 %, longest: true",
	],
	"rate-limit": [
		"requests: 10, at most 2 at once: true",
		"a token used for each: true",
		"permits taken back from killed processes: 1",
	],
	reloading: [
		"each order has one receipt, in order: true",
		"the first receipt: version 1: 1",
		"the last receipt is of version 2",
		"a second receipt of an order: false",
	],
	"request-and-answer": [
		'quote: {"symbol":"BUN","price":42.25}',
		"1000 calls at once: true",
		"an error of the handler: NO_SYMBOL: there is no COBOL",
		"its server crashes, and another one answers: BUN in attempt 2",
		"its server crashes, and it must not run twice: ERR_IPC_PEER_DIED",
		"a deadline: ERR_IPC_TIMED_OUT",
		"an abort: Error: I have changed my mind",
		"no search runs any more",
		"exits: 0, SIGKILL, SIGKILL",
		"no server: ERR_IPC_NO_SERVER",
	],
	"ring-size": [
		"a message of 100 bytes takes 112",
		"capacity 1048576: 9362 sent, 99 % full, full",
		"capacity 2097152: 10000 sent, 53 % full, all sent",
	],
	"sealed-messages": [
		"order 11",
		"order 12",
		"order 21",
		"order 22",
		"the spy reads a card: false",
		"after repeated, changed and forged messages: undefined; refused: 9",
	],
	"shared-counters": [
		"counted: 30000",
		...["a", "b", "c"].map((counter) => `counter ${counter} was here`),
		"the memory has grown from 16 to 112 bytes",
	],
	"shutting-down": [
		"the asynchronous server: its receiver left",
		"the blocking server: its receiver left",
		"the killed server: its receiver died",
		"exits: 0, 0, SIGKILL",
		"left behind: a queue, leftover",
		"cleared: 1; left: 0",
	],
	"slow-viewers": [
		"camera: 1 receiver, 1 observer",
		"recorder: 300 frames, lost 0",
		"viewer: the last frame is 300; shown and missed: 300; missed some: true",
	],
	"streaming-results": [
		"divisors of 28: 1, 2, 4, 7, 14, 28",
		"primes: 1000003, 1000033, 1000037",
		"no stream runs any more",
		"50 primes, slowly; the server was at most 16 ahead: true",
		"divisors of ten million: 64; two streams at once: 11 and 23",
		"an error ends the stream: RangeError: 0.5 is not a whole number",
		"the server ended with exit code 0",
	],
	testing: ["passed; left: 0", "passed; left: 0"],
	"typed-messages": [
		"ERR_IPC_OPTIONS_MISMATCH",
		"order 1: espresso, at minute 15",
		"refused: id is wrong",
		"refused: SyntaxError",
		"order 3: water, at minute 5",
	],
	"waiting-until-read": [
		"two receivers are open: true",
		"the kitchen has read order 100",
		"all that are open have read: false, missing: 1",
		"read by 1, and 1 has left without",
	],
	"wake-processes": [
		"workers notified: 3",
		"workers notified after a kill: 2",
		"worker 0 has used version 1000",
		"worker 1 has used version 1000",
	],
	"web-server-bun": webServer,
	"web-server-cluster": webServer,
};

const tasks = Object.keys(outputs);
/** What these pages are about exists in one runtime only. */
const ONLY_BUN = ["reloading", "web-server-bun"];
const ONLY_NODE = ["web-server-cluster"];

function node(): string[] {
	const binary = nodeBinary(24);
	if (!binary) throw new Error("there is no Node 24 here: set LIBIPC_NODE_24 to one");
	return [binary, "--disable-warning=ExperimentalWarning"];
}

const runtimesOf = (task: string): [name: string, command: string[]][] => [
	...(ONLY_NODE.includes(task) ? [] : [["Bun", [process.execPath]] satisfies [string, string[]]]),
	...(ONLY_BUN.includes(task) ? [] : [["Node", node()] satisfies [string, string[]]]),
];

const program = (task: string) => new URL(`examples/guide/${task}/main.ts`, root);

let running: ChildProcess | undefined;

function endGroup({ pid }: ChildProcess): void {
	if (pid === undefined) return;
	try {
		process.kill(-pid, "SIGKILL");
	} catch {
		// All have ended.
	}
}

/** Runs a program in a separate process group, so that its children can be ended with it. */
async function run(
	runtime: string,
	...program: string[]
): Promise<{ code: number | null; output: string[]; errors: string }> {
	const child = spawn(runtime, program, {
		cwd: root,
		// Each of its processes would strip the types of the sources again.
		env: { ...process.env, NODE_COMPILE_CACHE: fileURLToPath(new URL("build/node-cache", root)) },
		detached: true,
		stdio: ["ignore", "pipe", "pipe"],
	});
	running = child;
	let output = "";
	let errors = "";
	child.stdout.on("data", (chunk: Buffer) => {
		output += chunk;
	});
	child.stderr.on("data", (chunk: Buffer) => {
		errors += chunk;
	});
	// What it left running would keep its output open.
	child.on("exit", () => endGroup(child));
	const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
	return { code, output: output.trimEnd().split("\n"), errors };
}

afterEach(() => {
	if (!running) return;
	endGroup(running);
	const prefix = `guide-${running.pid}`;
	running = undefined;
	for (const { path } of list({ prefix })) rmSync(path);
});

test("every page has a program, and every program a page", () => {
	const pages = readdirSync(new URL("docs/guide", root)).map((page) => page.replace(/\.md$/, ""));
	expect(pages.filter((page) => page !== "README").sort()).toEqual(tasks);
	expect(readdirSync(new URL("examples/guide", root)).sort()).toEqual(tasks);
});

describe.each(tasks)("guide: %s", (task) => {
	test.each(runtimesOf(task))(
		"the program prints what it should in %s, and leaves nothing",
		async (_, command) => {
			const [runtime = "", ...flags] = command;
			const { code, output, errors } = await run(runtime, ...flags, program(task).pathname);
			expect({ code, output, errors }).toEqual({ code: 0, output: outputs[task] ?? [], errors: "" });
			expect(list({ prefix: `guide-${running?.pid}` })).toEqual([]);
		},
		300_000,
	);

	test("the page shows the program and its output as they are", async () => {
		const page = await Bun.file(new URL(`docs/guide/${task}.md`, root)).text();
		const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text }));
		expect(blocks.filter(({ language }) => language === "ts")).toEqual([
			{ language: "ts", text: await Bun.file(program(task)).text() },
		]);
		expect(blocks.filter(({ language }) => language === "text")).toEqual([
			{ language: "text", text: `${(outputs[task] ?? []).join("\n")}\n` },
		]);
	});
});
