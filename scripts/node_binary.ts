import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The versions of Node that libipc is tested in. */
export const nodeVersions = [22, 24, 26] as const;

export type NodeVersion = (typeof nodeVersions)[number];

/**
 * Where a Node of that version is: `$LIBIPC_NODE_22`, or what npm has (for Linux on x64); undefined: nowhere.
 * The packages belong to the conformance suite, so that no `node` of theirs gets into the PATH of scripts.
 */
export function nodeBinary(version: NodeVersion): string | undefined {
	const told = process.env[`LIBIPC_NODE_${version}`];
	if (told) return told;
	const path = fileURLToPath(new URL(`../packages/conformance/node_modules/node-${version}/bin/node`, import.meta.url));
	return existsSync(path) ? path : undefined;
}
