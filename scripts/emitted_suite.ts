/** The suite as Node runs it: JavaScript, with the package as npm would install it. */
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { emitPackages, otherEntries, writeCodeOf } from "./packed_code.ts";

const FOLDER = "build/emit";

/** The folder with the compiled files of the suite. */
export const emittedSuite = `${FOLDER}/packages/conformance/src`;

const modules = `${FOLDER}/node_modules`;

function writePackage(folder: string, name: string, exports: unknown): void {
	mkdirSync(folder, { recursive: true });
	writeFileSync(`${folder}/package.json`, JSON.stringify({ name, type: "module", exports }));
}

function link(target: string, path: string): void {
	mkdirSync(dirname(path), { recursive: true });
	symlinkSync(target, path);
}

/**
 * Compiles the suite, and the package that it is about. Node loads the modules of the package from one file, as users do: to load a
 * hundred sources and to strip their types takes a Worker or process more time than most cases need.
 */
export async function emitSuite(): Promise<void> {
	rmSync(FOLDER, { recursive: true, force: true });
	const compiled = `${FOLDER}/compiled`;
	await emitPackages(compiled);
	const libipc = `${modules}/libipc`;
	await writeCodeOf(compiled, `${libipc}/dist`, "libipc/node", new Map([["libipc/node.js", "node"]]));
	const others = [...otherEntries()].map(([specifier, place]) => [
		specifier.replace(/^libipc/, "."),
		`./dist/${place}.js`,
	]);
	writePackage(libipc, "libipc", { ".": "./dist/libipc/node.js", ...Object.fromEntries(others) });
	link("../../../../packages/native", `${libipc}/native`);
	// As published: another name for libipc.
	const compat = `${modules}/@libipc/compat`;
	writePackage(compat, "@libipc/compat", "./index.js");
	writeFileSync(`${compat}/index.js`, 'export * from "libipc";\n');
	for (const name of ["testing", "conformance"]) {
		const folder = `${FOLDER}/packages/${name}`;
		writePackage(folder, `@libipc/${name}`, { "./*": "./src/*.js" });
		cpSync(`${compiled}/${name}/src`, `${folder}/src`, { recursive: true, filter: (file) => !file.endsWith(".d.ts") });
	}
	link("../../packages/testing", `${modules}/@libipc/testing`);
	rmSync(compiled, { recursive: true });
}
