import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { problemsOf } from "./library_problems.ts";
import { readSharedObject } from "./read_shared_object.ts";
import { root } from "./repository.ts";
import type { SharedObject } from "./shared_object.ts";
import { ADDON, type Target, targetOfLibrary, targets } from "./targets.ts";

const suffix = process.platform === "darwin" ? "dylib" : "so";
const bytes = readFileSync(join(root, `native/build/libipc.${suffix}`));
const library: SharedObject = { ...readSharedObject(bytes), versions: [], isStripped: true, isSigned: true };
const target = targetOfLibrary(bytes) as Target;

/** The problems of this machine's library with some fields changed. */
const problems = (changes: Partial<SharedObject>, of = target, file = target.library): string[] =>
	problemsOf(of, file, Buffer.alloc(0), { ...library, ...changes }).filter((each) => !each.startsWith("does not say"));

test("a library as it should be has no problems", () => {
	expect(problems({})).toEqual([]);
});

const exported = library.exported.filter((name) => name !== "ipc_abi_version");
test.each<[what: string, changes: Partial<SharedObject>, problem: string]>([
	["another processor", { arch: "riscv64" }, `is for ${process.platform} riscv64`],
	["a function of someone else", { exported: [...library.exported, "memset"] }, "exports what it should not: memset"],
	["a function missing", { exported }, "does not export: ipc_abi_version"],
	["no name", { name: undefined }, "is called nothing inside, not "],
	["a library of someone else", { needed: [...library.needed, "libm.so.6"] }, "needs libm.so.6"],
	["no memcpy of the system", { imported: [] }, "does not use memcpy of the system"],
])("%s is a problem", (_, changes, problem) => {
	const found = problems(changes);
	expect(found).toHaveLength(1);
	expect(found[0]).toStartWith(problem);
});

test("glibc newer than the oldest that is supported is a problem, and so are other symbols", () => {
	const gnu = targets.find(({ name }) => name === "linux-x64") as Target;
	const needed = ["libc.so.6"];
	const found = problems({ platform: "linux", arch: "x64", name: "x", needed, versions: ["GLIBC_2.4"] }, gnu);
	const worse = { versions: ["GLIBC_2.4", "GLIBC_2.18"], isStripped: false };
	expect(problems({ platform: "linux", arch: "x64", name: "x", needed, ...worse }, gnu)).toEqual([
		"needs GLIBC_2.18, and GLIBC_2.17 is the oldest",
		...found,
		"has symbols that the loader does not need",
	]);
});

test("the path of the repository in a library is a problem", () => {
	const found = problemsOf(target, target.library, Buffer.from(`x${root}x`), library);
	expect(found.at(-1)).toStartWith("contains the path ");
});

test("an addon exports what Node looks up, and nothing else", () => {
	const [first] = problems({ name: `@rpath/${ADDON}` }, target, ADDON);
	expect(first).toStartWith("exports what it should not: ipc_abi_version");
});
