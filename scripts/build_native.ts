/** Builds `native/` into `native/build/`: the library, its addon for Node, and the C programs that the benchmarks compare it with. */
import { globSync } from "node:fs";
import { basename } from "node:path";
import { commandLine } from "./lib/command_line.ts";
import { linkNativeFiles } from "./lib/link_native_files.ts";
import { root } from "./lib/repository.ts";
import { ADDON, libraryName } from "./lib/targets.ts";
import { link, object, releaseFlags, type Step, Toolchain } from "./lib/toolchain.ts";

commandLine({
	name: "bun run build",
	help: {
		description:
			"Builds the C library, its addon for Node, and the C programs that the benchmarks compare it with, into native/build. Compiles only what has changed.",
	},
});
process.chdir(root);

/** `BUILD` is for a run with another compiler, so that it does not replace what belongs to this machine. */
const BUILD = process.env.BUILD ?? "native/build";
const suffix = process.platform === "darwin" ? "dylib" : "so";
const library = globSync("native/src/**/*.c").sort();
const platform = globSync("native/src/platform/*.c").sort();
const sharedFlags = ["-fPIC", "-fvisibility=hidden"];
// The library has handlers that run after a runtime has closed it: of signals, of fork, of the end of a thread.
const keepLoaded = process.platform === "linux" ? ["-Wl,-z,nodelete"] : [];
const named =
	process.platform === "darwin" ? [`-Wl,-install_name,${libraryName.darwin}`] : [`-Wl,-soname,${libraryName.linux}`];

interface Target {
	readonly output: string;
	readonly sources: readonly string[];
	readonly isShared: boolean;
	/** Flags of the compiler, in addition to those of every target. */
	readonly compiling?: readonly string[];
	/** Flags of the linker, in addition to those of every target. */
	readonly linking?: readonly string[];
}

/** What the addon is compiled and linked with. The functions of Node-API come from the program that loads it. */
const nodeApi = {
	compiling: ["-isystem", "node_modules/node-api-headers/include"],
	linking: process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [],
};

const targets: readonly Target[] = [
	{ output: `libipc.${suffix}`, sources: library, isShared: true, linking: named },
	{ output: ADDON, sources: globSync("native/node_api/*.c").sort(), isShared: true, ...nodeApi },
	{
		output: `callback_thread.${suffix}`,
		sources: ["native/bench/callback_thread.c", ...platform],
		isShared: true,
	},
	...["baseline", "ping_pong", "load"].map((program) => ({
		output: program,
		sources: [`native/bench/${program}.c`, ...platform],
		isShared: false,
	})),
	// macOS has neither robust mutexes nor semaphores between processes.
	...(process.platform === "linux"
		? [{ output: "sync", sources: ["native/bench/sync.c", ...library], isShared: false }]
		: []),
];

/** Targets of the same form share their objects. */
const objects = new Map<string, Step>();

function objectOf(source: string, { isShared, compiling = [] }: Target): Step {
	const output = `${BUILD}/objects/${isShared ? "shared" : "program"}/${basename(source, ".c")}.o`;
	const all = [...releaseFlags, ...(isShared ? sharedFlags : []), ...compiling];
	const step = objects.get(output) ?? object(source, output, all);
	objects.set(output, step);
	return step;
}

try {
	const toolchain = new Toolchain();
	const links = targets.map((target) =>
		link(
			target.sources.map((source) => objectOf(source, target)),
			`${BUILD}/${target.output}`,
			target.isShared
				? [...releaseFlags, "-shared", ...sharedFlags, ...keepLoaded, ...(target.linking ?? [])]
				: releaseFlags,
		),
	);
	await toolchain.makeAll([...objects.values()]);
	const made = await toolchain.makeAll(links);
	linkNativeFiles(root);
	if (made.length > 0)
		console.log(
			`built ${made.map(({ output }) => basename(output)).join(", ")} in ${BUILD} with ${toolchain.compiler}`,
		);
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exit(1);
}
