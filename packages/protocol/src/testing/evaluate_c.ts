import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commonFlags, findCompiler } from "../../../../scripts/lib/toolchain.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

/** Compiles a C program with the library's headers and sources at hand; returns what it prints, line by line. */
export function runC(source: string, sources: readonly string[] = []): string[] {
	const directory = mkdtempSync(join(tmpdir(), "libipc-agreement-"));
	try {
		const file = join(directory, "program.c");
		const program = join(directory, "program");
		writeFileSync(file, source);
		const compiled = spawnSync(findCompiler(), [...commonFlags, file, ...sources, "-o", program], {
			cwd: ROOT,
			encoding: "utf8",
		});
		if (compiled.status !== 0) throw new Error(compiled.stderr);
		const { status, stdout, stderr } = spawnSync(program, { encoding: "utf8" });
		if (status !== 0) throw new Error(`the program ended with ${status}: ${stderr}`);
		return stdout.trim().split("\n");
	} finally {
		rmSync(directory, { recursive: true });
	}
}

/** An expression of C and the value that TypeScript has for it. */
export type Agreed = readonly [expression: string, value: number];

/** Those of them for which C has another value, as text; nothing if both agree. */
export function disagreements(headers: readonly string[], agreed: readonly Agreed[]): string[] {
	const values = runC(`#include <stddef.h>
#include <stdio.h>
${headers.map((header) => `#include "${header}"`).join("\n")}
int main(void) {
${agreed.map(([expression]) => `  printf("%.0f\\n", (double)(${expression}));`).join("\n")}
  return 0;
}
`).map(Number);
	return agreed.flatMap(([expression, value], i) =>
		values[i] === value ? [] : [`${expression} is ${values[i]} in C and ${value} in TypeScript`],
	);
}

/** `aName` as C writes it: `a_name`. */
export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The offsets of a structure's fields. */
export const offsets = (type: string, fields: Readonly<Record<string, number>>): Agreed[] =>
	Object.entries(fields).map(([name, offset]) => [`offsetof(${type}, ${snake(name)})`, offset]);

/** The numbers of an enumeration. */
export const numbers = (prefix: string, values: Readonly<Record<string, number>>): Agreed[] =>
	Object.entries(values).map(([name, value]) => [`${prefix}${snake(name).toUpperCase()}`, value]);
