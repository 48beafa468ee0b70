/** TypeScript programs of users: programs/consumer.mts and its CommonJS neighbours, with the compilers that users have. */
import { join } from "node:path";
import { root } from "../lib/repository.ts";
import { claim } from "./checks.ts";
import type { Project } from "./project.ts";
import { anyNode, toolFile } from "./tools.ts";

interface Compiler {
	readonly name: string;
	/** TypeScript 6 and later have no `node10`, which does not read `exports`. */
	readonly hasNode10: boolean;
	/** The path of the compiler. */
	readonly program: () => string;
}

export const compilers: readonly Compiler[] = [
	...["5.6", "5.9", "6"].map((version) => ({
		name: `TypeScript ${version}`,
		hasNode10: version < "6",
		program: () => toolFile(`typescript-${version}`, "typescript/bin/tsc"),
	})),
	// The one that checks the repository.
	{ name: "TypeScript 7", hasNode10: false, program: () => join(root, "node_modules/typescript/bin/tsc") },
];

interface Setting {
	readonly module: "preserve" | "nodenext" | "node16" | "commonjs";
	readonly moduleResolution: "bundler" | "nodenext" | "node16" | "node10";
	/** Whether the project has the types of Node, or those of a browser. */
	readonly library: "node" | "dom";
}

const settings: readonly Setting[] = [
	{ module: "preserve", moduleResolution: "bundler", library: "dom" },
	{ module: "nodenext", moduleResolution: "nodenext", library: "node" },
	{ module: "node16", moduleResolution: "node16", library: "dom" },
	{ module: "commonjs", moduleResolution: "node10", library: "node" },
];

/** Whether a program is checked in a setting. */
const belongs = (program: string, { module, library }: Setting): boolean =>
	module === "commonjs" ? program.endsWith(".cts") : library === "node" || program !== "streams.mts";

/** ES modules, and CommonJS modules that import libipc dynamically and that require it. */
const programs = ["consumer.mts", "streams.mts", "dynamic.cts", "required.cts"];

const libraries = {
	node: { lib: ["es2022"], types: ["node"] },
	dom: { lib: ["es2020", "dom"], types: [] },
};

/** Checks the programs in all settings with one compiler, in a project that has libipc. Returns what it has checked. */
export async function checkTypes(project: Project, compiler: Compiler): Promise<string> {
	const compilerProgram = compiler.program();
	const types = toolFile("node-types", "@types");
	for (const program of programs) project.add(program);
	const possible = settings.filter(({ moduleResolution }) => moduleResolution !== "node10" || compiler.hasNode10);
	for (const setting of possible) {
		const { module, moduleResolution, library } = setting;
		project.write("tsconfig.json", {
			compilerOptions: {
				target: "es2022",
				module,
				moduleResolution,
				...libraries[library],
				typeRoots: [types],
				strict: true,
				exactOptionalPropertyTypes: true,
				noUncheckedIndexedAccess: true,
				// All declarations are checked, but not those that come with the compiler.
				skipLibCheck: false,
				skipDefaultLibCheck: true,
				noEmit: true,
			},
			files: programs.filter((program) => belongs(program, setting)),
		});
		const { status, output } = await project.run([anyNode(), compilerProgram, "-p", "tsconfig.json"]);
		claim(status === 0, `module ${module}, moduleResolution ${moduleResolution}, lib ${library}:\n${output}`);
	}
	return `moduleResolution ${possible.map(({ moduleResolution }) => moduleResolution).join(", ")}`;
}
