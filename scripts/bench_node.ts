/**
 * The sixteen rows of bench_ipc between threads in Node: packages/bench/src/threads.ts, in one of the Nodes that libipc is
 * tested in.
 */
import { cli } from "cleye";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { nodeBinary, nodeVersions } from "./node_binary.ts";

/** Known flags are removed from it: the rest goes to the benchmark as it is, `--help` too. */
const options = process.argv.slice(2);
const { flags } = cli(
	{
		name: "bun run bench:node",
		flags: { node: { type: String, default: "26" } },
		help: false,
		ignoreArgv: (type) => type !== "known-flag",
	},
	undefined,
	options,
);
const version = nodeVersions.find((each) => String(each) === flags.node);
const node = version && nodeBinary(version);
if (!node) {
	console.error(
		version
			? `There is no Node ${version}: set LIBIPC_NODE_${version} to its path (npm has a package of it for Linux on x64 only).`
			: `--node must be one of ${nodeVersions.join(", ")}, not "${flags.node}"`,
	);
	process.exit(2);
}
// Node warns that its FFI, and running TypeScript, are experimental.
const command = [node, "--disable-warning=ExperimentalWarning", `${root}packages/bench/src/threads.ts`, ...options];
process.exit((await run(command, { show: true })).status);
