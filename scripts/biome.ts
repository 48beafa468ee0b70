/** Runs the Biome that `tools/biome` pins: `bun scripts/biome.ts check --write .` */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./lib/repository.ts";
import { toolFolder } from "./lib/tool.ts";

const biome = join(toolFolder("biome"), "node_modules/@biomejs/biome/bin/biome");
const { status, error } = spawnSync(process.execPath, [biome, ...process.argv.slice(2)], {
	cwd: root,
	stdio: "inherit",
});
if (error) throw error;
process.exit(status ?? 1);
