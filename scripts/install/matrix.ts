/** Every package manager with every runtime: libipc is installed in an empty folder, and two processes exchange messages. */
import { type Checks, claim } from "./checks.ts";
import { exchange } from "./exchange.ts";
import { type PackageManager, packageManagers } from "./package_managers.ts";
import { Project } from "./project.ts";
import type { Registry } from "./registry.ts";
import { type Runtime, type RuntimeName, runtimeNames } from "./runtimes.ts";

export interface Matrix {
	readonly head: readonly string[];
	readonly rows: readonly (readonly string[])[];
}

/** What a cell of the table says. */
const PASSED = "passed";
const FAILED = "FAILED";
const NOT_RUN = "not run";
const IMPOSSIBLE = "-";
const NOT_CHOSEN = "";

/** A project with one runtime in its PATH, in which a package manager installs packages. */
export async function install(
	manager: PackageManager,
	on: Runtime,
	registry: Registry,
	packages: readonly string[],
): Promise<Project> {
	const programs = { [on.program]: on.binary };
	const project = new Project(manager.name, { programs, registry: registry.url });
	project.write("package.json", { private: true });
	await manager.install(project, on, packages);
	return project;
}

/** Two processes in one runtime. */
async function exchangeIn(project: Project, manager: PackageManager, runtime: Runtime): Promise<string> {
	const start = (await manager.command?.(runtime)) ?? runtime.command;
	project.add("exchange.mjs");
	const side = { project, command: [...start, "exchange.mjs"] };
	await exchange(side, side);
	return "";
}

/** What a package manager has put into the project. Deno may keep packages elsewhere. */
function sizeOf(project: Project): string {
	const kilobytes = Math.round(project.bytes(".") / 1000);
	return kilobytes === 0 ? IMPOSSIBLE : `${kilobytes} kB`;
}

/** Runs the chosen cells of the package managers and the given runtimes. */
export async function runMatrix(
	checks: Checks,
	registry: Registry,
	runtimes: ReadonlyMap<RuntimeName, Runtime>,
	isChosen: (manager: PackageManager, runtime: RuntimeName) => boolean,
): Promise<Matrix> {
	const columns = runtimeNames.filter((name) => runtimes.has(name));
	const rows: string[][] = [];
	for (const manager of packageManagers) {
		const on = runtimes.get(manager.on);
		if (on === undefined) {
			checks.notRun(manager.name, `there is no ${manager.on}, which it runs on`);
			rows.push([manager.name, NOT_RUN, "", ...columns.map(() => NOT_RUN)]);
			continue;
		}
		let project: Project | undefined;
		const installing = await checks.check(`${manager.name} on ${on.name} installs`, async () => {
			project = await install(manager, on, registry, ["libipc"]);
			return "";
		});
		const row = project
			? [manager.name, `${installing.seconds.toFixed(1)} s`, sizeOf(project)]
			: [manager.name, FAILED, ""];
		for (const name of columns) {
			const runtime = runtimes.get(name);
			if (runtime === undefined || !manager.runtimes.includes(name)) {
				row.push(IMPOSSIBLE);
				continue;
			}
			if (!isChosen(manager, name)) {
				row.push(NOT_CHOSEN);
				continue;
			}
			const { passed } = await checks.check(`${manager.name}: ${name} with ${name}`, async () => {
				claim(project !== undefined, "libipc is not installed");
				return exchangeIn(project, manager, runtime);
			});
			row.push(passed ? PASSED : FAILED);
		}
		rows.push(row);
	}
	for (const { name, whyNot } of packageManagers)
		if (whyNot !== undefined) checks.note(`${IMPOSSIBLE} ${name}: ${whyNot}`);
	return { head: ["installed with", "in", "takes", ...columns], rows };
}

/** The package managers that run on several runtimes, where there is only one of those. */
export async function installOnOthers(
	checks: Checks,
	registry: Registry,
	runtimes: ReadonlyMap<RuntimeName, Runtime>,
): Promise<void> {
	for (const manager of packageManagers)
		for (const name of manager.alsoOn ?? []) {
			const on = runtimes.get(name);
			if (on !== undefined)
				await checks.check(`${manager.name} on ${name} installs, and ${name} with ${name}`, async () =>
					exchangeIn(await install(manager, on, registry, ["libipc"]), manager, on),
				);
		}
}

/** The package managers that install a tarball from a path; each in the runtime that it runs on. */
export async function installTarball(
	checks: Checks,
	registry: Registry,
	runtimes: ReadonlyMap<RuntimeName, Runtime>,
	tarball: string,
): Promise<void> {
	for (const manager of packageManagers) {
		const on = runtimes.get(manager.on);
		if (on === undefined || manager.takesPaths !== true) continue;
		await checks.check(`${manager.name} on ${on.name} installs the tarball from its path`, async () => {
			const project = await install(manager, on, registry, [tarball]);
			return exchangeIn(project, manager, on);
		});
	}
}
