import { afterAll, afterEach, expect, test } from "bun:test";
import { nodeBinary } from "../../../scripts/node_binary.ts";
import { printed, Snippets, textOf } from "./testing/snippets.ts";

/** The TypeScript blocks of the pages for users have correct types, and those of the README run and print what it says. */
const snippets = new Snippets("readme");

const PAGES = ["README.md", "docs/node.md", "docs/security.md", "docs/troubleshooting.md"];

function snippetsOf(page: string): string[] {
	return [...textOf(page).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
}

/** The one snippet of the README that contains this text. */
function snippetWith(text: string): string {
	const found = snippetsOf("README.md").filter((snippet) => snippet.includes(text));
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

function node(version: 24 | 26): string[] {
	const binary = nodeBinary(version);
	if (!binary) throw new Error(`Node ${version} is not installed: set LIBIPC_NODE_${version} to its path`);
	return [binary, "--disable-warning=ExperimentalWarning", "--disable-warning=IPC_BETWEEN_THREADS"];
}

/** Runtimes that have `using`. In Node 24 the programs run on the SharedArrayBuffer engine. */
const runtimes: [name: string, command: string[]][] = [
	["Bun", [process.execPath]],
	["Node-24", node(24)],
	["Node-26", node(26)],
];

/** The programs of the README that are one process: a text that only they contain, and what they print. */
const programs: [text: string, output: string[]][] = [
	['Channel.sender("recent"', ["false", "no-receivers", "true true"]],
	["Queue.sender", ["resize cat.png", "resize dog.png"]],
	["list({", ["channel log live 2", "receiver joined"]],
	["SharedMemory.open", ["not-equal", "9"]],
];

test("the snippets of the pages have correct types", async () => {
	const programs = new Map(
		PAGES.flatMap((page) => snippetsOf(page).map((snippet, i) => [`${page.replace(/\W/g, "_")}_${i + 1}`, snippet])),
	);
	expect(programs.size).toBeGreaterThanOrEqual(9);
	expect(await snippets.checkTypes(programs)).toEqual(printed());
}, 60_000);

test("every snippet of the README is run", () => {
	const texts = ["Route.sender", "Route.receiver", ...programs.map(([text]) => text)];
	expect(texts.map(snippetWith).sort()).toEqual(snippetsOf("README.md").sort());
});

test.each(runtimes.filter(([name]) => name !== "Node-24"))(
	"README: %s processes publish and listen",
	async (name, command) => {
		const sender = snippets.write(`${name}/publish.ts`, renamed(snippetWith("Route.sender")));
		const receiver = snippets.write(`${name}/listen.ts`, renamed(snippetWith("Route.receiver")));
		const [sent, received] = await Promise.all([
			snippets.run([...command, sender]),
			snippets.run([process.execPath, receiver]),
		]);
		expect(sent).toEqual(printed());
		expect(received).toEqual(
			printed("BUN 42.17", "Uint8Array(3) [ 1, 2, 3 ]", "66 9", "66 9", "52428800", "262144", "null"),
		);
		expect(snippets.leftBehind()).toEqual([]);
	},
	60_000,
);

test.each(runtimes.flatMap(([name, command]) => programs.map(([text, output]) => ({ name, command, text, output }))))(
	"README in $name: the program with $text",
	async ({ name, command, text, output }) => {
		const program = snippets.write(`${name}/program.ts`, renamed(snippetWith(text)));
		expect(await snippets.run([...command, program])).toEqual(printed(...output));
		expect(snippets.leftBehind()).toEqual([]);
	},
	60_000,
);
