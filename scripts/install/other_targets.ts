/** The installed package in runtimes for other targets than this machine: each has to find its own library in it. */
import { existsSync } from "node:fs";
import { arm64Bun, arm64Node, missingMusl, missingQemu, muslBun, QEMU } from "../lib/foreign_runtimes.ts";
import type { Checks } from "./checks.ts";
import { exchange } from "./exchange.ts";
import type { Project } from "./project.ts";
import type { Runtime } from "./runtimes.ts";

interface Foreign {
	readonly name: string;
	readonly target: string;
	readonly missing: () => string | undefined;
	/** The command that runs a program, without its file. */
	readonly command: () => Promise<readonly string[]>;
}

/** The PATH of a project has neither of them. */
const pathOf = (program: string): string => Bun.which(program) ?? program;
const inQemu = (program: string): readonly string[] => QEMU.map(pathOf).concat(program);

const foreigners: readonly Foreign[] = [
	{
		name: "Bun for musl",
		target: "linux-x64-musl",
		missing: missingMusl,
		command: async () => {
			const { bun, env } = await muslBun();
			return [pathOf("env"), ...Object.entries(env).map(([name, value]) => `${name}=${value}`), bun];
		},
	},
	{
		name: "Bun for arm64",
		target: "linux-arm64",
		missing: missingQemu,
		command: async () => inQemu(await arm64Bun()),
	},
	{
		name: "Node for arm64",
		target: "linux-arm64",
		missing: missingQemu,
		command: async () => inQemu(await arm64Node()),
	},
];

/** Exchanges messages between each of these runtimes and Bun for this machine, in a project that has libipc. */
export async function checkOtherTargets(checks: Checks, project: Project, bun: Runtime): Promise<void> {
	for (const { name, target, missing, command } of foreigners) {
		const hasTarget = existsSync(project.path(`node_modules/libipc/native/${target}`));
		const reason = missing() ?? (hasTarget ? undefined : "the tarball has the library of this machine only");
		if (reason !== undefined) {
			checks.notRun(name, reason);
			continue;
		}
		const own = { project, command: [...bun.command, "exchange.mjs"] };
		await checks.check(`a receiver in ${bun.name}, a sender in ${name}`, async () => {
			await exchange(own, { project, command: [...(await command()), "exchange.mjs"] });
			return "";
		});
		await checks.check(`a receiver in ${name}, a sender in ${bun.name}`, async () => {
			await exchange({ project, command: [...(await command()), "exchange.mjs"] }, own);
			return "";
		});
	}
	checks.notRun("Node for musl, musl on arm64, macOS", "they cannot run here; the release workflow runs them");
}
