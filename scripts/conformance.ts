/**
 * Runs the conformance suite on every engine in every runtime and prints a table. The last line is the sum.
 *
 *   bun run conformance                          everything
 *   bun run conformance node-22-sab bun-native   these pairs
 *   bun run conformance --files messages,queue   these files
 */
import { spawn } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeBinary, nodeVersions } from "./node_binary.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/** An engine in a runtime. */
interface Pair {
	readonly engine: "native" | "sab";
	readonly runtime: string;
	/** Runs one file of the suite; undefined: that runtime is not on this machine. */
	readonly command: ((file: string) => readonly string[]) | undefined;
	readonly env: Readonly<Record<string, string>>;
}

interface Counts {
	passed: number;
	failed: number;
}

/** No file takes as long: what has not ended by then hangs. More terminations than usual take their time. */
const PATIENCE_MS = 240_000 + 2000 * Number(process.env.LIBIPC_TERMINATIONS ?? 0);

const source = "packages/conformance/src";
const bun = process.execPath;

function node(version: (typeof nodeVersions)[number]): Pair["command"] {
	const binary = nodeBinary(version);
	return binary === undefined
		? undefined
		: (file) => [binary, "--test-reporter=tap", `build/emit/conformance/src/${file}.js`];
}

const inBun = (file: string) => [bun, "test", `./${source}/${file}.ts`];

const pairs: readonly Pair[] = [
	{ engine: "native", runtime: "bun", command: inBun, env: { LIBIPC_PACKAGE: "libipc" } },
	{ engine: "sab", runtime: "bun", command: inBun, env: { LIBIPC_PACKAGE: "@libipc/compat" } },
	...nodeVersions.map(
		(version): Pair => ({
			engine: "sab",
			runtime: `node-${version}`,
			command: node(version),
			env: { LIBIPC_PACKAGE: "libipc", LIBIPC_ENGINE: "sab" },
		}),
	),
	{
		engine: "native",
		runtime: "node-26",
		command: node(26),
		env: { LIBIPC_PACKAGE: "libipc", LIBIPC_ENGINE: "native" },
	},
];

const nameOf = ({ runtime, engine }: Pair) => `${runtime}-${engine}`;

/** Runs a command and answers what it printed and how it ended; after a while it is killed. */
function run(
	[program = "", ...args]: readonly string[],
	env: Pair["env"],
): Promise<{ output: string; status: number }> {
	return new Promise((resolve, reject) => {
		const inherited = { ...process.env };
		delete inherited.LIBIPC_ENGINE;
		// Each Worker loads the packages anew, and would strip their types anew.
		inherited.NODE_COMPILE_CACHE = "build/node-cache";
		const child = spawn(program, args, {
			stdio: ["ignore", "pipe", "pipe"],
			env: { ...inherited, LIBIPC_TRANSPORT: "threads", ...env },
		});
		let output = "";
		const patience = setTimeout(() => {
			output += `\nkilled: it has not ended within ${PATIENCE_MS / 1000} s\n`;
			child.kill("SIGKILL");
		}, PATIENCE_MS);
		child.stdout.on("data", (chunk: Buffer) => {
			output += chunk;
		});
		child.stderr.on("data", (chunk: Buffer) => {
			output += chunk;
		});
		child.on("error", reject);
		child.on("close", (status) => {
			clearTimeout(patience);
			resolve({ output, status: status ?? 1 });
		});
	});
}

/** The sum of the numbers that the last match of each expression has. */
function sum(output: string, ...expressions: readonly RegExp[]): number {
	return expressions.reduce(
		(total, expression) => total + Number([...output.matchAll(expression)].at(-1)?.[1] ?? 0),
		0,
	);
}

/** What bun test or node:test say they have counted. */
function count(output: string, status: number): Counts {
	const passed = sum(output, /^# pass (\d+)$/gm, /^ *(\d+) pass$/gm);
	const failed = sum(output, /^# fail (\d+)$/gm, /^# cancelled (\d+)$/gm, /^# skipped (\d+)$/gm, /^ *(\d+) fail$/gm);
	// What ends badly without naming a failed test, or runs no test, has failed.
	return { passed, failed: failed > 0 ? failed : Number(status !== 0 || passed === 0) };
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { files: { type: "string" } } });
const unknown = positionals.filter((name) => !pairs.some((pair) => nameOf(pair) === name));
if (unknown.length > 0) {
	console.error(`There is no pair ${unknown.join(", ")}. There are ${pairs.map(nameOf).join(", ")}.`);
	process.exit(2);
}
const files = readdirSync(source)
	.filter((file) => file.endsWith(".conformance.ts"))
	.map((file) => file.slice(0, -".ts".length))
	.filter((file) => values.files === undefined || values.files.split(",").includes(file.split(".")[0] ?? ""));
const wanted = pairs.filter((pair) => positionals.length === 0 || positionals.includes(nameOf(pair)));

rmSync("build/emit", { recursive: true, force: true });
const emitted = await run([bun, "x", "tsc", "-p", "tsconfig.emit.json"], {});
if (emitted.status !== 0) {
	console.error(emitted.output);
	process.exit(1);
}

const results = new Map(wanted.map((pair) => [pair, { passed: 0, failed: 0, ms: 0 }]));
const jobs = wanted.flatMap((pair) =>
	pair.command ? files.map((file) => ({ pair, file, command: pair.command })) : [],
);

/** Takes one job after another. Two at once: each has threads of its own, and times that it wants kept. */
async function work(): Promise<void> {
	for (let job = jobs.shift(); job; job = jobs.shift()) {
		const { pair, file, command } = job;
		const started = performance.now();
		const { output, status } = await run(command?.(file) ?? [], pair.env);
		const ms = performance.now() - started;
		const { passed, failed } = count(output, status);
		const result = results.get(pair);
		if (!result) continue;
		result.passed += passed;
		result.failed += failed;
		result.ms += ms;
		console.log(`${nameOf(pair)} ${file}: ${passed} passed, ${failed} failed, ${(ms / 1000).toFixed(1)} s`);
		if (failed > 0) console.log(output);
	}
}
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));

const runtimes = [...new Set(wanted.map(({ runtime }) => runtime))];
const cell = (engine: string, runtime: string): string => {
	const pair = wanted.find((each) => each.engine === engine && each.runtime === runtime);
	if (!pair) return "";
	const result = results.get(pair);
	return pair.command && result ? `${result.passed} / ${result.failed}` : "not here";
};
const row = (cells: readonly string[]) => console.log(cells.map((text) => text.padEnd(14)).join(""));
console.log("\npassed / failed");
row(["", ...runtimes]);
for (const engine of ["native", "sab"]) row([engine, ...runtimes.map((runtime) => cell(engine, runtime))]);
for (const { command, runtime } of wanted)
	if (!command)
		console.log(
			`There is no ${runtime} on this machine, and nothing was counted for it: npm has it for Linux on x64 (bun install), elsewhere set ${`LIBIPC_${runtime.replace("-", "_")}`.toUpperCase()} to one.`,
		);

let passed = 0;
let failed = 0;
for (const result of results.values()) {
	passed += result.passed;
	failed += result.failed;
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
