/**
 * The sixteen rows of bench_ipc between threads in Node: packages/bench/src/threads.ts, in one of the Nodes that libipc is
 * tested in.
 *
 *   npm run bench:node -- [--node 22|24|26] [options of bun run bench --engine sab]
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeBinary, nodeVersions } from "./node_binary.ts";

const { values, tokens } = parseArgs({
	options: { node: { type: "string", default: "26" } },
	strict: false,
	tokens: true,
});
const version = nodeVersions.find((each) => String(each) === values.node);
const node = version && nodeBinary(version);
if (!version || !node) {
	console.error(
		version
			? `There is no Node ${version}: set LIBIPC_NODE_${version} to one (npm has a package of it for Linux on x64 only).`
			: `--node must be one of ${nodeVersions.join(", ")}, not "${values.node}"`,
	);
	process.exit(2);
}
// All but --node is handed on as it came.
const own = tokens.filter((token) => token.kind === "option" && token.name === "node");
const skipped = new Set(
	own.flatMap(({ index, ...token }) => ("inlineValue" in token && !token.inlineValue ? [index, index + 1] : [index])),
);
const options = process.argv.slice(2).filter((_, index) => !skipped.has(index));
const program = fileURLToPath(new URL("../packages/bench/src/threads.ts", import.meta.url));
// Node says of its FFI, and of running TypeScript, that they are experimental.
const child = spawn(node, ["--disable-warning=ExperimentalWarning", program, ...options], { stdio: "inherit" });
// Ctrl-C reaches both: the benchmark tidies up, and this waits for it.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("close", (status, signal) => process.exit(status ?? (signal ? 130 : 1)));
