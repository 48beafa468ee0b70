/**
 * The code of the published package: `dist/<inner package>/`, JavaScript and declarations. The inner packages import each other by
 * relative paths there, so that the package depends on nothing.
 */
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { joinModules } from "./join_modules.ts";
import { must } from "./lib/run.ts";

const INNER = ["protocol", "core", "compat"] as const;

/** The file of an entry point without its extension: `./src/bun/library.ts` of core is `core/bun/library`. */
const placeOf = (inner: string, source: string): string => `${inner}/${source.replace(/^\.\/src\/(.*)\.ts$/, "$1")}`;

/** Where each specifier of an inner package leads: `@libipc/core/api` to `core/api`. */
function entryPoints(): Map<string, string> {
	const places = new Map<string, string>();
	for (const inner of INNER) {
		const { name, exports } = JSON.parse(readFileSync(`packages/${inner}/package.json`, "utf8"));
		const entries: Record<string, string> = typeof exports === "string" ? { ".": exports } : exports;
		for (const [path, source] of Object.entries(entries)) places.set(posix.join(name, path), placeOf(inner, source));
	}
	return places;
}

/**
 * The entries of the package beside the package itself, which are the same in all runtimes: how they are imported, and their paths in
 * `dist` without an extension. `libipc/codecs` is one.
 */
export function otherEntries(): ReadonlyMap<string, string> {
	const { exports } = JSON.parse(readFileSync("packages/libipc/package.json", "utf8"));
	const others = new Map<string, string>();
	for (const [path, source] of Object.entries(exports))
		if (typeof source === "string") others.set(posix.join("libipc", path), placeOf("libipc", source));
	return others;
}

/** A specifier where a module names another one, not in a comment. */
const SPECIFIER = /(?<=\b(?:from|import)\s*\(?\s*")[^"]+(?=")/g;
const isComment = (line: string): boolean => /^\s*(?:\*|\/\/|\/\*)/.test(line);

const specifiersOf = (text: string): string[] =>
	text
		.split("\n")
		.filter((line) => !isComment(line))
		.flatMap((line) => line.match(SPECIFIER) ?? []);

/** The text of a module with the specifiers that it must have in the package. `file` is its path in `dist`. */
function withRelativeImports(text: string, file: string, places: ReadonlyMap<string, string>): string {
	const replaced = (specifier: string): string => {
		// Declarations keep the names of the sources.
		if (specifier.startsWith(".")) return specifier.replace(/\.ts$/, ".js");
		if (!specifier.startsWith("@libipc/")) return specifier;
		const place = places.get(specifier);
		if (place === undefined) throw new Error(`${file} imports ${specifier}, which is not in the package`);
		const path = posix.relative(posix.dirname(file), `${place}.js`);
		return path.startsWith(".") ? path : `./${path}`;
	};
	return text
		.split("\n")
		.map((line) => (isComment(line) ? line : line.replace(SPECIFIER, replaced)))
		.join("\n");
}

/** Types that TypeScript knows from 5.7 on, written so that 5.6 understands them too. */
const forOldTypeScript = (text: string): string =>
	text.replaceAll("Uint8Array<ArrayBuffer>", 'ReturnType<Uint8Array["slice"]>');

/** Removes the declarations that nothing imports: those of the inside of the library. */
function removeUnused(dist: string, entries: readonly string[]): void {
	const used = new Set<string>(entries);
	for (const file of used)
		for (const specifier of specifiersOf(readFileSync(join(dist, file), "utf8")))
			if (specifier.startsWith(".")) used.add(posix.join(posix.dirname(file), specifier.replace(/\.js$/, ".d.ts")));
	for (const file of globSync("**/*.d.ts", { cwd: dist })) if (!used.has(file)) rmSync(join(dist, file));
}

/** What the declarations need beyond ES2020: `Symbol.dispose` and what TypeScript calls `Disposable`. */
const REFERENCES = '/// <reference lib="esnext.disposable" />\n';

const isClass = (value: unknown): boolean =>
	typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));

/** The declarations of an entry whose values have types of the same name, too. */
function typesBeside(dist: string): ReadonlySet<string> {
	const declarations = readFileSync(join(dist, placeOf("compat", "./src/index.ts").concat(".d.ts")), "utf8");
	return new Set([...declarations.matchAll(/^export type (\w+) = /gm)].map(([, name = ""]) => name));
}

/**
 * The entry for `require`. Node loads the module behind it from 20.19 and 22.12 on; there is one instance of the library for both.
 * The declarations name each value, because TypeScript does not let a CommonJS file export a whole module.
 */
