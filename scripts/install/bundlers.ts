/** Bundlers: what they make of programs/exchange.mjs runs, or says which setting has to change. */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { filesOf, type Target, targets } from "../lib/targets.ts";
import { claim } from "./checks.ts";
import { exchange } from "./exchange.ts";
import { Project } from "./project.ts";
import type { RuntimeName } from "./runtimes.ts";
import { anyNode, toolFile } from "./tools.ts";

/**
 * `alone`: the folder of the bundle has everything, and runs where libipc is not installed. `installed`: the bundle imports
 * libipc from `node_modules`. `refused`: the bundle has the code of libipc without its libraries, and the error of the first open names the setting.
 */
type Outcome = "alone" | "installed" | "refused";

/** What the error of a bundle without a library says. */
const SETTING = /Leave libipc out of the bundle/;

export interface Bundling {
	readonly name: string;
	readonly outcome: Outcome;
	readonly on: RuntimeName;
	/** The file in the folder `out` of the project that runs. */
	readonly file: string;
	/** Makes the folder `out` of the project from exchange.mjs. */
	readonly bundle: (project: Project) => Promise<unknown>;
}

const bun =
	(...options: readonly string[]) =>
	(project: Project) =>
		project.must([process.execPath, "build", "exchange.mjs", "--outdir=out", "--entry-naming=[name].mjs", ...options]);

const esbuild =
	(file: string, ...options: readonly string[]) =>
	async (project: Project) => {
		const program = toolFile("esbuild", "esbuild/bin/esbuild");
		const fixed = ["exchange.mjs", "--bundle", "--platform=node", `--outfile=out/${file}`, "--log-level=warning"];
		return project.must([anyNode(), program, ...fixed, ...options]);
	};

const vite = (ssr: object) => async (project: Project) => {
	project.write(
		"vite.config.mjs",
		`export default ${JSON.stringify({ ssr })};
`,
	);
	const program = toolFile("vite", "vite/bin/vite.js");
	return project.must([anyNode(), program, "build", "--ssr", "exchange.mjs", "--outDir", "out", "--logLevel", "warn"]);
};

/**
 * webpack takes the libraries of all targets, and stops if one is missing. A tarball for this machine has one target, so its
 * files also stand for those of the others.
 */
function addOtherTargets(project: Project): void {
	const folderOf = (target: Target): string => project.path(`node_modules/libipc/native/${target.name}`);
	const own = targets.find((target) => existsSync(folderOf(target)));
	if (own === undefined) return;
	for (const target of targets.filter((each) => !existsSync(folderOf(each))))
		for (const [at, file] of filesOf(target).entries())
			cpSync(join(folderOf(own), filesOf(own)[at] ?? ""), join(folderOf(target), file));
}

const webpack = (isExternal: boolean) => async (project: Project) => {
	addOtherTargets(project);
	project.add("webpack.cjs");
	return project.must([anyNode(), "webpack.cjs", toolFile("webpack", "webpack"), isExternal ? "external" : "bundled"]);
};

export const bundlings: readonly Bundling[] = [
	{ name: "bun build, for Bun", outcome: "alone", on: "Bun", file: "exchange.mjs", bundle: bun("--target=bun") },
	{
		name: "bun build, for Node, external",
		outcome: "installed",
		on: "Node 24",
		file: "exchange.mjs",
		bundle: bun("--target=node", "--external=libipc"),
	},
	{
		name: "bun build, for Node",
		outcome: "refused",
		on: "Node 24",
		file: "exchange.mjs",
		bundle: bun("--target=node"),
	},
	{
		name: "esbuild, ESM, external",
		outcome: "installed",
		on: "Node 24",
		file: "exchange.mjs",
		bundle: esbuild("exchange.mjs", "--format=esm", "--external:libipc"),
	},
	{
		name: "esbuild, CommonJS, external",
		outcome: "installed",
		on: "Node 24",
		file: "exchange.cjs",
		bundle: esbuild("exchange.cjs", "--format=cjs", "--external:libipc"),
	},
	{
		name: "esbuild, ESM",
		outcome: "refused",
		on: "Node 24",
		file: "exchange.mjs",
		bundle: esbuild("exchange.mjs", "--format=esm"),
	},
	{
		name: "esbuild, CommonJS",
		outcome: "refused",
		on: "Node 24",
		file: "exchange.cjs",
		bundle: esbuild("exchange.cjs", "--format=cjs"),
	},
	{ name: "Vite SSR", outcome: "installed", on: "Node 24", file: "exchange.mjs", bundle: vite({}) },
	{
		name: "Vite SSR, noExternal",
		outcome: "refused",
		on: "Node 24",
		file: "exchange.mjs",
		bundle: vite({ noExternal: true }),
	},
	{
		name: "Vite SSR, noExternal, external",
		outcome: "installed",
		on: "Node 24",
		file: "exchange.mjs",
		bundle: vite({ noExternal: true, external: ["libipc"] }),
	},
	{ name: "webpack, externals", outcome: "installed", on: "Node 24", file: "exchange.mjs", bundle: webpack(true) },
	{ name: "webpack", outcome: "alone", on: "Node 24", file: "exchange.mjs", bundle: webpack(false) },
];

/** Bundles the exchange in a project that has libipc, and checks the outcome. Returns it. */
export async function checkBundling(project: Project, bundling: Bundling, command: readonly string[]): Promise<string> {
	const { name, outcome, file, bundle } = bundling;
	project.add("exchange.mjs");
	project.remove("out");
	await bundle(project);
	const program = [...command, `out/${file}`];
	if (outcome === "installed") {
		await exchange({ project, command: program }, { project, command: program });
		return outcome;
	}
	const empty = new Project(`bundle ${name}`);
	cpSync(project.path("out"), empty.path("out"), { recursive: true });
	using _ = project.hidden();
	if (outcome === "alone") {
		await exchange({ project: empty, command: program }, { project: empty, command: program });
		return `${outcome}, ${(empty.bytes("out") / 1e3).toFixed(0)} kB`;
	}
	const { status, output } = await empty.run([...program, "receive", `install-${process.pid}-refused`]);
	claim(status !== 0 && SETTING.test(output), `it ended with ${status}, and names no setting:\n${output}`);
	return "refused, with the setting to change";
}
