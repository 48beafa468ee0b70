import { existsSync } from "node:fs";
import { join } from "node:path";
import { toolFolder } from "./lib/tool.ts";

/** npm's packages of Deno. There is none for musl. */
const packages = ["linux-x64-glibc", "linux-arm64-glibc", "darwin-x64", "darwin-arm64"];

/** Why a test of Deno did not run. */
export const MISSING_DENO =
	"there is no Deno from npm for this machine, or it could not be downloaded. Set LIBIPC_DENO to its path.";

/** The binaries for Linux need glibc: without its loader they do not start. */
const hasLoader =
	process.platform !== "linux" ||
	existsSync(process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2");

let hasFailed = false;

/**
 * The path of Deno: `$LIBIPC_DENO`, or the package from npm, which the first call installs in a cache folder ({@link toolFolder}).
 * `undefined` if there is none for this machine, or if it cannot be downloaded.
 */
export function denoBinary(): string | undefined {
	const given = process.env.LIBIPC_DENO;
	if (given) return given;
	if (!hasLoader || hasFailed) return undefined;
	try {
		const folder = toolFolder("deno");
		return packages.map((each) => join(folder, "node_modules/@deno", each, "deno")).find((path) => existsSync(path));
	} catch (error) {
		hasFailed = true;
		console.error(error instanceof Error ? error.message : error);
		return undefined;
	}
}
