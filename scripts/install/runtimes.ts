/** The runtimes that libipc is installed for. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { root } from "../lib/repository.ts";
import { nodeBinary } from "../node_binary.ts";
import { toolFile } from "./tools.ts";

export const runtimeNames = ["Bun", "Node 20", "Node 22", "Node 24", "Node 26", "Deno"] as const;

export type RuntimeName = (typeof runtimeNames)[number];

export interface Runtime {
	readonly name: RuntimeName;
	/** What it is called in the PATH. */
	readonly program: "bun" | "node" | "deno";
	/** The path of its program. */
	readonly binary: string;
	/** The command that runs a program, without its file. */
	readonly command: readonly string[];
}

/** The versions of Node that the package is for. */
const { engines } = JSON.parse(readFileSync(`${root}packages/libipc/package.json`, "utf8")) as {
	readonly engines: { readonly node: string };
};

/** npm does not have every version of Node for every system. */
function isSupported(node: string): boolean {
	const { stdout } = spawnSync(node, ["-p", "process.versions.node"], { encoding: "utf8" });
	return Bun.semver.satisfies(stdout.trim(), engines.node);
}

function find(name: RuntimeName): Runtime | undefined {
	const node = (binary: string | undefined): Runtime | undefined =>
		binary === undefined || !isSupported(binary) ? undefined : { name, program: "node", binary, command: [binary] };
	switch (name) {
		case "Bun":
			return { name, program: "bun", binary: process.execPath, command: [process.execPath] };
		case "Node 20":
			return node(nodeBinary("20"));
		case "Node 22":
			return node(nodeBinary(22));
		case "Node 24":
			return node(nodeBinary(24));
		case "Node 26":
			return node(nodeBinary(26));
		case "Deno": {
			const libc = process.platform === "linux" ? "-glibc" : "";
			const binary = toolFile("deno", `@deno/${process.platform}-${process.arch}${libc}/deno`);
			return { name, program: "deno", binary, command: [binary, "run", "--allow-all"] };
		}
	}
}

/** The given runtimes that are on this machine, by name. */
export function findRuntimes(names: readonly RuntimeName[]): ReadonlyMap<RuntimeName, Runtime> {
	return new Map(
		names.flatMap((name) => {
			const runtime = find(name);
			return runtime === undefined ? [] : [[name, runtime] as const];
		}),
	);
}
