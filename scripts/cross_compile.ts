/** Compiles the C library and the Node-API addon for every system that libipc is published for, with Zig. */
import { globSync, mkdirSync, rmSync } from "node:fs";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { ADDON, libraryName, type Target, targets } from "./lib/targets.ts";
import { releaseFlags } from "./lib/toolchain.ts";
import { findZig } from "./lib/zig.ts";

const { flags: options } = commandLine({
	name: "bun scripts/cross_compile.ts",
	flags: {
		output: {
			type: String,
			placeholder: "<folder>",
			description: "where the results go, each in a folder with the name of its target",
			default: "native/build/cross",
		},
	},
	help: {
		description:
			"Compiles the C library and the Node-API addon for every system that libipc is published for. A warning fails the target. Installs Zig, unless ZIG is its path.",
	},
});
process.chdir(root);

const flags = [...releaseFlags, "-Werror", "-fPIC", "-fvisibility=hidden"];

/** One shared library of a target. */
interface Product {
	readonly output: string;
	readonly sources: readonly string[];
	/** Flags of the compiler. */
	readonly flags: readonly string[];
	/** Flags of the linker on Linux. */
	readonly linux: readonly string[];
	/** Flags of the linker on macOS. */
	readonly macos: readonly string[];
}

const productsOf = ({ library }: Target): readonly Product[] => [
	{
		output: library,
		sources: globSync("native/src/**/*.c").sort(),
		flags,
		// Old glibc has shm_open in librt; musl has an empty one. Handlers of the library run after a runtime has closed it.
		linux: ["-lrt", "-pthread", "-Wl,-z,nodelete", `-Wl,-soname,${libraryName.linux}`],
		macos: ["-install_name", libraryName.darwin],
	},
	{
		output: ADDON,
		sources: globSync("native/node_api/*.c").sort(),
		flags: [...flags, "-Inode_modules/node-api-headers/include"],
		linux: ["-ldl", "-pthread"],
		// The functions of Node-API are in the program that loads the addon. Without a name, it would be called by its path here.
		macos: ["-fallow-shlib-undefined", "-install_name", `@rpath/${ADDON}`],
	},
];

const linuxCommand = ({ triple }: Target, product: Product, output: string): string[] => [
	...["cc", "-target", triple, ...product.flags, "-shared", "-s", ...product.sources],
	...["-o", output, ...product.linux],
];

// The same compiler, but `zig cc` would link Zig's own memcpy in front of the system's much faster one, and export it.
const macosCommand = ({ triple }: Target, product: Product, output: string): string[] => [
	...["build-lib", "-dynamic", "-target", triple, "-O", "ReleaseFast", "-fstrip", "-fno-compiler-rt", "-lc"],
	...[...product.macos, `-femit-bin=${output}`],
	// There is no PLT to avoid, and -Werror refuses the flag.
	...["-cflags", ...product.flags.filter((flag) => flag !== "-fno-plt"), "--", ...product.sources],
];

/** What went wrong; undefined if nothing did. */
async function compile(zig: string, target: Target, product: Product, output: string): Promise<string | undefined> {
	rmSync(output, { force: true });
	const command = target.platform === "darwin" ? macosCommand : linuxCommand;
	const { status, output: text } = await run([zig, ...command(target, product, output)]);
	// -Werror does not catch warnings of the linker. What Zig prints about its own start-up code does not matter.
	if (status === 0) return /native\/(src|node_api)\//.test(text) ? text : undefined;
	return text || `${zig} ended without a message`;
}

let zig: string;
try {
	zig = findZig();
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exit(2);
}
let failures = 0;
for (const target of targets) {
	const folder = `${options.output}/${target.name}`;
	mkdirSync(folder, { recursive: true });
	for (const product of productsOf(target)) {
		const output = `${folder}/${product.output}`;
		const failure = await compile(zig, target, product, output);
		if (failure === undefined) {
			console.log(output);
		} else {
			failures++;
			console.error(`${output}: failed\n${failure.trimEnd()}`);
		}
	}
}
process.exit(failures ? 1 : 0);
