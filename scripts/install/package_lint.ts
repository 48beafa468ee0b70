/** What can be said of a tarball without installing it. */
import { statSync } from "node:fs";
import { must } from "../lib/run.ts";
import { claim } from "./checks.ts";
import { Project } from "./project.ts";
import { anyNode, toolFile } from "./tools.ts";

/** npm shows the size of a package before it is installed; the libraries of all targets fit. */
const MOST_BYTES = 1_500_000;

const HOOKS = ["preinstall", "install", "postinstall", "prepare"];

interface Manifest {
	readonly name: string;
	readonly scripts?: Readonly<Record<string, string>>;
	readonly dependencies?: Readonly<Record<string, string>>;
	readonly optionalDependencies?: Readonly<Record<string, string>>;
	readonly peerDependencies?: Readonly<Record<string, string>>;
	readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export async function manifestOf(tarball: string): Promise<Manifest> {
	return JSON.parse(await must(["tar", "-xzOf", tarball, "package/package.json"])) as Manifest;
}

/** No install script, no dependency but libipc itself, and not too large. */
export async function checkManifest(tarball: string): Promise<string> {
	const { scripts = {}, ...manifest } = await manifestOf(tarball);
	const hooks = HOOKS.filter((hook) => hook in scripts);
	claim(hooks.length === 0, `it has install scripts: ${hooks.join(", ")}`);
	const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
	// No package manager installs an optional peer: a program that wants it has it already.
	const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
	const needed = [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers];
	const allowed = manifest.name === "libipc" ? [] : ["libipc"];
	const foreign = needed.filter((name) => !allowed.includes(name));
	claim(foreign.length === 0, `it depends on ${foreign.join(", ")}`);
	const bytes = statSync(tarball).size;
	claim(bytes <= MOST_BYTES, `it has ${bytes} bytes, more than ${MOST_BYTES}`);
	return `${(bytes / 1000).toFixed(0)} kB`;
}

/** publint finds no error, warning or suggestion. */
export async function runPublint(tarball: string): Promise<string> {
	const project = new Project("publint", { programs: { node: anyNode() } });
	const program = toolFile("publint", "publint/src/cli.js");
	const { status, output } = await project.run([anyNode(), program, "run", tarball, "--strict"]);
	claim(status === 0 && /all good/i.test(output), output);
	return "";
}

/** attw (Are The Types Wrong) finds no problem, with any way of TypeScript to find declarations. */
export async function runAttw(tarball: string): Promise<string> {
	const project = new Project("attw", { programs: { node: anyNode() } });
	const program = toolFile("attw", "@arethetypeswrong/cli/dist/index.js");
	const { status, output } = await project.run([anyNode(), program, tarball, "--format", "ascii"]);
	claim(status === 0, output);
	return "";
}
