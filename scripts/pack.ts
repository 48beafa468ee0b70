/**
 * Makes what npm installs: the package `libipc`, with JavaScript and declarations in place of the sources (Node does not run
 * TypeScript in node_modules) and the native libraries; and `@libipc/core` and `@libipc/compat`, which only export `libipc`.
 */
import { createHash } from "node:crypto";
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { bundleCommand } from "./bundle_command.ts";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { must } from "./lib/run.ts";
import { filesOf, type Target, targetOfLibrary, targets } from "./lib/targets.ts";
import { otherEntries, writeCode } from "./packed_code.ts";

const { flags } = commandLine({
	name: "bun run pack",
	flags: {
		thisMachine: {
			type: Boolean,
			description: "with the libraries of this machine only, from native/build: for tests, not for release",
			default: false,
		},
	},
	help: {
		description:
			"Writes the packages for npm to build/npm: libipc, and @libipc/core and @libipc/compat, which export it. Compiles the libraries of all targets with Zig, and checks them.",
	},
});
process.chdir(root);

const OUTPUT = "build/npm";
/** Two calls at the same time do not disturb each other: each has its own folder, and moves whole tarballs from it. */
const STAGE = `build/pack-${process.pid}`;

type Json = Readonly<Record<string, unknown>>;

const readJson = (path: string): Json => JSON.parse(readFileSync(path, "utf8"));

const writeJson = (path: string, value: unknown): void =>
	writeFileSync(path, `${JSON.stringify(value, undefined, "\t")}\n`);

/** The fields of packages/libipc that are published as they are. */
function publishedFields(): Json {
	const {
		private: _,
		bin,
		exports,
		dependencies,
		devDependencies,
		...fields
	} = readJson("packages/libipc/package.json");
	return fields;
}

/** Where the files of each target are. */
async function libraryFolders(): Promise<ReadonlyMap<Target, string>> {
	if (!flags.thisMachine) {
		await must([process.execPath, "scripts/cross_compile.ts"], { show: true });
		await must([process.execPath, "scripts/check_libraries.ts"], { show: true });
		return new Map(targets.map((target) => [target, `native/build/cross/${target.name}`]));
	}
	const library = `native/build/libipc.${process.platform === "darwin" ? "dylib" : "so"}`;
	if (!existsSync(library)) throw new Error(`${library} is missing: \`bun run build\` makes it`);
	const target = targetOfLibrary(readFileSync(library));
	if (!target) throw new Error(`libipc is not published for the machine that ${library} was built for`);
	return new Map([[target, "native/build"]]);
}

/** Copies the libraries of all targets, and writes the SHA-256 of each. */
async function writeLibraries(folder: string): Promise<void> {
	const checksums: Record<string, string> = {};
	for (const [target, from] of await libraryFolders()) {
		for (const file of filesOf(target)) {
			const path = `${target.name}/${file}`;
			mkdirSync(join(folder, dirname(path)), { recursive: true });
			cpSync(join(from, file), join(folder, path));
			checksums[path] = createHash("sha256")
				.update(readFileSync(join(folder, path)))
				.digest("hex");
		}
	}
	writeJson(join(folder, "checksums.json"), checksums);
}

/** The module with the size of each library: by its size, a process sees at once that a library is complete. */
function sizesModule(folder: string): string {
	const checksums = Object.keys(readJson(join(folder, "checksums.json")));
	const sizes = Object.fromEntries(checksums.map((path) => [path, statSync(join(folder, path)).size]));
	return `export const publishedSizes = ${JSON.stringify(sizes, undefined, "\t")};\n`;
}

type Entry = Readonly<Record<"types" | "default", string>>;

/** A source of packages/libipc, compiled: its path in the package, without the extension. */
const compiled = (source: unknown): string => String(source).replace(/^\.\/src\/(.*)\.ts$/, "dist/libipc/$1");

/**
 * The entries of the package, by the conditions of the workspace package. The types of all runtimes are the same. `require` comes
 * before `default`, which is for Node.
 */
function publishedExports({ types, default: node, ...runtimes }: Json): Record<string, Entry> {
	const declarations = `./${compiled(types)}.d.ts`;
	const entry = (source: unknown): Entry => ({ types: declarations, default: `./${compiled(source)}.js` });
	return {
		...Object.fromEntries(Object.entries(runtimes).map(([runtime, source]) => [runtime, entry(source)])),
		require: { types: `./${compiled(node)}.d.cts`, default: `./${compiled(node)}.cjs` },
		default: entry(node),
	};
}

