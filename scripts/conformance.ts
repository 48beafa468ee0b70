/**
 * Runs the conformance suite on its instances: every engine in every runtime, with the test programs on threads or in
 * processes. Prints a table; the last line is the sum.
 *
 *   bun run conformance                                     everything
 *   bun run conformance --quick                             every file on bun-native-processes, a sample of the rest
 *   bun run conformance bun-native-threads node-22-sab-threads
 *   bun run conformance --files queue,views bun-native-processes
 *
 * One file on one instance: the last form. In Bun also, for bun-native-processes,
 * `bun test ./packages/conformance/src/queue.conformance.ts [-t title]`, and with LIBIPC_TRANSPORT=threads for
 * bun-native-threads.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { skip } from "../packages/conformance/src/skipped.ts";
import { denoBinary, MISSING_DENO } from "./deno_binary.ts";
import { emitSuite, emittedSuite } from "./emitted_suite.ts";
import { commandLine, wholeNumber } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { closingLine } from "./lib/sums.ts";
import { table } from "./lib/table.ts";
import { type NodeVersion, nodeBinary, nodeVersions } from "./node_binary.ts";

process.chdir(root);

/** An engine in a runtime, with a transport. */
interface Instance {
	readonly name: string;
	/** Runs one file of the suite; undefined: that runtime is not on this machine. */
	readonly command: ((file: string) => readonly string[]) | undefined;
	/** The Node that it needs, which runs {@link emittedSuite}. */
	readonly node?: NodeVersion;
	/** Why there is no command. */
	readonly missing?: string;
	readonly env: Readonly<Record<string, string>>;
	/** Another instance runs the same engine: {@link REPEATED_SCALE}. */
	readonly isRepeated?: boolean;
	/** The only files that it runs; without it, all. */
	readonly files?: readonly string[];
}

interface Skipped {
	readonly title: string;
	readonly reason: string;
	/** The title in the table of skipped cases that matched. */
	readonly entry: string;
}

interface Result {
	passed: number;
	failed: number;
	ms: number;
	readonly skipped: Skipped[];
}

interface Job {
	readonly instance: Instance;
	readonly file: string;
}

/** No file takes as long: what has not ended by then hangs. More terminations or Workers than usual take their time. */
const TIME_LIMIT_MS =
	240_000 + 2000 * Number(process.env.LIBIPC_TERMINATIONS ?? 0) + 6000 * Number(process.env.LIBIPC_WORKERS ?? 0);

/** The volume of cases with many messages in a quick run, see packages/testing/src/scale.ts. */
const QUICK_SCALE = 0.1;

/**
 * The volume in an instance whose engine another instance runs at full volume, in another runtime version or with another
 * transport. All of its cases run. What depends on the instance shows in few rounds; what takes many is in the engine.
 */
const REPEATED_SCALE = 0.1;

const source = "packages/conformance/src";
/** How long each job took the last time. The longest begin first. */
const TIMES = "build/conformance_times.json";
/** `LIBIPC_BUN` may be a Bun for another target; `RUNNER` then starts it and the programs of the tests, see test_targets.ts. */
const bun = process.env.LIBIPC_BUN ?? process.execPath;
const runner = (process.env.RUNNER ?? "").split(" ").filter(Boolean);

const nodeFlags = ["--disable-warning=ExperimentalWarning"];
const inBun = (file: string): readonly string[] => [...runner, bun, "test", `./${source}/${file}.ts`];
function inNode(version: NodeVersion): Instance["command"] {
	const binary = nodeBinary(version);
	return binary === undefined
		? undefined
		: (file) => [...runner, binary, ...nodeFlags, "--test-reporter=tap", `${emittedSuite}/${file}.js`];
}

const deno = denoBinary();
const inDeno = (file: string): readonly string[] => [
	...[deno ?? "", "test", "--allow-all", "--no-check", "--v8-flags=--expose-gc"],
	`${source}/${file}.ts`,
];

const native = { LIBIPC_PACKAGE: "libipc", LIBIPC_ENGINE: "native" };
const threads = { LIBIPC_TRANSPORT: "threads" };
const processes = { LIBIPC_TRANSPORT: "processes" };

