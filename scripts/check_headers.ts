/**
 * The public C headers: each compiles by itself as C11 and as C++17, and the comment of each function has the parts that
 * `status.h` promises. Where there is no C++ compiler, it says so and checks the rest.
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
const headers = globSync("native/include/libipc/*.h").sort();
const problems: string[] = [];

function compile(compiler: string, header: string, ...flags: readonly string[]): void {
	const { status, stderr } = spawnSync(
		compiler,
		[...flags, "-Wall", "-Wextra", "-Werror", "-pedantic", "-Inative/include", "-fsyntax-only", "-"],
		{ input: `#include "libipc/${basename(header)}"\n`, encoding: "utf8" },
	);
	if (status !== 0) problems.push(`${header} does not compile with ${compiler} ${flags.join(" ")}:\n${stderr}`);
}

/** A function's comment stands directly above it; functions in one block share one. */
function checkComments(header: string): void {
	let comment = "";
	for (const block of readFileSync(header, "utf8").split(/(?=\/\*)/)) {
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
for (const header of headers) {
	compile(findCompiler(), header, "-std=c11", "-x", "c");
	if (cpp) compile(cpp, header, "-std=c++17", "-x", "c++");
	checkComments(header);
}
for (const problem of problems) console.error(problem);
console.log(
	`${headers.length} headers, ${problems.length} problems${cpp ? "" : "; not compiled as C++17: there is no C++ compiler here"}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
