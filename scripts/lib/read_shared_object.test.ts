import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { abiFunctions } from "./abi_functions.ts";
import { readSharedObject } from "./read_shared_object.ts";
import { root } from "./repository.ts";
import { libraryName, targetOfLibrary } from "./targets.ts";

const { platform, arch } = process;
const suffix = platform === "darwin" ? "dylib" : "so";
const library = readFileSync(join(root, `native/build/libipc.${suffix}`));

test("the library of this machine: its target, its name, its exports and its needs", () => {
	const found = readSharedObject(library);
	expect([found.platform as string, found.arch]).toEqual([platform, arch]);
	expect(targetOfLibrary(library)?.name).toStartWith(`${platform}-${arch}`);
	expect(found.name).toBe(libraryName[found.platform]);
	expect(found.exported.filter((name) => name.startsWith("ipc_"))).toEqual([...abiFunctions]);
	expect(found.imported).toContain("memcpy");
	expect(found.needed.some((name) => /libc\.|libSystem/.test(name))).toBe(true);
});

test("what is not a library is refused", () => {
	expect(() => readSharedObject(readFileSync(import.meta.path))).toThrow("this is not a library of Linux or macOS");
	expect(() => readSharedObject(library.subarray(0, 20))).toThrow("this is not a library of Linux or macOS");
});
