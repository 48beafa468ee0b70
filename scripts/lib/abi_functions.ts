import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./repository.ts";

/** The functions of the C ABI, sorted: what the public headers declare, and the library exports. */
export const abiFunctions: readonly string[] = globSync("native/include/libipc/*.h", { cwd: root })
	.flatMap((header) => [...readFileSync(join(root, header), "utf8").matchAll(/^IPC_API [^;(]*?\b(ipc_\w+)\(/gm)])
	.map(([, name = ""]) => name)
	.sort();
