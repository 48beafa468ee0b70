import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const names = ["protocol", "core", "compat", "libipc", "testing", "conformance"];

/**
 * Puts what tsc has emitted of the packages into a folder in which the packages import each other's JavaScript, and not the sources.
 * The folder must have the depth of `build/compiled`.
 *
 * @param emitted - The folder with what tsc has emitted: `<emitted>/core/src/index.js`.
 * @param folder - Where the packages go: `<folder>/packages/core/src/index.js`. It is made again.
 */
export function makeCompiledPackages(emitted: string, folder: string): void {
	rmSync(folder, { recursive: true, force: true });
	for (const name of names) {
		const to = `${folder}/packages/${name}`;
		cpSync(`${emitted}/${name}/src`, `${to}/src`, { recursive: true, filter: (file) => !file.endsWith(".d.ts") });
		const description = readFileSync(`packages/${name}/package.json`, "utf8");
		writeFileSync(`${to}/package.json`, description.replaceAll('.ts"', '.js"'));
		const link = `${folder}/node_modules/${name === "libipc" ? name : `@libipc/${name}`}`;
		mkdirSync(dirname(link), { recursive: true });
		symlinkSync(`${name === "libipc" ? ".." : "../.."}/packages/${name}`, link);
	}
	symlinkSync("../../../packages/native", `${folder}/packages/native`);
}
