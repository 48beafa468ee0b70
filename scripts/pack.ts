/**
 * Makes what npm installs out of the packages: JavaScript and declarations instead of sources, for Node does not run
 * TypeScript in node_modules, and the native library of this machine. The tarballs are in build/npm.
 *
 *   bun run pack
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const OUTPUT = "build/npm";
const EMITTED = `${OUTPUT}/emitted`;
const LIBRARY = `libipc.${process.platform === "darwin" ? "dylib" : "so"}`;

type Exports = string | { readonly [condition: string]: Exports };

/** What a package exports once it is compiled. */
function compiled(exports: Exports): Exports {
	if (typeof exports !== "string")
		return Object.fromEntries(
			Object.entries(exports).map(([condition, to]) => [
				condition,
				condition === "types" && typeof to === "string" ? at(to, ".d.ts") : compiled(to),
			]),
		);
	return { types: at(exports, ".d.ts"), default: at(exports, ".js") };
}

const at = (source: string, extension: string) => source.replace(/^\.\/src\//, "./dist/").replace(/\.ts$/, extension);

function run(command: string, ...args: readonly string[]): void {
	const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
	if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
}

rmSync(OUTPUT, { recursive: true, force: true });
run(process.execPath, "x", "tsc", "-p", "tsconfig.emit.json", "--outDir", EMITTED);
for (const name of ["protocol", "core", "compat", "libipc"]) {
	const staged = `${OUTPUT}/${name}`;
	mkdirSync(staged, { recursive: true });
	const { private: _, exports, ...rest } = JSON.parse(readFileSync(`packages/${name}/package.json`, "utf8"));
	const files = ["dist", "native"];
	writeFileSync(
		`${staged}/package.json`,
		`${JSON.stringify({ ...rest, exports: compiled(exports), files }, undefined, "\t")}\n`,
	);
	cpSync(`${EMITTED}/${name}/src`, `${staged}/dist`, { recursive: true });
	cpSync("LICENSE", `${staged}/LICENSE`);
	cpSync("README.md", `${staged}/README.md`);
	// In the package whose `native/load_library.ts` looks for it.
	if (name === "core" && existsSync(`native/build/${LIBRARY}`)) {
		mkdirSync(`${staged}/native`);
		cpSync(`native/build/${LIBRARY}`, `${staged}/native/${LIBRARY}`);
	}
	run("npm", "pack", `./${staged}`, "--pack-destination", OUTPUT);
	rmSync(staged, { recursive: true });
}
rmSync(EMITTED, { recursive: true });
