/**
 * No circles between the files of native/src: neither of includes between headers, nor of calls between files.
 *
 *   bun scripts/check_circles.ts [--print]
 *
 * A call is any use of a function or table that another file of native/src defines. The inline functions of a header count
 * as those of the source with the same name. Biome finds circles of imports in TypeScript.
 */
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandLine } from "./lib/command_line.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const { flags } = commandLine({
	name: "bun scripts/check_circles.ts",
	flags: { print: { type: Boolean, description: "print what each file uses", default: false } },
});

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

const files = globSync("native/{src,include}/**/*.{c,h}").sort();
const text = new Map(files.map((file) => [file, readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "")]));
const textOf = (file: string): string => text.get(file) ?? "";

/** The file that an #include names, as the compiler looks for it. */
function included(from: string, name: string): string | undefined {
	return [dirname(from), "native/src", "native/include"]
		.map((folder) => join(folder, name))
		.find((file) => text.has(file));
}

const includes: Graph = new Map(
	files.map((file) => [
		file,
		new Set([...textOf(file).matchAll(/^#include "(.+)"/gm)].flatMap(([, name = ""]) => included(file, name) ?? [])),
	]),
);

/** A header stands for the source of the same name, if there is one. */
const unitOf = (file: string): string => {
	const source = file.replace(/\.h$/, ".c");
	return text.has(source) ? source : file;
};

// The platform files replace each other, and call nothing above them.
const inner = files.filter((file) => file.startsWith("native/src/") && !file.includes("/platform/"));

/** Where a name is defined: a function, a constant table, an inline function of a header. */
const definedIn = new Map<string, string>();
for (const file of inner) {
	const isHeader = file.endsWith(".h");
	const pattern = isHeader
		? /^static inline [^;{}]*?\b(ipc_\w+)\([^;{}]*\) \{/gm
		: /^(?!static\b|extern\b|typedef\b)[a-z][^;{}()=]*\b(ipc_\w+)(?:\([^;{}]*\) \{|[^;()]* = \{)/gm;
	for (const [, name = ""] of textOf(file).matchAll(pattern)) definedIn.set(name, unitOf(file));
}

/** What of a file is code: all of a source, the inline functions of a header. */
const codeOf = (file: string): string =>
	file.endsWith(".c") ? textOf(file) : (textOf(file).match(/^static inline [\s\S]*?(?: \}|\n\})$/gm) ?? []).join("\n");

const calls = new Map<string, Set<string>>();
for (const file of inner) {
	const unit = unitOf(file);
	const used = calls.get(unit) ?? new Set<string>();
	for (const [name] of codeOf(file).matchAll(/\bipc_\w+/g)) {
		const other = definedIn.get(name);
		if (other !== undefined && other !== unit) used.add(other);
	}
	calls.set(unit, used);
}

/** A circle of the graph, first file and last the same; undefined if there is none. */
function circleOf(graph: Graph): string[] | undefined {
	const done = new Set<string>();
	const path: string[] = [];
	const visit = (file: string): string[] | undefined => {
		const start = path.indexOf(file);
		if (start >= 0) return [...path.slice(start), file];
		if (done.has(file)) return undefined;
		path.push(file);
		for (const next of graph.get(file) ?? []) {
			const circle = visit(next);
			if (circle) return circle;
		}
		path.pop();
		done.add(file);
		return undefined;
	};
	for (const file of graph.keys()) {
		const circle = visit(file);
		if (circle) return circle;
	}
	return undefined;
}

const short = (file: string): string => basename(file);

if (flags.print)
	for (const [file, used] of calls) console.log(`${short(file)}: ${[...used].map(short).sort().join(" ") || "-"}`);

let failed = false;
for (const [what, graph] of [
	["includes", includes],
	["calls", calls],
] as const) {
	const circle = circleOf(graph);
	if (!circle) continue;
	failed = true;
	console.error(`a circle of ${what}: ${circle.map(short).join(" -> ")}`);
}
if (failed) process.exit(1);
const edges = [...calls.values()].reduce((sum, used) => sum + used.size, 0);
console.log(`${calls.size} C files, ${edges} uses of one by another, no circles`);
