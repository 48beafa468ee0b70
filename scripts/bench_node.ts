/**
 * The sixteen rows of bench_ipc between threads in Node: packages/bench/src/threads.ts, in one of the Nodes that libipc is
 * tested in.
 */
import { threadFlags } from "../packages/bench/src/threads/thread_flags.ts";
import { commandLine, flagOf, oneOf } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { nodeBinary, nodeVersions } from "./node_binary.ts";

const {
	flags: { node: version, help: _, ...flags },
} = commandLine({
	name: "bun run bench:node",
	flags: {
		node: {
			type: oneOf(...nodeVersions.map(String)),
			placeholder: "<version>",
			description: `one of ${nodeVersions.join(", ")}`,
			default: "26",
		},
		...threadFlags,
	},
	help: { description: "Runs bench:threads in a version of Node." },
});
const node = nodeBinary(Number(version) as (typeof nodeVersions)[number]);
if (!node) {
	console.error(
		`There is no Node ${version} from npm for this machine, or it could not be downloaded: set LIBIPC_NODE_${version} to its path.`,
	);
	process.exit(2);
}
const options = Object.entries(flags).flatMap(([name, value]) =>
	value === undefined ? [] : [`${flagOf(name)}=${String(value)}`],
);
// Node 22 warns that running TypeScript is experimental.
const command = [node, "--disable-warning=ExperimentalWarning", `${root}packages/bench/src/threads.ts`, ...options];
process.exit((await run(command, { show: true })).status);
