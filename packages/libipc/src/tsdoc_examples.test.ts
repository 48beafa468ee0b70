import { afterAll, afterEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { printed, root, Snippets, textOf } from "./testing/snippets.ts";

/**
 * The examples in the comments of the public API have correct types, and each of them runs, ends, and prints what its comments
 * say after `console.log(…);`.
 */
const snippets = new Snippets("tsdoc");

/** The folders with the sources of the public API. The command `libipc` is not a part of it. */
const FOLDERS = ["packages/core/src", "packages/libipc/src", "packages/protocol/src"];

/** The code of each `@example`: to the next tag or the end of the comment. */
function examplesOf(source: string): string[] {
	return [...source.matchAll(/^[ \t]*\/\*\*$(.*?)^[ \t]*\*\/$/gms)].flatMap(([, comment = ""]) =>
		comment
			.replaceAll(/^[ \t]*\* ?/gm, "")
			.split(/^@(?=[a-z])/m)
			.filter((part) => part.startsWith("example\n"))
			.map((part) => `${part.slice("example\n".length).trim()}\n`),
	);
}

const examples = new Map(
	FOLDERS.flatMap((folder) =>
		readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
			.filter((file) => file.endsWith(".ts") && !/\.test\.ts$|testing\/|^cli\//.test(file))
			.sort()
			.flatMap((file) =>
				examplesOf(textOf(`${folder}/${file}`)).map((code, i): [string, string] => [
					`${folder.split("/")[1]}_${file.replace(/\.ts$/, "").replaceAll(/\W/g, "_")}_${i + 1}`,
					code,
				]),
			),
	),
);

/** What an example prints: a comment after each `console.log(…);`. Of a loop that prints nothing here, there is none. */
const expectedOutput = (code: string): string[] =>
	[...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line = ""]) => line);

afterEach(() => snippets.clean());

afterAll(() => snippets.remove());

// `bun run docs` checks that each call has one.
test("the examples are found, and import the package as users do", () => {
	expect(examples.size).toBeGreaterThanOrEqual(90);
	for (const code of examples.values()) expect(code).toMatch(/from "libipc(\/web|\/service)?";/);
});

test("the examples have correct types", async () => {
	expect(await snippets.checkTypes(examples)).toEqual(printed());
}, 300_000);

test("the examples run, end, and print what they say", async () => {
	const names = [...examples.keys()];
	for (const [name, code] of examples) snippets.write(`run/${name}.ts`, snippets.renamed(code));
	const lines = names.map((name) => `console.log("# ${name}");\nawait import("./${name}.ts");`);
	const program = snippets.write("run/all.ts", `${lines.join("\n")}\nprocess.exit(0);\n`);
	const expected = [...examples].flatMap(([name, code]) => [`# ${name}`, ...expectedOutput(code)]);
	expect(await snippets.run([process.execPath, program])).toEqual(printed(...expected));
	expect(snippets.leftBehind()).toEqual([]);
}, 300_000);
