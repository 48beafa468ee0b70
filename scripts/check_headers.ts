/**
 * The public C headers: each compiles by itself as the oldest C and C++ that they support, and `libipc.h`, which includes all
 * of them, as the later ones. A C++ program finds the functions under their C names, and the comment of each function has
 * the parts that `status.h` promises. Where there is no C++ compiler, it says so and checks the rest.
 *
 *   bun scripts/check_headers.ts
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler } from "./lib/toolchain.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const PARTS = ["Returns:", "Fails with:", "Called by:", "Order:"];
/** Of {@link standards}, the first one is for each header. */
const standards = {
	c: ["c99", "c11"],
	"c++": ["c++11", "c++17", "c++20"],
};
const WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-pedantic"];
const WHOLE = "native/include/libipc/libipc.h";
const headers = globSync("native/include/libipc/*.h").sort();
const problems: string[] = [];

function compile(compiler: string, header: string, language: keyof typeof standards, standard: string): void {
	const flags = ["-x", language, `-std=${standard}`];
	const { status, stderr } = spawnSync(compiler, [...flags, ...WARNINGS, "-Inative/include", "-fsyntax-only", "-"], {
		input: `#include "libipc/${basename(header)}"\n`,
		encoding: "utf8",
	});
	if (status !== 0) problems.push(`${header} does not compile with ${compiler} ${flags.join(" ")}:\n${stderr}`);
}

function compileAll(compiler: string, language: keyof typeof standards): void {
	const [oldest = "", ...later] = standards[language];
	for (const header of headers) compile(compiler, header, language, oldest);
	for (const standard of later) compile(compiler, WHOLE, language, standard);
}

/** Declarations outside of `extern "C"` compile as C++ too, and then no C++ program links. */
function checkLinkage(header: string, text: string): void {
	const begin = text.indexOf('extern "C" {');
	const end = text.lastIndexOf("#ifdef __cplusplus\n}");
	const first = text.search(/^IPC_API /m);
	if (first >= 0 && !(begin >= 0 && begin < first && text.lastIndexOf("\nIPC_API ") < end))
		problems.push(`${header}: a function is declared outside of extern "C"`);
}

/** A function's comment stands directly above it; functions in one block share one. */
function checkComments(header: string, text: string): void {
	let comment = "";
	for (const block of text.split(/(?=\/\*)/)) {
		const end = block.indexOf("*/");
		if (end < 0) continue;
		comment = block.slice(0, end);
		const name = /^IPC_API [^;(]*?(\w+)\(/m.exec(block.slice(end))?.[1];
		if (name === undefined) continue;
		const missing = PARTS.filter((part) => !comment.includes(`* ${part}`));
		if (missing.length > 0) problems.push(`${header}: the comment of ${name}() lacks "${missing.join('", "')}"`);
	}
}

const cpp = process.env.CXX ?? ["c++", "g++", "clang++"].find((name) => spawnSync(name, ["--version"]).status === 0);
compileAll(findCompiler(), "c");
if (cpp) compileAll(cpp, "c++");
const whole = readFileSync(WHOLE, "utf8");
for (const header of headers) {
	const text = readFileSync(header, "utf8");
	checkLinkage(header, text);
	checkComments(header, text);
	if (header !== WHOLE && !whole.includes(`#include "${basename(header)}"`))
		problems.push(`${WHOLE} does not include ${basename(header)}`);
}
for (const problem of problems) console.error(problem);
console.log(
	`${headers.length} headers, ${problems.length} problems${cpp ? "" : "; not compiled as C++: there is no C++ compiler here"}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
