import { afterAll, afterEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { list } from "libipc";
import { nodeBinary } from "../../../scripts/node_binary.ts";

/** The TypeScript blocks of the pages for users have correct types, and those of the README run and print what it says. */
const root = new URL("../../../", import.meta.url);
/** Inside the repository, so that the programs find the packages by their names. */
const folder = new URL(`build/snippets-${process.pid}/`, root);
const prefix = `readme-${process.pid}`;

const PAGES = ["README.md", "docs/node.md", "docs/security.md"];

function snippetsOf(page: string): string[] {
	return [...readFileSync(new URL(page, root), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
}

/** The one snippet of the README that contains this text. */
function snippetWith(text: string): string {
	const found = snippetsOf("README.md").filter((snippet) => snippet.includes(text));
	expect(found).toHaveLength(1);
	return found[0] ?? "";
}

/** Gives a snippet names of its own: other programs may use those of the README at the same time. */
function renamed(snippet: string): string {
	const code = snippet.includes('prefix: "shop"')
		? snippet.replaceAll('prefix: "shop"', `prefix: "${prefix}"`)
		: snippet.replaceAll(/\.(sender|receiver|open)\("/g, `.$1("${prefix}-`);
	expect(code).not.toBe(snippet);
	return code;
}

function writeProgram(file: string, code: string): string {
	const path = new URL(file, folder);
	mkdirSync(new URL(".", path), { recursive: true });
	writeFileSync(path, code);
	return fileURLToPath(path);
}

interface Result {
	readonly code: number | null;
	readonly output: string[];
	readonly errors: string;
}

const started: ChildProcess[] = [];

function run(command: readonly string[]): Promise<Result> {
	const [program = "", ...args] = command;
	const child = spawn(program, args, { cwd: fileURLToPath(root), stdio: ["ignore", "pipe", "pipe"] });
	started.push(child);
	let output = "";
	let errors = "";
	child.stdout.on("data", (chunk: Buffer) => {
		output += chunk;
	});
	child.stderr.on("data", (chunk: Buffer) => {
		errors += chunk;
	});
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code) => resolve({ code, output: output.split("\n").slice(0, -1), errors }));
	});
}

const printed = (...output: string[]): Result => ({ code: 0, output, errors: "" });

/** What the names of this test have left in the system. */
const leftBehind = () => list().filter((listed) => listed.prefix === prefix || listed.name.startsWith(`${prefix}-`));

afterEach(() => {
	for (const child of started.splice(0)) child.kill("SIGKILL");
	for (const { path } of leftBehind()) rmSync(path, { force: true });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function node(version: 24 | 26): string[] {
	const binary = nodeBinary(version);
	if (!binary) throw new Error(`Node ${version} is not installed: set LIBIPC_NODE_${version} to its path`);
	return [binary, "--disable-warning=ExperimentalWarning"];
}

/** Runtimes that have `using`. In Node 24 the programs run on the SharedArrayBuffer engine. */
const runtimes: [name: string, command: string[]][] = [
	["Bun", [process.execPath]],
	["Node-24", node(24)],
	["Node-26", node(26)],
];

/** The programs of the README that are one process: a text that only they contain, and what they print. */
const programs: [text: string, output: string[]][] = [
	['Channel.sender("recent"', ["false", "true true"]],
	["Queue.sender", ["resize cat.png", "resize dog.png"]],
	["list({", ["channel log live 2", "receiver joined"]],
	["SharedMemory.open", ["not-equal", "9"]],
];

test("the snippets of the pages have correct types", async () => {
	const files = PAGES.flatMap((page) =>
		snippetsOf(page).map((snippet, i) => writeProgram(`types/${page.replace(/\W/g, "_")}_${i + 1}.ts`, snippet)),
	);
	expect(files.length).toBeGreaterThanOrEqual(9);
	const config = { extends: fileURLToPath(new URL("tsconfig.json", root)), include: ["*.ts"] };
	const project = writeProgram("types/tsconfig.json", JSON.stringify(config));
	const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", root));
	expect(await run([process.execPath, tsc, "-p", project])).toEqual(printed());
}, 60_000);

test("every snippet of the README is run", () => {
	const texts = ["Route.sender", "Route.receiver", ...programs.map(([text]) => text)];
	expect(texts.map(snippetWith).sort()).toEqual(snippetsOf("README.md").sort());
});

test.each(runtimes.filter(([name]) => name !== "Node-24"))(
	"README: %s processes publish and listen",
	async (name, command) => {
		const sender = writeProgram(`${name}/publish.ts`, renamed(snippetWith("Route.sender")));
		const receiver = writeProgram(`${name}/listen.ts`, renamed(snippetWith("Route.receiver")));
		const [sent, received] = await Promise.all([run([...command, sender]), run([process.execPath, receiver])]);
		expect(sent).toEqual(printed());
		expect(received).toEqual(
			printed("BUN 42.17", "Uint8Array(3) [ 1, 2, 3 ]", "66 9", "66 9", "52428800", "262144", "null"),
		);
		expect(leftBehind()).toEqual([]);
	},
	60_000,
);

test.each(runtimes.flatMap(([name, command]) => programs.map(([text, output]) => ({ name, command, text, output }))))(
	"README in $name: the program with $text",
	async ({ name, command, text, output }) => {
		const program = writeProgram(`${name}/program.ts`, renamed(snippetWith(text)));
		expect(await run([...command, program])).toEqual(printed(...output));
		expect(leftBehind()).toEqual([]);
	},
	60_000,
);
