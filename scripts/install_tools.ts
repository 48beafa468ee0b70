/**
 * Installs the tools that the tests need, so that their download is a step of its own: `scripts/lib/tool.ts`.
 *
 *   bun scripts/install_tools.ts                    those of `bun run test`
 *   bun scripts/install_tools.ts node-20            the given ones
 *   bun scripts/install_tools.ts --lock node-20     after a change to its package.json: writes its bun.lock
 */

import { denoBinary } from "./deno_binary.ts";
import { commandLine } from "./lib/command_line.ts";
import { hasTool, lockTool, toolFolder } from "./lib/tool.ts";
import { nodeBinary, nodeVersions } from "./node_binary.ts";

const { flags, _ } = commandLine({
	name: "bun scripts/install_tools.ts",
	parameters: ["[tools...]"],
	flags: { lock: { type: Boolean, description: "write bun.lock of the given tools", default: false } },
	help: { description: "Installs tools in a cache folder: those of the tests, or the given folders of tools/." },
});

const unknown = _.tools.filter((name) => !hasTool(name));
if (unknown.length > 0 || (flags.lock && _.tools.length === 0)) {
	console.error(unknown.length > 0 ? `There is no folder tools/${unknown.join(", tools/")}.` : "--lock needs a tool.");
	process.exit(2);
}

if (flags.lock) for (const name of _.tools) lockTool(name);

for (const name of _.tools.length > 0 ? _.tools : ["biome", "clang-format"])
	console.log(`${name}: ${toolFolder(name)}`);
// What a variable names need not be downloaded, and not every machine has one from npm.
if (_.tools.length === 0) {
	for (const version of nodeVersions)
		console.log(
			`Node ${version}: ${nodeBinary(version) ?? `none; the tests that need it say so. LIBIPC_NODE_${version} can name one`}`,
		);
	// Only a benchmark and its test use it, and they say so if it is not there.
	try {
		console.log(`zeromq: ${toolFolder("zeromq")}`);
	} catch (error) {
		console.log(`zeromq: none (${error instanceof Error ? error.message : error})`);
	}
	console.log(`Deno: ${denoBinary() ?? "none; the tests that need it say so. LIBIPC_DENO can name one"}`);
}
