/**
 * Checks the libraries that `cross_compile.ts` has made, before they are published: what they export and need, the oldest system
 * that they run on, their names, and that they hold nothing of the machine that made them.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { abiFunctions } from "./lib/abi_functions.ts";
import { commandLine } from "./lib/command_line.ts";
import { readSharedObject } from "./lib/read_shared_object.ts";
import { root } from "./lib/repository.ts";
import { must } from "./lib/run.ts";
import type { SharedObject } from "./lib/shared_object.ts";
import { table } from "./lib/table.ts";
import { ADDON, filesOf, GLIBC_FLOOR, libraryName, MACOS_FLOOR, type Target, targets } from "./lib/targets.ts";

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

/** What a library may need. The loader of glibc gives each thread its own variables. */
const SYSTEM_LIBRARIES = {
	glibc: [
		...["libc.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"],
		...["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"],
	],
	musl: ["libc.so"],
	darwin: ["/usr/lib/libSystem.B.dylib"],
} as const;

/** What the linker of Zig adds to each library of macOS. */
const LINKER_NAMES = ["__dso_handle", "_mh_dylib_header"];

/** What Node looks up in an addon. */
const ADDON_FUNCTIONS = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];

const isNewer = (version: string, floor: string): boolean => version.localeCompare(floor, "en", { numeric: true }) > 0;

function compareNames(problems: string[], found: readonly string[], wanted: readonly string[]): void {
	const foreign = found.filter((name) => !wanted.includes(name));
	const missing = wanted.filter((name) => !found.includes(name));
	if (foreign.length > 0) problems.push(`exports what it should not: ${foreign.slice(0, 5).join(", ")}`);
	if (missing.length > 0) problems.push(`does not export: ${missing.slice(0, 5).join(", ")}`);
}

function checkSystem(problems: string[], target: Target, object: SharedObject): void {
	const { platform, arch, needed, versions } = object;
	if (platform !== target.platform || arch !== target.arch) problems.push(`is for ${platform} ${arch}`);
	const allowed: readonly string[] =
		SYSTEM_LIBRARIES[target.platform === "darwin" ? "darwin" : target.isMusl ? "musl" : "glibc"];
	for (const library of needed) if (!allowed.includes(library)) problems.push(`needs ${library}`);
	const floor = target.platform === "darwin" ? `macOS ${MACOS_FLOOR}` : `GLIBC_${GLIBC_FLOOR}`;
	for (const version of versions)
		if (isNewer(version, floor)) problems.push(`needs ${version}, and ${floor} is the oldest`);
	if (target.platform === "darwin" && versions.length === 0) problems.push("does not say which macOS it needs");
}

function checkLibrary(target: Target, file: string, bytes: Buffer, object: SharedObject): string[] {
	const problems: string[] = [];
	checkSystem(problems, target, object);
	const exported = object.exported.filter((name) => target.platform === "linux" || !LINKER_NAMES.includes(name));
	if (file === ADDON) {
		compareNames(problems, exported, ADDON_FUNCTIONS);
	} else {
		compareNames(problems, exported, abiFunctions);
		const name = libraryName[target.platform];
		if (object.name !== name) problems.push(`is called ${object.name ?? "nothing"} inside, not ${name}`);
		// Zig has a memcpy, which is much slower than that of the system.
		if (!object.imported.includes("memcpy")) problems.push("does not use memcpy of the system");
	}
	// The linker of Zig for macOS keeps the names of functions that are not exported.
	if (target.platform === "linux" && !object.isStripped) problems.push("has symbols that the loader does not need");
	if (target.platform === "darwin" && target.arch === "arm64" && !object.isSigned) problems.push("has no signature");
	for (const path of [root, homedir()])
		if (path.length > 1 && bytes.includes(path)) problems.push(`contains the path ${path} of this machine`);
	return problems;
}

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
		const problems = checkLibrary(target, file, bytes, object);
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
