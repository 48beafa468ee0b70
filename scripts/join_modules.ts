/**
 * Joins the modules of each entry of the published package into one file: to load a hundred files takes longer than an import and a
 * first open may take together.
 */
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve } from "node:path";
import { LAYOUT_HASH } from "../packages/protocol/src/layout_hash.ts";

/**
 * Modules that stay files. `native_files.js` and `embedded_library.js` name the native files by paths from where they are; with the
 * entry they would get into the bundles of users, but those must see these paths as they are. The command line tool imports
 * `check_library.js`.
 */
const SEPARATE = ["core/native/native_files.js", "core/bun/embedded_library.js", "core/native/check_library.js"];

/** What an import would compute again in each process: 300 names and offsets, which takes Node a millisecond. */
const CONSTANTS = `export const LAYOUT_HASH = ${LAYOUT_HASH};`;
const HASH_MODULE = /\/protocol\/layout_hash\.js$/;

/** Runtimes keep and read a text in half of the space, if it is ASCII. */
const ascii = (text: string): string =>
	text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

const transpiler = new Bun.Transpiler({ loader: "js" });

/** Removes the modules that neither an entry nor a separate module imports. */
function removeJoined(dist: string, entries: readonly string[]): void {
	const used = new Set<string>([...entries, ...SEPARATE]);
	for (const file of used)
		for (const { path, kind } of transpiler.scanImports(readFileSync(join(dist, file), "utf8")))
			if (kind === "import-statement" && path.startsWith(".")) used.add(posix.join(posix.dirname(file), path));
	for (const file of globSync("**/*.js", { cwd: dist })) if (!used.has(file)) rmSync(join(dist, file));
}

/** The names of the variables of modules that are assigned again. */
function assignedAgain(dist: string): ReadonlySet<string> {
	const texts = globSync("**/*.js", { cwd: dist }).map((file) => readFileSync(join(dist, file), "utf8"));
	return new Set(texts.flatMap((text) => [...text.matchAll(/^(?:export )?let (\w+)/gm)].map(([, name = ""]) => name)));
}

/**
 * What the bundler made, with the constants of modules as constants again: it declares them by `var`. V8 does not fold those, which
 * costs 5 % of a message. It gives equal names a number at the end, and puts the path of each module before it.
 */
const readable = (text: string, folder: string, variables: ReadonlySet<string>): string =>
	text
		.replaceAll(/^var (?=(\w+) =|\{)/gm, (_, name = "") =>
			variables.has(name) || variables.has(name.replace(/\d+$/, "")) ? "let " : "const ",
		)
		.replaceAll(`\n// ${folder}/`, "\n// ");

/**
 * Joins the modules in place.
 *
 * @param entries - The entries, by their paths in `dist`, and the runtime of each.
 */
export async function joinModules(
	dist: string,
	entries: ReadonlyMap<string, NonNullable<Bun.BuildConfig["target"]>>,
): Promise<void> {
	const variables = assignedAgain(dist);
	const written = new Map<string, string>();
	for (const [entry, target] of entries) {
		const { outputs } = await Bun.build({
			entrypoints: [join(dist, entry)],
			target,
			// Optional packages of the program, and the package itself, which entries such as `libipc/web` import: one instance for all.
			external: ["msgpackr", "@bufbuild/protobuf", "flatbuffers", "libipc", "libipc/*"],
			plugins: [
				{
					name: "separate modules",
					setup(build) {
						build.onLoad({ filter: HASH_MODULE }, () => ({ contents: CONSTANTS, loader: "js" }));
						build.onResolve({ filter: /^\./ }, ({ path, importer }) => {
							const file = relative(resolve(dist), join(dirname(importer), path));
							if (!SEPARATE.includes(file)) return undefined;
							const from = posix.relative(posix.dirname(entry), file);
							return { path: from.startsWith(".") ? from : `./${from}`, external: true };
						});
					},
				},
			],
		});
		const [output] = outputs;
		if (!output) throw new Error(`${entry}: the bundler made nothing`);
		written.set(entry, ascii(readable(await output.text(), dist, variables)));
	}
	for (const [entry, text] of written) writeFileSync(join(dist, entry), text);
	removeJoined(dist, [...entries.keys()]);
}