/** What is published of an entry that is the same in all runtimes. `place`: its path in `dist` without an extension. */
const publishedEntry = (place: string) => ({
	require: { types: `./dist/${place}.d.cts`, default: `./dist/${place}.cjs` },
	default: { types: `./dist/${place}.d.ts`, default: `./dist/${place}.js` },
});

/** Packs a folder; returns the path of the tarball. */
async function pack(folder: string): Promise<string> {
	for (const file of ["LICENSE", "README.md"]) if (!existsSync(join(folder, file))) cpSync(file, join(folder, file));
	const tarballs = `${folder}-tarball`;
	mkdirSync(tarballs);
	await must(["npm", "pack", `./${folder}`, "--pack-destination", tarballs]);
	const [tarball = ""] = readdirSync(tarballs);
	mkdirSync(OUTPUT, { recursive: true });
	renameSync(join(tarballs, tarball), join(OUTPUT, tarball));
	return join(OUTPUT, tarball);
}

/** Bundles the commands of the package; returns where each is. Their dependencies are in them, except for the package itself. */
async function writeCommands(folder: string): Promise<Record<string, string>> {
	const commands: Record<string, string> = {};
	for (const [name, source] of Object.entries(readJson("packages/libipc/package.json").bin as Json)) {
		commands[name] = `./${compiled(source)}.js`;
		await bundleCommand(join("packages/libipc", String(source)), join(folder, commands[name]));
	}
	return commands;
}

async function packLibipc(): Promise<string> {
	const folder = `${STAGE}/libipc`;
	mkdirSync(folder, { recursive: true });
	const conditions = (readJson("packages/libipc/package.json").exports as Json)["."] as Json;
	const { types: _, ...sources } = conditions;
	const entryOf = (source: unknown) => compiled(source).replace(/^dist\//, "");
	const entries = Object.entries(sources).map(
		([runtime, source]) => [`${entryOf(source)}.js`, runtime === "bun" ? "bun" : "node"] as const,
	);
	await writeLibraries(`${folder}/native`);
	const modules = { "core/native/published_sizes.js": sizesModule(`${folder}/native`) };
	await writeCode(`${folder}/dist`, entryOf(conditions.default), new Map(entries), modules);
	const commands = await writeCommands(folder);
	const exports = publishedExports(conditions);
	writeJson(`${folder}/package.json`, {
		...publishedFields(),
		files: ["dist", "native"],
		bin: commands,
		// For tools that do not know `exports`.
		main: exports.require?.default,
		types: exports.default?.types,
		exports: {
			".": exports,
			...Object.fromEntries(
				[...otherEntries()].map(([specifier, place]) => [specifier.replace(/^libipc/, "."), publishedEntry(place)]),
			),
			"./package.json": "./package.json",
		},
	});
	return pack(folder);
}

/** Another name for `libipc`. All names lead to one instance of the library. */
async function packName(name: string): Promise<string> {
	const folder = `${STAGE}/${name.replace("/", "-")}`;
	mkdirSync(folder, { recursive: true });
	const files = {
		"index.js": 'export * from "libipc";\n',
		"index.d.ts": 'export * from "libipc";\n',
		"index.cjs": 'module.exports = require("libipc");\n',
		"index.d.cts": 'export * from "libipc";\n',
	};
	for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
	writeFileSync(
		join(folder, "README.md"),
		`# ${name}\n\nAnother name for [libipc](https://www.npmjs.com/package/libipc).\n`,
	);
	const { keywords, preferUnplugged, peerDependencies, peerDependenciesMeta, ...fields } = publishedFields();
	writeJson(`${folder}/package.json`, {
		...fields,
		name,
		description: "Another name for libipc",
		files: Object.keys(files),
		main: "./index.cjs",
		types: "./index.d.ts",
		exports: {
			".": {
				require: { types: "./index.d.cts", default: "./index.cjs" },
				default: { types: "./index.d.ts", default: "./index.js" },
			},
			"./package.json": "./package.json",
		},
		dependencies: { libipc: fields.version },
	});
	return pack(folder);
}

try {
	const made = [await packLibipc(), await packName("@libipc/core"), await packName("@libipc/compat")];
	for (const file of readdirSync(OUTPUT))
		if (!made.includes(join(OUTPUT, file))) rmSync(join(OUTPUT, file), { recursive: true });
	for (const file of made) console.log(`${file}: ${statSync(file).size} bytes`);
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
} finally {
	rmSync(STAGE, { recursive: true, force: true });
}
