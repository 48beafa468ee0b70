/**
 * Writes a version into the package.json of the repository and of every workspace package, and where they name each other.
 *
 *   bun scripts/set_version.ts 0.2.0
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";

const { _: parameters } = commandLine({
	name: "bun scripts/set_version.ts",
	parameters: ["<version>"],
	help: { description: "Writes a version into every package.json of the repository. Then run `bun install`." },
});
process.chdir(root);

const { version } = parameters;
if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)) {
	console.error(`"${version}" is not a version such as 0.2.0 or 0.2.0-rc.1`);
	process.exit(2);
}

const isOurs = (name: string): boolean => name === "libipc" || name.startsWith("@libipc/");

for (const file of ["package.json", ...globSync("packages/*/package.json").sort()]) {
	const fields = JSON.parse(readFileSync(file, "utf8"));
	fields.version = version;
	for (const dependencies of [fields.dependencies, fields.devDependencies])
		for (const name of Object.keys(dependencies ?? {})) if (isOurs(name)) dependencies[name] = version;
	writeFileSync(file, `${JSON.stringify(fields, undefined, "\t")}\n`);
}
