/** The package managers, and what a user types to install libipc with each. */
import type { Project } from "./project.ts";
import { type Runtime, type RuntimeName, runtimeNames } from "./runtimes.ts";
import { npmProgram, toolFile } from "./tools.ts";

export interface PackageManager {
	readonly name: string;
	/** The runtime that runs the package manager itself. No other program is in the PATH. */
	readonly on: RuntimeName;
	/** Other runtimes that can run it: on a machine that has no other one, it has to install libipc, too. */
	readonly alsoOn?: readonly RuntimeName[];
	/** The runtimes that can run programs of its projects. */
	readonly runtimes: readonly RuntimeName[];
	/** Why the other runtimes cannot. */
	readonly whyNot?: string;
	/** Installs packages into the folder of a new project, without running their scripts. */
	readonly install: (project: Project, on: Runtime, packages: readonly string[]) => Promise<void>;
	/** Whether it installs a tarball from its path. */
	readonly takesPaths?: boolean;
	/** The command that runs a program, without its file. @defaultValue the runtime's own command */
	readonly command?: (runtime: Runtime) => Promise<readonly string[]>;
}

const inNode = runtimeNames.filter((name) => name.startsWith("Node"));

const pnpmProgram = () => toolFile("pnpm", `@pnpm/exe.${process.platform}-${process.arch}/pnpm`);
/** As yarn, Deno takes no package that is younger than a day. */
const ANY_AGE = "--minimum-dependency-age=0";
const yarn4Program = () => toolFile("yarn-4", "@yarnpkg/cli-dist/bin/yarn.js");

export const packageManagers: readonly PackageManager[] = [
	{
		name: "bun",
		on: "Bun",
		runtimes: runtimeNames,
		takesPaths: true,
		install: async (project, on, packages) => {
			await project.must([on.binary, "add", "--ignore-scripts", ...packages]);
		},
	},
	{
		name: "npm",
		on: "Node 22",
		alsoOn: ["Node 20", "Node 24", "Node 26"],
		runtimes: runtimeNames,
		takesPaths: true,
		install: async (project, on, packages) => {
			await project.must([on.binary, npmProgram(), "install", "--ignore-scripts", ...packages]);
		},
	},
	{
		name: "pnpm 12",
		on: "Node 24",
		runtimes: runtimeNames,
		takesPaths: true,
		install: async (project, _, packages) => {
			await project.must([pnpmProgram(), "add", "--ignore-scripts", ...packages]);
		},
	},
	{
		name: "yarn 1",
		on: "Node 22",
		runtimes: runtimeNames,
		takesPaths: true,
		install: async (project, on, packages) => {
			const yarn = toolFile("yarn-1", "yarn/bin/yarn.js");
			await project.must([on.binary, yarn, "add", "--ignore-scripts", "--non-interactive", ...packages]);
		},
	},
	{
		name: "yarn 4, PnP",
		on: "Node 24",
		runtimes: inNode,
		whyNot: "it does not read .pnp.cjs",
		install: async (project, on, packages) => {
			project.write("yarn.lock", "");
			project.write(
				".yarnrc.yml",
				[
					"nodeLinker: pnp",
					"enableScripts: false",
					"enableTelemetry: false",
					"enableGlobalCache: false",
					`npmRegistryServer: "${project.registry}"`,
					'unsafeHttpWhitelist: ["127.0.0.1"]',
					// A package is published seconds before. By default, yarn waits a day.
					"npmMinimalAgeGate: 0",
					"",
				].join("\n"),
			);
			await project.must([on.binary, yarn4Program(), "add", ...packages]);
		},
		command: async ({ binary }) => [binary, yarn4Program(), "node"],
	},
	{
		name: "deno",
		on: "Deno",
		runtimes: runtimeNames,
		install: async (project, on, packages) => {
			await project.must([on.binary, "add", ANY_AGE, ...packages.map((name) => `npm:${name}`)]);
			await project.must([on.binary, "install", ANY_AGE]);
		},
	},
	{
		name: "deno, no node_modules",
		on: "Deno",
		runtimes: ["Deno"],
		whyNot: "the packages are in the cache of Deno",
		install: async (project, on, packages) => {
			project.remove("package.json");
			project.write("deno.json", {});
			await project.must([on.binary, "add", ANY_AGE, ...packages.map((name) => `npm:${name}`)]);
		},
	},
];
