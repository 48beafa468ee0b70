/**
 * Checks the libraries that `cross_compile.ts` has made, before they are published: what they export and need, the oldest system
 * that they run on, their names, and that they hold nothing of the machine that made them.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandLine } from "./lib/command_line.ts";
import { isNewer, problemsOf } from "./lib/library_problems.ts";
import { readSharedObject } from "./lib/read_shared_object.ts";
import { root } from "./lib/repository.ts";
import { must } from "./lib/run.ts";
import { table } from "./lib/table.ts";
import { filesOf, targets } from "./lib/targets.ts";

const { flags } = commandLine({
	name: "bun scripts/check_libraries.ts",
	flags: {
		again: {
			type: Boolean,
			description: "compile everything a second time, with empty caches, and compare each byte",
			default: false,
		},
	},
	help: {
		description:
			"Checks the libraries in native/build/cross, which bun scripts/cross_compile.ts has made: exports, needs, oldest system, names, and that they can be made again.",
	},
});
process.chdir(root);

const FOLDER = "native/build/cross";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Compiles all libraries with caches that are empty; returns their folder. */
async function compileAgain(): Promise<string> {
	const folder = mkdtempSync(join(tmpdir(), "libipc-again-"));
	await must([process.execPath, "scripts/cross_compile.ts", "--output", `${folder}/out`], {
		env: { ZIG_GLOBAL_CACHE_DIR: `${folder}/global`, ZIG_LOCAL_CACHE_DIR: `${folder}/local` },
	});
	return folder;
}

const again = flags.again ? await compileAgain() : undefined;
const rows: (string | number)[][] = [];
const failures: string[] = [];
for (const target of targets) {
	for (const file of filesOf(target)) {
		const path = `${FOLDER}/${target.name}/${file}`;
		if (!existsSync(path)) {
			failures.push(`${path} is missing: bun scripts/cross_compile.ts makes it`);
			continue;
		}
		const bytes = readFileSync(path);
		const object = readSharedObject(bytes);
		const problems = problemsOf(target, file, bytes, object);
		if (again !== undefined && sha256(readFileSync(`${again}/out/${target.name}/${file}`)) !== sha256(bytes))
			problems.push("differs when it is made again");
		failures.push(...problems.map((problem) => `${path} ${problem}`));
		const newest = [...object.versions].sort((a, b) => (isNewer(a, b) ? -1 : 1))[0] ?? "-";
		const { length: exports } = object.exported;
		rows.push([target.name, file, bytes.byteLength, exports, newest, object.name ?? "-", object.needed.join(" ")]);
	}
}
if (again !== undefined) rmSync(again, { recursive: true });

console.log(table(["target", "file", "bytes", "exports", "newest version", "name", "needs"], rows));
for (const failure of failures) console.error(failure);
console.log(`${rows.length} files, ${failures.length} problems${flags.again ? "; made twice, and compared" : ""}`);
process.exitCode = failures.length === 0 ? 0 : 1;
