/**
 * Builds `native/` into `native/build/`: the library, and the C programs the benchmarks compare it with.
 * Does nothing if the sources, the compiler and the flags are those of the last build.
 *
 *   bun run build
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findCompiler, linkFlags, releaseFlags } from "./lib/toolchain.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const BUILD = "native/build";
const suffix = process.platform === "darwin" ? "dylib" : "so";
const library = globSync("native/src/**/*.c").sort();
const platform = globSync("native/src/platform/*.c").sort();

interface Target {
	readonly output: string;
	readonly sources: string[];
	readonly flags: string[];
}

const targets: Target[] = [
	{ output: `libipc.${suffix}`, sources: library, flags: ["-shared", "-fPIC", "-fvisibility=hidden"] },
	{
		output: `callback_thread.${suffix}`,
		sources: ["native/bench/callback_thread.c", ...platform],
		flags: ["-shared", "-fPIC", "-fvisibility=hidden"],
	},
	...["baseline", "ping_pong"].map((program) => ({
		output: program,
		sources: [`native/bench/${program}.c`, ...platform],
		flags: [],
	})),
	// macOS has neither robust mutexes nor semaphores between processes.
	...(process.platform === "linux"
		? [{ output: "sync", sources: ["native/bench/sync.c", ...library], flags: [] }]
		: []),
];

function fingerprint(compiler: string): string {
	const hash = createHash("sha256");
	hash.update(JSON.stringify([compiler, releaseFlags, linkFlags, targets, process.platform, process.arch]));
	hash.update(spawnSync(compiler, ["--version"]).stdout ?? "");
	for (const file of globSync("native/{include,src,bench}/**/*.{c,h}").sort()) hash.update(readFileSync(file));
	return hash.digest("hex");
}

function build(compiler: string, { output, sources, flags }: Target): void {
	// Made beside and moved into place: a process that loads it meanwhile sees the old or the new one.
	const temporary = `${BUILD}/.${process.pid}.${output}`;
	const { status, stderr, error } = spawnSync(
		compiler,
		[...releaseFlags, ...flags, ...sources, "-o", temporary, ...linkFlags],
		{ encoding: "utf8" },
	);
	if (status !== 0) throw new Error(`${compiler} could not build ${output}:\n${stderr || error?.message}`);
	if (stderr) process.stderr.write(stderr);
	renameSync(temporary, `${BUILD}/${output}`);
}

try {
	const compiler = findCompiler();
	const stamp = `${BUILD}/stamp`;
	const wanted = fingerprint(compiler);
	const upToDate =
		existsSync(stamp) &&
		readFileSync(stamp, "utf8") === wanted &&
		targets.every(({ output }) => existsSync(`${BUILD}/${output}`));
	if (!upToDate) {
		mkdirSync(BUILD, { recursive: true });
		for (const target of targets) build(compiler, target);
		writeFileSync(stamp, wanted);
		console.log(`built ${targets.map(({ output }) => output).join(", ")} in ${BUILD} with ${compiler}`);
	}
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exit(1);
}
