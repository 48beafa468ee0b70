/** What a target has: the C library, and the addon by which Node loads it. */
export type NativeFile = "library" | "addon";

/**
 * The files of all targets. Each path is written out, because the tools that copy a program's files (webpack, the file tracing of Next
 * and Vercel) find only literals. The same path is right in the published package (from `dist/core/native`) and in the repository
 * (from `packages/core/src/native`): there, `packages/native` has links to what `bun run build` made.
 */
const targets: Readonly<Record<string, Readonly<Record<NativeFile, () => URL>>>> = {
	"linux-x64": {
		library: () => new URL("../../../native/linux-x64/libipc.so", import.meta.url),
		addon: () => new URL("../../../native/linux-x64/libipc_node.node", import.meta.url),
	},
	"linux-x64-musl": {
		library: () => new URL("../../../native/linux-x64-musl/libipc.so", import.meta.url),
		addon: () => new URL("../../../native/linux-x64-musl/libipc_node.node", import.meta.url),
	},
	"linux-arm64": {
		library: () => new URL("../../../native/linux-arm64/libipc.so", import.meta.url),
		addon: () => new URL("../../../native/linux-arm64/libipc_node.node", import.meta.url),
	},
	"linux-arm64-musl": {
		library: () => new URL("../../../native/linux-arm64-musl/libipc.so", import.meta.url),
		addon: () => new URL("../../../native/linux-arm64-musl/libipc_node.node", import.meta.url),
	},
	"darwin-x64": {
		library: () => new URL("../../../native/darwin-x64/libipc.dylib", import.meta.url),
		addon: () => new URL("../../../native/darwin-x64/libipc_node.node", import.meta.url),
	},
	"darwin-arm64": {
		library: () => new URL("../../../native/darwin-arm64/libipc.dylib", import.meta.url),
		addon: () => new URL("../../../native/darwin-arm64/libipc_node.node", import.meta.url),
	},
};

/** The names of all targets. */
export const targetNames: readonly string[] = Object.keys(targets);

const MUSL_LOADERS: Readonly<Record<string, string>> = {
	x64: "/lib/ld-musl-x86_64.so.1",
	arm64: "/lib/ld-musl-aarch64.so.1",
};

/** Whether the system has the loader of musl: always if this process uses musl, but also on Debian with the package `musl`. */
function hasMusl(): boolean {
	const loader = MUSL_LOADERS[process.arch];
	// Deno has no build for musl, and might ask the user whether it may look.
	if (process.platform !== "linux" || loader === undefined || "Deno" in globalThis) return false;
	if (globalThis.Bun) return Bun.file(loader).size > 0;
	try {
		return process.getBuiltinModule("node:fs").existsSync(loader);
	} catch {
		return false; // Node's permission model
	}
}

/**
 * The targets that this process may be, the likelier first. On Linux nothing says for certain which C library a process has, but a
 * process that uses glibc cannot load what was built for musl. The reverse is possible, with gcompat on Alpine: so glibc is not first
 * where musl is.
 */
export function targetsHere(): readonly string[] {
	const target = `${process.platform}-${process.arch}`;
	const names = hasMusl() ? [`${target}-musl`, target] : [target, `${target}-musl`];
	return names.filter((name) => name in targets);
}

/** Where this module runs: in the repository, in the published package, or copied into another file by a bundler. */
export type Place = "repository" | "package" | "bundle";

/**
 * In a bundle, a path from this module would lead to another folder than the package: maybe to one where anybody may put a library.
 * So what counts is where this module is now, and never a search. A bundle of CommonJS modules has no `import.meta.url`.
 */
export function placeOf(url: string | undefined): Place {
	const [, folder] =
		/\/(dist\/core|packages\/core\/src)\/native\/native_files\.[jt]s(?:[?#].*)?$/.exec(String(url)) ?? [];
	if (folder === undefined) return "bundle";
	return folder === "dist/core" ? "package" : "repository";
}

/** Where this module runs. */
export const place: Place = placeOf(import.meta.url);

/** The path of a `file:` URL. `node:url` would do the same, but in Bun it costs a fifth of the time that an import may take. */
export const pathOf = ({ pathname }: URL): string => decodeURIComponent(pathname);

/** The paths of a file, for this process or other targets. None, if this module is in a bundle. */
export function nativeFiles(file: NativeFile, names: readonly string[] = targetsHere()): readonly string[] {
	if (place === "bundle") return [];
	return names
		.map((name) => targets[name]?.[file]())
		.filter((url) => url?.protocol === "file:")
		.map((url) => pathOf(url as URL));
}
