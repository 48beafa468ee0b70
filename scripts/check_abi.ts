/**
 * The C ABI is what `native/abi.txt` says: one line for each function, structure and number of the public headers. While
 * the ABI version stays, lines may be added, and `ipc_options` may get fields at its end; nothing else may change, because
 * programs that were compiled before load the same library.
 *
 *   bun scripts/check_abi.ts [--write]
 */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";

process.chdir(root);

const { flags } = commandLine({
	name: "bun scripts/check_abi.ts",
	flags: {
		write: { type: Boolean, description: "write what the headers say now, if that is allowed", default: false },
	},
});

const RECORD = "native/abi.txt";
/** The structure that says its size, and so may grow. */
const GROWS = "struct ipc_options {";

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

/** A declaration without the names of its parameters, which no compiled program knows. */
function functionLine(declaration: string): string {
	const [, head = "", parameters = ""] = /^(.*?)\((.*)\)$/.exec(oneLine(declaration)) ?? [];
	const types = parameters
		.split(", ")
		.map((parameter) => parameter.replace(/^(.*[ *])\w+((?:\[\d+\])?)$/, "$1$2").trim());
	return `${head}(${types.join(", ")})`;
}

function linesOf(header: string): string[] {
	const text = readFileSync(header, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
	return [
		...[...text.matchAll(/^IPC_API ([^;]+);/gm)].map(([, declaration = ""]) => functionLine(declaration)),
		...[...text.matchAll(/^typedef (struct \w+ \{[^}]*\})/gm)].map(([, structure = ""]) => oneLine(structure)),
		...[...text.matchAll(/^enum \w* ?\{([^}]*)\}/gm)].flatMap(([, body = ""]) =>
			oneLine(body)
				.split(",")
				.map((value) => value.trim())
				.filter((value) => value !== ""),
		),
		...[...text.matchAll(/^#define (IPC_(?!API\b|ABI_VERSION\b)\w+) (.+)$/gm)].map(
			([, name, value = ""]) => `${name} = ${value.trim()}`,
		),
	];
}

const [, version = ""] = /IPC_ABI_VERSION (\d+)/.exec(readFileSync("native/include/libipc/status.h", "utf8")) ?? [];
const now = new Set(globSync("native/include/libipc/*.h").flatMap(linesOf).sort());
const [recorded = "", ...lines] = existsSync(RECORD) ? readFileSync(RECORD, "utf8").trimEnd().split("\n") : [];
const isSameVersion = recorded === `ABI version ${version}`;

const isKept = (line: string): boolean =>
	now.has(line) ||
	(line.startsWith(GROWS) && [...now].some((each) => each.startsWith(line.slice(0, line.lastIndexOf(" }")))));

const gone = isSameVersion ? lines.filter((line) => !isKept(line)) : [];
const isRecorded = isSameVersion && [...now].every((line) => lines.includes(line));

for (const line of gone) console.error(`changed or removed: ${line}`);
if (gone.length > 0) {
	console.error(
		`Compiled programs rely on it: raise IPC_ABI_VERSION, and ABI_VERSION in packages/protocol/src/abi.ts, then run bun scripts/check_abi.ts --write.`,
	);
	process.exitCode = 1;
} else if (flags.write) {
	writeFileSync(RECORD, `${[`ABI version ${version}`, ...now].join("\n")}\n`);
} else if (!isRecorded) {
	console.error(`${RECORD} is not what the headers say. Run bun scripts/check_abi.ts --write.`);
	process.exitCode = 1;
} else console.log(`ABI version ${version}, ${now.size} functions, structures and numbers`);
