/**
 * The sixteen rows of bench_ipc between threads in Node: packages/bench/src/threads.ts, in one of the Nodes that libipc is
 * tested in.
 */
import { cli } from "cleye";
import { oneOf } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { nodeBinary, nodeVersions } from "./node_binary.ts";

/** Known flags are removed from it: the rest goes to the benchmark as it is, `--help` too. */
const options = process.argv.slice(2);
const { flags } = cli(
	{
		name: "bun run bench:node",
		flags: { node: { type: oneOf(...nodeVersions.map(String)), default: "26" } },
		help: false,
		ignoreArgv: (type) => type !== "known-flag",
	},
	undefined,
	options,
);
const version = nodeVersions.find((each) => String(each) === flags.node) ?? 26;
const node = nodeBinary(version);
if (!node) {
	console.error(
		`There is no Node ${version}: set LIBIPC_NODE_${version} to its path (npm has a package of it for Linux on x64 only).`,
	);
	process.exit(2);
}
// Node warns that its FFI, and running TypeScript, are experimental.
const command = [node, "--disable-warning=ExperimentalWarning", `${root}packages/bench/src/threads.ts`, ...options];
process.exit((await run(command, { show: true })).status);
