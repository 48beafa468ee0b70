import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./repository.ts";

/**
 * Large programs that only some commands need are not in the `node_modules` of the repository. Each has a folder
 * `tools/<name>` with a `package.json` and a `bun.lock`, which pins its version and the hash of its contents.
 */
const tools = join(root, "tools");

/** Of all clones of the repository: `$LIBIPC_TOOLS`, or `libipc` in the user's folder for caches. */
const cache = process.env.LIBIPC_TOOLS || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "libipc");

/** Programs of 200 MB come over slow lines, too. */
const INSTALL_LIMIT_MS = 15 * 60_000;

const bun = process.versions.bun === undefined ? join(root, "node_modules/.bin/bun") : process.execPath;

/** Whether this is a repository with a tool of this name. */
export const hasTool = (name: string): boolean => existsSync(join(tools, name, "package.json"));

function runBun(name: string, cwd: string, ...args: readonly string[]): void {
	const { status, error, stdout, stderr } = spawnSync(bun, ["install", ...args], {
		cwd,
		encoding: "utf8",
		timeout: INSTALL_LIMIT_MS,
	});
	// Bun only warns of an optional package that it could not download.
	if (error || status !== 0 || stderr.includes("ing tarball"))
		throw new Error(`${name} could not be installed: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
}

/**
 * The folder in which a tool is installed: it has `node_modules`. The first call installs it, which takes as long as the
 * download. Several processes may do this at the same time.
 * @throws Error if the tool cannot be installed; the message is the output of `bun install`.
 */
export function toolFolder(name: string): string {
	const hash = createHash("sha256");
	for (const file of ["package.json", "bun.lock"]) hash.update(readFileSync(join(tools, name, file)));
	const folder = join(cache, `${name}-${hash.digest("hex").slice(0, 12)}`);
	if (!existsSync(folder)) install(name, folder);
	return folder;
}

/** Installs into a folder of this process and renames it, so that the final folder is always complete. */
function install(name: string, folder: string): void {
	const temporary = `${folder}.${process.pid}`;
	console.error(`Installing ${name} in ${folder}`);
	mkdirSync(dirname(folder), { recursive: true });
	try {
		cpSync(join(tools, name), temporary, { recursive: true });
		runBun(name, temporary, "--frozen-lockfile", "--ignore-scripts");
		try {
			renameSync(temporary, folder);
		} catch (failure) {
			// Another process was faster.
			if (!existsSync(folder)) throw failure;
		}
	} finally {
		rmSync(temporary, { recursive: true, force: true });
	}
}

/** Writes the `bun.lock` of a tool, for its `package.json`. In the repository, Bun would take the tool for a part of it. */
export function lockTool(name: string): void {
	const folder = mkdtempSync(join(tmpdir(), "libipc-lock-"));
	try {
		cpSync(join(tools, name), folder, { recursive: true });
		runBun(name, folder, "--lockfile-only");
		cpSync(join(folder, "bun.lock"), join(tools, name, "bun.lock"));
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}
