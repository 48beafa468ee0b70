/** Node and npm as they are in the PATH: they run the programs that need no certain version. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { toolFolder } from "../lib/tool.ts";

function find(program: string): string {
	const found = Bun.which(program);
	if (found === null) throw new Error(`${program} was not found; it comes with Node`);
	return realpathSync(found);
}

/** Node. */
export const anyNode = (): string => find("node");

/** The program of npm, which any Node can run. */
export const npmProgram = (): string => find("npm");

/** The path of a file of a package that `tools/<name>` has. */
export const toolFile = (name: string, file: string): string => join(toolFolder(name), "node_modules", file);