function writeCommonJs(dist: string, entry: string, values: object, types: ReadonlySet<string>): void {
	const module = `./${posix.basename(entry)}.js`;
	const lines = Object.entries(values).flatMap(([name, value]) => [
		`export declare const ${name}: typeof module.${name};`,
		...(types.has(name) || isClass(value) ? [`export type ${name} = module.${name};`] : []),
	]);
	writeFileSync(join(dist, `${entry}.cjs`), `module.exports = require("${module}");\n`);
	writeFileSync(
		join(dist, `${entry}.d.cts`),
		`${REFERENCES}import type * as module from "${module}" with { "resolution-mode": "import" };
export type * from "${module}" with { "resolution-mode": "import" };
${lines.join("\n")}
`,
	);
}

/** The inner modules as {@link otherEntries} get them: a folder of `dist` while it is made. */
const BESIDE = "beside";

/**
 * Each entry is joined with copies of the inner modules that it uses. IpcError is not copied: the other entries take it from the
 * package, so that a process has one class, which knows which frames of a stack are the library's. What else is copied has no state,
 * or shares it (`close_at_exit.ts`).
 */
function shareErrors(dist: string, others: Iterable<string>): void {
	for (const inner of ["protocol", "core"])
		cpSync(join(dist, inner), join(dist, BESIDE, inner), {
			recursive: true,
			filter: (path) => !path.endsWith(".d.ts"),
		});
	writeFileSync(join(dist, BESIDE, "protocol/error.js"), 'export { IpcError } from "libipc";\n');
	for (const entry of others) {
		const path = join(dist, `${entry}.js`);
		writeFileSync(path, readFileSync(path, "utf8").replaceAll("../core/", `../${BESIDE}/core/`));
	}
}

/** The bundler writes the path of each module before it. {@link joinModules} leaves the folder out of all but the first of a file. */
function removePathOfFirst(dist: string, entry: string): void {
	const path = join(dist, entry);
	const text = readFileSync(path, "utf8");
	if (text.startsWith(`// ${dist}/`)) writeFileSync(path, text.replace(`// ${dist}/`, "// "));
}

/** Compiles all packages: `<folder>/core/src/index.js`, and declarations. */
export async function emitPackages(folder: string): Promise<void> {
	await must([process.execPath, "node_modules/typescript/bin/tsc", "-p", "tsconfig.emit.json", "--outDir", folder]);
}

/**
 * Makes `dist` of the compiled packages.
 *
 * @param emitted - The folder of {@link emitPackages}.
 * @param nodeEntry - The entry for Node: a path in `dist` without an extension. Its declarations are those of the package.
 * @param entries - All entries of the package itself, by their paths in `dist`, and the runtime of each. {@link otherEntries} are added.
 * @param modules - The texts of modules that replace the compiled ones, by their paths in `dist`.
 */
export async function writeCodeOf(
	emitted: string,
	dist: string,
	nodeEntry: string,
	entries: Parameters<typeof joinModules>[1],
	modules: Readonly<Record<string, string>> = {},
): Promise<void> {
	const places = entryPoints();
	const others = otherEntries();
	for (const name of [...INNER, "libipc"]) cpSync(`${emitted}/${name}/src`, `${dist}/${name}`, { recursive: true });
	for (const file of globSync("**/*.{js,d.ts}", { cwd: dist })) {
		const path = join(dist, file);
		const text = withRelativeImports(readFileSync(path, "utf8"), file, places);
		writeFileSync(path, file.endsWith(".d.ts") ? forOldTypeScript(text) : text);
	}
	for (const [file, text] of Object.entries(modules)) writeFileSync(join(dist, file), text);
	shareErrors(dist, others.values());
	const all = [nodeEntry, ...others.values()];
	const joined = new Map([...entries, ...all.map((entry) => [`${entry}.js`, "node"] as const)]);
	await joinModules(dist, joined);
	rmSync(join(dist, BESIDE), { recursive: true });
	for (const entry of joined.keys()) removePathOfFirst(dist, entry);
	for (const entry of all) {
		const declarations = join(dist, `${entry}.d.ts`);
		writeFileSync(declarations, REFERENCES + readFileSync(declarations, "utf8"));
	}
	removeUnused(
		dist,
		all.map((entry) => `${entry}.d.ts`),
	);
	writeCommonJs(dist, nodeEntry, await import("libipc"), typesBeside(dist));
	for (const [specifier, entry] of others) writeCommonJs(dist, entry, await import(specifier), new Set());
}

/** Compiles the packages into `dist`: {@link writeCodeOf}. */
export async function writeCode(
	dist: string,
	nodeEntry: string,
	entries: Parameters<typeof joinModules>[1],
	modules: Readonly<Record<string, string>>,
): Promise<void> {
	const emitted = `${dist}-emitted`;
	await emitPackages(emitted);
	await writeCodeOf(emitted, dist, nodeEntry, entries, modules);
	rmSync(emitted, { recursive: true });
}
