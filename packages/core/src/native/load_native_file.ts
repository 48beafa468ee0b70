import { IpcError } from "@libipc/protocol";
import { environmentVariable } from "../environment_variable.ts";
import { seemsMissing, stateOf, unloadableHint } from "./library_file.ts";
import { type NativeFile, nativeFiles, place, targetNames, targetsHere } from "./native_files.ts";
import { publishedSizes } from "./published_sizes.ts";

const failed = (text: string): IpcError => new IpcError("ERR_IPC_LIBRARY", "", text);

const TITLES: Readonly<Record<NativeFile, string>> = { library: "The native library", addon: "The addon for Node" };

/** What `LIBIPC_LIBRARY` names, as an absolute path: the system looks for a name without a slash in other places. */
function namedLibrary(): string | undefined {
	const named = environmentVariable("LIBIPC_LIBRARY");
	if (!named) return undefined;
	return named.startsWith("/") ? named : `${process.cwd()}/${named}`;
}

/**
 * What `LIBIPC_LIBRARY` says about a file. It names the library. The addon is that of the package, and beside the named library if
 * this program is a bundle.
 */
function namedFile(file: NativeFile, files: readonly string[]): string | undefined {
	const library = namedLibrary();
	if (library === undefined || file === "library") return library;
	return files.length === 0 ? library.replace(/[^/]*$/, "libipc_node.node") : undefined;
}

/** Who says that a file is there, and so what to do if it is missing or wrong. */
function hint(isNamed: boolean): string {
	if (isNamed) return "LIBIPC_LIBRARY points there";
	switch (place) {
		case "repository":
			return "run `bun run build`, or `npx bun run build`, to make it";
		case "package":
			return "install libipc again";
		case "bundle":
			return "the bundle that this program is in points there";
	}
}

/** Why there is no path to look at. */
function noPath(): string {
	if (targetsHere().length === 0)
		return `libipc has no native library for ${process.platform} ${process.arch}, only for ${targetNames.join(", ")}. If you have built one, set LIBIPC_LIBRARY to its path.`;
	return "This program is a bundle, and the native library is not in it. Leave libipc out of the bundle (bun build and esbuild: --external libipc; Vite: ssr.external; webpack and Rollup: externals; Next: serverExternalPackages), or set LIBIPC_LIBRARY to the path of the library. https://github.com/libipc/libipc/blob/main/docs/bundling.md has more.";
}

/** A file that exists, and may be usable. */
export interface Candidate {
	readonly path: string;
	/** What to do if it is wrong: a part of a sentence. */
	readonly hint: string;
}

/**
 * Returns what `load` makes of the first file that it can load.
 *
 * @param files - Where the file may be, the likelier first. `LIBIPC_LIBRARY` takes precedence.
 * @param load - Returns a string if it refuses the file: a sentence that says why. Throws what the system says, or an IpcError that
 * ends the search.
 * @throws IpcError `ERR_IPC_LIBRARY`, with what each file lacks.
 *
 * @internal
 */
export function loadNativeFile<Loaded extends object>(
	file: NativeFile,
	load: (candidate: Candidate) => Loaded | string,
	files: readonly string[] = nativeFiles(file),
): Loaded {
	const named = namedFile(file, files);
	const paths = named === undefined ? files : [named];
	const candidate = (path: string): Candidate => ({ path, hint: hint(named !== undefined) });
	// What seems to be missing is looked at only if no other file can be loaded.
	const present = paths.filter((path) => !seemsMissing(path));
	let problems: (() => string)[] = [];
	for (const some of present.length === paths.length ? [paths] : [present, paths]) {
		problems = [];
		for (const path of some) {
			const loaded = tryToLoad(file, candidate(path), load);
			if (typeof loaded === "object") return loaded;
			if (loaded !== undefined) problems.push(loaded);
		}
	}
	if (problems.length > 0) throw failed(problems.map((text) => text()).join(" "));
	const [first] = paths;
	throw failed(first === undefined ? noPath() : `${TITLES[file]} is missing: ${first} (${candidate(first).hint}).`);
}

/** What `load` makes of a file, or a text that says why that is not possible; undefined: there is no such file. */
function tryToLoad<Loaded extends object>(
	file: NativeFile,
	candidate: Candidate,
	load: (candidate: Candidate) => Loaded | string,
): Loaded | (() => string) | undefined {
	const { path, hint } = candidate;
	switch (stateOf(path, publishedSizes[path.split("/").slice(-2).join("/")])) {
		case "missing":
			return undefined;
		case "forbidden":
			return () =>
				`Node's permission model (--permission) does not let this process look for the native library ${path}: start it with --allow-fs-read=${path}.`;
		case "incomplete":
			return () => `${TITLES[file]} ${path} is incomplete: its end is missing (${hint}).`;
	}
	try {
		const loaded = load(candidate);
		return typeof loaded === "string" ? () => loaded : loaded;
	} catch (error) {
		if (error instanceof IpcError) throw error;
		const reason = error instanceof Error ? error.message : String(error);
		// What it lacks is looked up only if no other file can be loaded.
		return () =>
			`${path} cannot be loaded as libipc (${hint}).${unloadableHint(path, reason)} The system said: ${reason}`;
	}
}