/** For test programs of which every second one runs in another runtime than the test, see packages/testing/src/processes.ts. */
const programsIn = (command: readonly string[], from: string, to: string, extension: string) => ({
	LIBIPC_PROGRAMS: JSON.stringify({ command, from: root + from, to: root + to, extension }),
});
const node26 = nodeBinary(26) ?? "";

const conformance = (...names: readonly string[]): readonly string[] => names.map((name) => `${name}.conformance`);

/** What differs between versions of a runtime: Workers and their end, buffers of mapped memory, the event loop. */
const filesOfRuntime = conformance(
	...["async_wakeups", "collected", "given_back", "keeps_alive", "resources", "shared_memory", "terminated", "views"],
	...["wakers", "word_wait", "workers"],
);

/** What Node 22 runs between processes: files that start few programs. Node 24 and 26 run all files. */
const filesWithFewPrograms = [
	...filesOfRuntime,
	...conformance("fragments", "messages", "mutex", "peers", "prefix", "queue", "signals", "storage", "values"),
];

const instances: readonly Instance[] = [
	{ name: "bun-native-processes", command: inBun, env: { LIBIPC_PACKAGE: "libipc", ...processes } },
	{ name: "bun-native-threads", command: inBun, env: { LIBIPC_PACKAGE: "libipc", ...threads } },
	{
		name: "bun-sab-threads",
		command: inBun,
		isRepeated: true,
		env: { LIBIPC_PACKAGE: "@libipc/compat", ...threads },
	},
	...nodeVersions.map(
		(version): Instance => ({
			name: `node-${version}-sab-threads`,
			command: inNode(version),
			node: version,
			isRepeated: version !== 26,
			// Between the oldest and the newest version, what differs between versions.
			...(version === 24 ? { files: filesOfRuntime } : {}),
			env: { LIBIPC_PACKAGE: "libipc", LIBIPC_ENGINE: "sab", ...threads },
		}),
	),
	...nodeVersions.map(
		(version): Instance => ({
			name: `node-${version}-native-processes`,
			command: inNode(version),
			node: version,
			isRepeated: version !== 24,
			...(version === 22 ? { files: filesWithFewPrograms } : {}),
			env: { ...native, ...processes },
		}),
	),
	...nodeVersions.map(
		(version): Instance => ({
			name: `node-${version}-native-threads`,
			command: inNode(version),
			node: version,
			isRepeated: true,
			...(version === 26 ? {} : { files: filesOfRuntime }),
			env: { ...native, ...threads },
		}),
	),
	{
		name: "deno",
		command: deno === undefined ? undefined : inDeno,
		missing: MISSING_DENO,
		isRepeated: true,
		env: { ...native, ...processes, DENO_DIR: `${root}build/deno/cache`, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
	},
	{
		name: "bun-with-node-26-programs",
		command: node26 ? inBun : undefined,
		node: 26,
		isRepeated: true,
		env: {
			LIBIPC_PACKAGE: "libipc",
			...processes,
			...programsIn([node26, ...nodeFlags], source, emittedSuite, ".js"),
		},
	},
	{
		name: "node-26-with-bun-programs",
		command: inNode(26),
		node: 26,
		isRepeated: true,
		env: { ...native, ...processes, ...programsIn([bun], emittedSuite, source, ".ts") },
	},
];

/** Runs a command, and returns what it printed and how it ended. A command that takes too long is ended. */
const runTests = (command: readonly string[], env: Instance["env"]) =>
	run(command, {
		timeout: TIME_LIMIT_MS,
		// Each Worker and process loads the packages again, and would strip their types again.
		env: { LIBIPC_ENGINE: undefined, NODE_COMPILE_CACHE: "build/node-cache", ...env },
	});

/** The sum of the numbers that the last match of each expression has. */
function sum(output: string, ...expressions: readonly RegExp[]): number {
	return expressions.reduce(
		(total, expression) => total + Number([...output.matchAll(expression)].at(-1)?.[1] ?? 0),
		0,
	);
}

/** Reads the counts of bun test, node:test or deno test. */
function count(output: string, status: number): Omit<Result, "ms"> {
	const passed = sum(output, /^# pass (\d+)$/gm, /^ *(\d+) pass$/gm, /\| (\d+) passed /gm);
	const failed = sum(output, /^# fail (\d+)$/gm, /^# cancelled (\d+)$/gm, /^ *(\d+) fail$/gm, /\| (\d+) failed/gm);
	const skipped = [...output.matchAll(/^SKIPPED (.*)$/gm)].map(([, json]) => JSON.parse(json ?? "") as Skipped);
	// What is skipped in another way than by the table of the suite has failed.
	const unexplained = Math.max(
		0,
		sum(output, /^# skipped (\d+)$/gm, /^ *(\d+) skip$/gm, /\| (\d+) ignored/gm) - skipped.length,
	);
	const all = failed + unexplained;
	// What ends badly without naming a failed test, or runs no test, has failed.
	return { passed, skipped, failed: all > 0 ? all : Number(status !== 0 || passed + skipped.length === 0) };
}

const { flags, _ } = commandLine({
	name: "bun run conformance",
	parameters: ["[instances...]"],
	flags: {
		files: { type: String, placeholder: "<names>", description: "Only these files, separated by commas" },
		quick: { type: Boolean, description: "A subset and smaller volumes, for bun run test", default: false },
		lanes: {
			type: wholeNumber(1),
			placeholder: "<n>",
			description: "How many files run at the same time",
			// One more than processors: many tests wait for a timeout or another process most of the time.
			default: Math.min(2, availableParallelism()) + 1,
		},
	},
	help: { description: `Runs the conformance suite. Instances: ${instances.map(({ name }) => name).join(", ")}` },
});

function fail(message: string): never {
	console.error(message);
	process.exit(2);
}

const unknown = _.instances.filter((name) => !instances.some((instance) => instance.name === name));
if (unknown.length > 0)
	fail(`There is no instance ${unknown.join(", ")}. There are ${instances.map(({ name }) => name).join(", ")}.`);
const allFiles = readdirSync(source)
	.filter((file) => file.endsWith(".conformance.ts"))
	.map((file) => file.slice(0, -".ts".length))
	.sort();
const chosenFiles = flags.files?.split(",").map((name) => `${name.replace(/\.conformance(\.ts)?$/, "")}.conformance`);
const unknownFiles = chosenFiles?.filter((file) => !allFiles.includes(file)) ?? [];
if (unknownFiles.length > 0) fail(`There is no file ${unknownFiles.join(", ")}. There are ${allFiles.join(", ")}.`);
const files = chosenFiles ?? allFiles;
const wanted = instances.filter(({ name }) => _.instances.length === 0 || _.instances.includes(name));
const present = wanted.filter(({ command }) => command !== undefined);

const runs = ({ files }: Instance, file: string): boolean => files?.includes(file) ?? true;

/** In a quick run: all files on the first instance, and each file on one of the others, in turn. */
function isInSample({ instance, file }: Job): boolean {
	if (!flags.quick || instance === instances[0]) return true;
	const others = instances.slice(1).filter((other) => runs(other, file));
	return others[allFiles.indexOf(file) % others.length] === instance;
}

const jobs: Job[] = present
	.flatMap((instance) => files.map((file) => ({ instance, file })))
	.filter(({ instance, file }) => runs(instance, file))
	.filter(isInSample);

const keyOf = ({ instance, file }: Job) => `${instance.name} ${file}${flags.quick ? " quick" : ""}`;
function readTimes(): Record<string, number> {
	try {
		return JSON.parse(readFileSync(TIMES, "utf8")) as Record<string, number>;
	} catch {
		return {};
	}
}
const times = readTimes();
jobs.sort((a, b) => (times[keyOf(b)] ?? 0) - (times[keyOf(a)] ?? 0));

if (present.some(({ node }) => node !== undefined))
	await emitSuite().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));

const results = new Map(
	present.map(({ name }): [string, Result] => [name, { passed: 0, failed: 0, ms: 0, skipped: [] }]),
);
const scaleOf = ({ isRepeated }: Instance): number => (flags.quick ? QUICK_SCALE : isRepeated ? REPEATED_SCALE : 1);

/** What the failed files said. It is printed at the end, where the reader of a long log looks first. */
const failures: string[] = [];

/** Of the output of bun test or node:test: without the tests that passed. */
function failedTests(output: string): string {
	const blocks = [...output.matchAll(/^( *)not ok .*\n(?:\1 {2}---\n[\s\S]*?^\1 {2}\.\.\.\n)?/gm)].map(
		([text]) => text,
	);
	return blocks.length > 0 ? blocks.join("") : output.replaceAll(/^\(pass\) .*\n/gm, "");
}

/** Takes one job after another. More lanes than processors would disturb the times that cases measure. */
async function work(): Promise<void> {
	for (let job = jobs.shift(); job; job = jobs.shift()) {
		const { instance, file } = job;
		const started = performance.now();
		const { output, status } = await runTests(instance.command?.(file) ?? [], {
			...instance.env,
			LIBIPC_TEST_SCALE: process.env.LIBIPC_TEST_SCALE ?? String(scaleOf(instance)),
		});
		const ms = performance.now() - started;
		times[keyOf(job)] = Math.round(ms);
		const { passed, failed, skipped } = count(output, status);
		const result = results.get(instance.name);
		if (!result) continue;
		result.passed += passed;
		result.failed += failed;
		result.ms += ms;
		result.skipped.push(...skipped);
		const counts = [`${passed} passed`, `${failed} failed`, skipped.length > 0 && `${skipped.length} skipped`];
		console.log(`${instance.name} ${file}: ${counts.filter(Boolean).join(", ")}, ${(ms / 1000).toFixed(1)} s`);
		if (failed > 0) failures.push(`# ${instance.name} ${file}\n${failedTests(output)}`);
	}
}
const started = performance.now();
await Promise.all(Array.from({ length: flags.lanes }, work));
const wallSeconds = (performance.now() - started) / 1000;
mkdirSync("build", { recursive: true });
writeFileSync(TIMES, `${JSON.stringify(times, null, "\t")}\n`);

const rows: (string | number)[][] = [];
let passed = 0;
let failed = 0;
/** How many cases are skipped for each reason, by instance. */
const reasons = new Map<string, Map<string, number>>();
for (const [name, result] of results) {
	passed += result.passed;
	failed += result.failed;
	rows.push([name, result.passed, result.failed, result.skipped.length, Math.round(result.ms / 1000)]);
	for (const { reason } of result.skipped) {
		const counts = reasons.get(reason) ?? new Map<string, number>();
		counts.set(name, (counts.get(name) ?? 0) + 1);
		reasons.set(reason, counts);
	}
}
console.log(`\n${table(["instance", "passed", "failed", "skipped", "s"], rows)}`);
console.log(`${flags.lanes} at once, ${wallSeconds.toFixed(0)} s in all`);
for (const [reason, counts] of reasons)
	console.log(`skipped: ${reason}\n  ${[...counts].map(([name, number]) => `${name}: ${number}`).join(", ")}`);
if (!flags.quick && files === allFiles && present.length === instances.length) {
	const seen = new Set([...results.values()].flatMap(({ skipped }) => skipped.map(({ entry }) => entry)));
	for (const entry of skip.flatMap(({ cases }) => cases.map(String)))
		if (!seen.has(entry)) {
			failed++;
			console.log(`failed: packages/conformance/src/skipped.ts names cases that no file has: ${entry}`);
		}
}
for (const { command, name, node, missing } of wanted)
	if (!command)
		console.log(
			`${name} did not run, and is not counted: ${missing ?? `there is no Node ${node} from npm for this machine, or it could not be downloaded. Set LIBIPC_NODE_${node} to its path.`}`,
		);
if (failures.length > 0) console.log(`\n${failures.join("\n")}`);
console.log(`\n${closingLine({ passed, failed })}`);
process.exit(failed === 0 ? 0 : 1);
