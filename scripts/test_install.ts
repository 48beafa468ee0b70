/**
 * Installs the packed tarballs as users do, and runs them: every package manager in an empty folder, from a registry on loopback,
 * with no compiler in the PATH and no install scripts; every runtime; TypeScript projects; bundles and executables.
 *
 *   bun run test:install                        everything
 *   bun run test:install --quick                what bun run test:all runs
 *   bun run test:install managers bundles       these parts
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { bundlings, checkBundling } from "./install/bundlers.ts";
import { Checks } from "./install/checks.ts";
import { exchange } from "./install/exchange.ts";
import { checkExecutable } from "./install/executable.ts";
import { install, installOnOthers, installTarball, type Matrix, runMatrix } from "./install/matrix.ts";
import { checkOtherTargets } from "./install/other_targets.ts";
import { checkManifest, manifestOf, runAttw, runPublint } from "./install/package_lint.ts";
import { packageManagers } from "./install/package_managers.ts";
import { type Project, temporaryFolder } from "./install/project.ts";
import { Registry } from "./install/registry.ts";
import { checkRequired } from "./install/required.ts";
import { findRuntimes, type Runtime, type RuntimeName, runtimeNames } from "./install/runtimes.ts";
import { startTime } from "./install/start_times.ts";
import { anyNode, npmProgram, toolFile } from "./install/tools.ts";
import { checkTypes, compilers } from "./install/type_checks.ts";
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { must } from "./lib/run.ts";
import { table } from "./lib/table.ts";

const parts = [
	"tarballs",
	"managers",
	"paths",
	"together",
	"targets",
	"required",
	"times",
	"types",
	"executable",
	"bundles",
] as const;
type Part = (typeof parts)[number];

const { flags, _ } = commandLine({
	name: "bun run test:install",
	parameters: ["[parts...]"],
	flags: {
		quick: { type: Boolean, description: "The part that bun run test:all runs", default: false },
		tarballs: {
			type: String,
			placeholder: "<folder>",
			description: "Install these tarballs. By default they are packed, with the library of this machine only",
		},
	},
	help: { description: `Installs the packed tarballs as users do, and runs them. Parts: ${parts.join(", ")}` },
});
const folder = flags.tarballs === undefined ? join(root, "build/npm") : resolve(flags.tarballs);
process.chdir(root);

function fail(message: string): never {
	console.error(message);
	process.exit(2);
}

const unknown = _.parts.find((name) => !parts.some((part) => part === name));
if (unknown !== undefined) fail(`There is no part "${unknown}". Choose from: ${parts.join(", ")}`);

interface Scope {
	readonly parts: readonly Part[];
	readonly runtimes: readonly RuntimeName[];
	/** The package managers whose projects run in all runtimes, and not only in the one that the package manager needs. Without it, all. */
	readonly managers?: readonly string[];
	/** By their names; without it, all. */
	readonly compilers?: readonly string[];
	readonly bundlings?: readonly string[];
}

const scope: Scope = flags.quick
	? {
			parts: ["tarballs", "managers", "together", "required", "types", "executable", "bundles"],
			runtimes: ["Bun", "Node 22", "Node 24", "Node 26", "Deno"],
			managers: ["npm"],
			compilers: ["TypeScript 5.6", "TypeScript 7"],
			bundlings: ["bun build, for Bun", "bun build, for Node, external"],
		}
	: { parts, runtimes: runtimeNames };
const has = (part: Part): boolean => scope.parts.includes(part) && (_.parts.length === 0 || _.parts.includes(part));
const chosen = <Named extends { readonly name: string }>(all: readonly Named[], names?: readonly string[]) =>
	all.filter(({ name }) => names?.includes(name) ?? true);

const checks = new Checks();
if (flags.tarballs === undefined) await must([process.execPath, "run", "pack", "--this-machine"]);
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".tgz")) : [];
const tarballs = await Promise.all(
	files.map(async (file) => ({ tarball: join(folder, file), name: (await manifestOf(join(folder, file))).name })),
);
const libipc = tarballs.find(({ name }) => name === "libipc")?.tarball;
if (libipc === undefined) fail(`There is no tarball of libipc in ${folder}.`);

if (has("tarballs"))
	for (const { tarball } of tarballs) {
		const file = basename(tarball);
		await checks.check(`${file} has no scripts and no dependencies`, () => checkManifest(tarball));
		if (flags.quick) continue;
		await checks.check(`publint has nothing to say of ${file}`, () => runPublint(tarball));
		await checks.check(`attw finds no problem in ${file}`, () => runAttw(tarball));
	}

const runtimes = findRuntimes(scope.runtimes);
for (const name of scope.runtimes)
	if (!runtimes.has(name)) checks.notRun(name, "npm has no such runtime for this machine that libipc supports");

const verdaccio = toolFile("verdaccio", "verdaccio/bin/verdaccio");
await using registry = await Registry.start(verdaccio, anyNode(), join(temporaryFolder(), "registry"));
for (const { tarball } of tarballs) await registry.publish([anyNode(), npmProgram()], tarball);

let matrix: Matrix | undefined;
if (has("managers"))
	matrix = await runMatrix(
		checks,
		registry,
		runtimes,
		({ name, on }, runtime) => on === runtime || (scope.managers?.includes(name) ?? true),
	);
if (has("managers") && !flags.quick) await installOnOthers(checks, registry, runtimes);
if (has("paths")) await installTarball(checks, registry, runtimes, libipc);

/** What is checked in one project that has all three names. */
async function checkProject(project: Project, bun: Runtime): Promise<void> {
	project.add("exchange.mjs");
	if (has("together"))
		for (const other of runtimes.values()) {
			if (other === bun) continue;
			for (const [receiver, sender] of [
				[bun, other],
				[other, bun],
			] as const)
				await checks.check(`a receiver in ${receiver.name}, a sender in ${sender.name}`, async () => {
					const sideIn = ({ command }: Runtime) => ({ project, command: [...command, "exchange.mjs"] });
					await exchange(sideIn(receiver), sideIn(sender));
					return "";
				});
		}
	if (has("targets")) await checkOtherTargets(checks, project, bun);
	if (has("required"))
		for (const runtime of runtimes.values())
			await checks.check(`CommonJS in ${runtime.name}`, () => checkRequired(project, runtime));
	if (has("times"))
		for (const runtime of runtimes.values())
			await checks.check(`import and first open in ${runtime.name}`, () => startTime(project, runtime));
	if (has("types"))
		for (const compiler of chosen(compilers, scope.compilers))
			await checks.check(`types for ${compiler.name}`, () => checkTypes(project, compiler));
	if (has("executable"))
		await checks.check("an executable of bun build --compile", () => checkExecutable(project, bun.binary));
	if (has("bundles"))
		for (const bundling of chosen(bundlings, scope.bundlings)) {
			const on = runtimes.get(bundling.on);
			if (on === undefined) checks.notRun(bundling.name, `there is no ${bundling.on}`);
			else await checks.check(bundling.name, () => checkBundling(project, bundling, on.command));
		}
}

const npm = packageManagers.find(({ name }) => name === "npm");
const node = runtimes.get("Node 24") ?? runtimes.get("Node 22");
const bun = runtimes.get("Bun");
if (npm && node && bun)
	await checkProject(
		await install(
			npm,
			node,
			registry,
			tarballs.map(({ name }) => name),
		),
		bun,
	);
else checks.notRun("what needs a project that npm has made", "there is no Node 22 or 24");

if (matrix) console.log(`\n${table(matrix.head, matrix.rows)}\n`);
process.exitCode = checks.close().failed === 0 ? 0 : 1;
