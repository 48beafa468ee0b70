import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ADDON, targets } from "../../../../scripts/lib/targets.ts";
import { libraryPath } from "../bun/library.ts";
import { loadNativeFile } from "./load_native_file.ts";
import { nativeFiles, placeOf, targetNames, targetsHere } from "./native_files.ts";

const directory = mkdtempSync(join(tmpdir(), "libipc-files-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("the files of the targets", () => {
	test("are in the folder of each target, with the names that its system has", () => {
		expect([...targetNames].sort()).toEqual(targets.map(({ name }) => name).sort());
		const folder = fileURLToPath(new URL("../../../native/", import.meta.url));
		const libraries = new Map(targets.map(({ name, library }) => [name, library]));
		expect(nativeFiles("library", targetNames)).toEqual(
			targetNames.map((name) => `${folder}${name}/${libraries.get(name)}`),
		);
		expect(nativeFiles("addon", targetNames)).toEqual(targetNames.map((name) => `${folder}${name}/${ADDON}`));
	});

	test("of this process are those of its system: on Linux of both C libraries, that for musl first where musl is", () => {
		const here = `${process.platform}-${process.arch}`;
		const both = [here, `${here}-musl`];
		const hasMusl = [...new Bun.Glob("ld-musl-*.so.1").scanSync({ cwd: "/lib", onlyFiles: false })].length > 0;
		expect(targetsHere()).toEqual(process.platform !== "linux" ? [here] : hasMusl ? both.reverse() : both);
	});
});

test.each([
	["file:///clone/packages/core/src/native/native_files.ts", "repository"],
	["file:///app/node_modules/libipc/dist/core/native/native_files.js", "package"],
	["file:///app/node_modules/libipc/dist/core/native/native_files.js?v=3", "package"],
	["file:///$bunfs/root/server", "bundle"],
	["file:///tmp/app/dist/server.js", "bundle"],
	["file:///tmp/app/dist/core/native/server.js", "bundle"],
	["file:///tmp/app/dist/core/native/chunk-1a2b.js", "bundle"],
	// A bundle of CommonJS modules has no URL.
	[undefined, "bundle"],
] as const)("%p is in the %s", (url, place) => {
	expect(placeOf(url)).toBe(place);
});

describe("of the places where a file may be", () => {
	const missing = join(directory, "missing.so");
	const broken = join(directory, "broken.so");
	writeFileSync(broken, "not a library");
	const empty = join(directory, "empty.so");
	writeFileSync(empty, "");
	const copy = join(directory, "libipc.so");
	copyFileSync(libraryPath(), copy);
	const load = ({ path }: { readonly path: string }) => {
		if (path === broken) throw new Error("invalid ELF header");
		return { path };
	};
	/** `LIBIPC_LIBRARY` would take precedence. */
	const tryAll = (files: readonly string[], take: Parameters<typeof loadNativeFile>[1] = load) => {
		const named = process.env.LIBIPC_LIBRARY;
		delete process.env.LIBIPC_LIBRARY;
		try {
			return loadNativeFile("library", take, files);
		} finally {
			if (named !== undefined) process.env.LIBIPC_LIBRARY = named;
		}
	};

	const refuse = ({ path }: { readonly path: string }) => `No to ${path}.`;

	test("the first that can be loaded counts", () => {
		expect(tryAll([copy, broken])).toEqual({ path: copy });
		expect(tryAll([broken, copy])).toEqual({ path: copy });
		expect(tryAll([missing, copy])).toEqual({ path: copy });
		expect(tryAll([empty, copy])).toEqual({ path: copy });
	});

	test("the error says what each lacks, and names what is missing only if nothing is there", () => {
		const { message } = getError(() => tryAll([missing, broken, copy], refuse));
		expect(message).toBe(`No to ${broken}. No to ${copy}.`);
		expect(getError(() => tryAll([broken])).message).toMatch(
			/broken\.so cannot be loaded as libipc .* not a library of Linux or macOS\. The system said: invalid ELF header$/,
		);
		expect(getError(() => tryAll([empty, missing, copy], refuse)).message).toBe(`No to ${empty}. No to ${copy}.`);
		expect(getError(() => tryAll([missing, empty], refuse)).message).toBe(`No to ${empty}.`);
		expect(getError(() => tryAll([missing, `${missing}.2`])).message).toBe(
			`The native library is missing: ${missing} (run \`bun run build\`, or \`npx bun run build\`, to make it).`,
		);
	});

	test("none is the case in a bundle without the library: the error says what to set", () => {
		const { code, message } = getError(() => tryAll([]));
		expect(code).toBe("ERR_IPC_LIBRARY");
		expect(message).toMatch(/is a bundle.*--external libipc.*ssr\.external.*serverExternalPackages.*LIBIPC_LIBRARY/);
	});
});

function getError(call: () => unknown): { readonly code: unknown; readonly message: string } {
	try {
		call();
	} catch (error) {
		return error as { code: unknown; message: string };
	}
	throw new Error("it did not throw");
}
