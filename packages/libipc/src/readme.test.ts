import { afterAll, afterEach, expect, test } from "bun:test";
import { type NodeVersion, nodeBinary } from "../../../scripts/node_binary.ts";
import { printed, Snippets, textOf } from "./testing/snippets.ts";

/**
 * The blocks of JavaScript and TypeScript of the pages for users have correct types, and those of the README and of "Using
 * libipc" run and print what the pages say.
 */
const snippets = new Snippets("readme");

const PAGES = [
	"README.md",
	"docs/install.md",
	"docs/using.md",
	"docs/node.md",
	"docs/c.md",
	"docs/security.md",
	"docs/troubleshooting.md",
	"docs/errors.md",
];

function snippetsOf(page: string): string[] {
	return [...textOf(page).matchAll(/^```[jt]s\n(.*?)^```$/gms)].map(([, code = ""]) => code);
}

/** The one snippet of a page that contains this text. */
function snippetWith(page: string, text: string): string {
	const found = snippetsOf(page).filter((snippet) => snippet.includes(text));
	expect(found).toHaveLength(1);
	return found[0] ?? "";
}

function renamed(snippet: string): string {
	const code = snippets.renamed(snippet);
	expect(code).not.toBe(snippet);
	return code;
}

afterEach(() => snippets.clean());

afterAll(() => snippets.remove());

type Runtime = readonly [name: string, command: readonly string[]];

function node(version: NodeVersion): Runtime {
	const binary = nodeBinary(version);
	if (!binary) throw new Error(`Node ${version} is not installed: set LIBIPC_NODE_${version} to its path`);
	return [`Node-${version}`, [binary, "--disable-warning=ExperimentalWarning"]];
}

const bun: Runtime = ["Bun", [process.execPath]];

/** Runtimes that have `using`: docs/using.md. */
const runtimes: readonly Runtime[] = [bun, node(24), node(26)];

/** The programs of the README that are one process: a text that only they contain, and what they print. */
const readmePrograms: [text: string, output: string[]][] = [
	["defineChannel", ["espresso"]],
	["Service.serve", ["42.17", "BUN on day 1", "BUN on day 2", "100"]],
];

/** The programs of docs/using.md that are one process: a text that only they contain, and what they print. */
const programs: [text: string, output: string[]][] = [
	['Channel.sender("recent"', ["false", "no-receivers", "true true"]],
	["Queue.sender", ["resize cat.png", "resize dog.png"]],
	["list({", ["channel log live 2", "receiver joined"]],
	["SharedMemory.open", ["not-equal", "9", "3", "5 2", "5"]],
];

test("the snippets of the pages have correct types", async () => {
	const programs = new Map(
		PAGES.flatMap((page) => snippetsOf(page).map((snippet, i) => [`${page.replace(/\W/g, "_")}_${i + 1}`, snippet])),
	);
	expect(programs.size).toBeGreaterThanOrEqual(9);
	expect(await snippets.checkTypes(programs)).toEqual(printed());
}, 300_000);

test("every snippet of the README and of docs/using.md is run", () => {
	const pairs = ["Route.sender", "Route.receiver"];
	for (const [page, texts] of [
		["README.md", [...pairs, ...readmePrograms.map(([text]) => text)]],
		["docs/using.md", [...pairs, ...programs.map(([text]) => text)]],
	] as const)
		expect(texts.map((text) => snippetWith(page, text)).sort()).toEqual(snippetsOf(page).sort());
});

test("docs/errors.md in Bun: the program", async () => {
	const program = snippets.write("errors.ts", renamed(snippetWith("docs/errors.md", "IpcError")));
	expect(await snippets.run([...bun[1], program])).toEqual(printed("ERR_IPC_HAS_SENDER"));
	expect(snippets.leftBehind()).toEqual([]);
});

/** Runs the sender of a page in a runtime, with a receiver in another one. */
async function exchange(page: string, file: string, sender: Runtime, receiver: Runtime) {
	const name = `${sender[0]}-to-${receiver[0]}`;
	const publish = snippets.write(`${name}/publish.${file}`, renamed(snippetWith(page, "Route.sender")));
	const listen = snippets.write(`${name}/listen.${file}`, renamed(snippetWith(page, "Route.receiver")));
	const [sent, received] = await Promise.all([
		snippets.run([...sender[1], publish]),
		snippets.run([...receiver[1], listen]),
	]);
	expect(sent).toEqual(printed());
	expect(snippets.leftBehind()).toEqual([]);
	return received;
}

test.each([bun, node(22), node(24), node(26)].map((runtime) => [runtime[0], runtime] as const))(
	"README: %s processes publish to Bun and listen to it",
	async (_, runtime) => {
		const output = printed("BUN 42.17", "BUN 42.21", "end");
		expect(await exchange("README.md", "mjs", runtime, bun)).toEqual(output);
		expect(await exchange("README.md", "mjs", bun, runtime)).toEqual(output);
	},
	300_000,
);

test.each(runtimes.map((runtime) => [runtime[0], runtime] as const))(
	"docs/using.md: %s processes publish to Bun",
	async (_, runtime) => {
		const output = ["BUN 42.17", "Uint8Array(3) [ 1, 2, 3 ]", "66 9", "66 9", "52428800", "262144", "null"];
		expect(await exchange("docs/using.md", "ts", runtime, bun)).toEqual(printed(...output));
	},
	300_000,
);

test.each(
	runtimes.flatMap(([name, command]) => readmePrograms.map(([text, output]) => ({ name, command, text, output }))),
)("README in $name: the program with $text", async ({ name, command, text, output }) => {
	const program = snippets.write(`${name}/${text}.ts`, renamed(snippetWith("README.md", text)));
	expect(await snippets.run([...command, program])).toEqual(printed(...output));
	expect(snippets.leftBehind()).toEqual([]);
});

test.each(runtimes.flatMap(([name, command]) => programs.map(([text, output]) => ({ name, command, text, output }))))(
	"docs/using.md in $name: the program with $text",
	async ({ name, command, text, output }) => {
		const program = snippets.write(`${name}/program.ts`, renamed(snippetWith("docs/using.md", text)));
		expect(await snippets.run([...command, program])).toEqual(printed(...output));
		expect(snippets.leftBehind()).toEqual([]);
	},
	300_000,
);
