import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The versions of Node that libipc is tested in. */
export const nodeVersions = [22, 24, 26] as const;

export type NodeVersion = (typeof nodeVersions)[number];

/**
 * The path of a Node of that version: `$LIBIPC_NODE_22`, or the package from npm (for Linux on x64); undefined if there is none.
 * The packages belong to the conformance suite, so that no `node` of theirs gets into the PATH of scripts.
 */
export function nodeBinary(version: NodeVersion): string | undefined {
	const given = process.env[`LIBIPC_NODE_${version}`];
	if (given) return given;
	const path = fileURLToPath(new URL(`../packages/conformance/node_modules/node-${version}/bin/node`, import.meta.url));
	return existsSync(path) ? path : undefined;
}
