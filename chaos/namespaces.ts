/** Processes in PID namespaces of their own. They share the storage with the others, and each of them has process id 1. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * `none`: those of the experiment. `pid`: a PID namespace, with the `/proc` of the experiment. `proc`: with a matching `/proc`.
 * `time`: also a time namespace, whose clocks are 1,000 s ahead.
 */
export const NAMESPACES = ["none", "pid", "proc", "time"] as const;
export type Namespace = (typeof NAMESPACES)[number];

const pidOptions = ["--pid", "--fork", "--kill-child"];
const options: Readonly<Record<Exclude<Namespace, "none">, readonly string[]>> = {
	pid: pidOptions,
	proc: [...pidOptions, "--mount-proc"],
	time: [...pidOptions, "--mount-proc", "--time", "--boottime", "1000", "--monotonic", "1000"],
};

const canRun = (command: readonly string[]): boolean =>
	spawnSync(command[0] ?? "", [...command.slice(1), "true"], { stdio: "ignore" }).status === 0;

/** What gives this user the right to make namespaces; undefined: nothing does. */
function findRight(): readonly string[] | undefined {
	if (process.platform !== "linux") return undefined;
	return [[], ["--user", "--map-root-user"]].find((right) => canRun(["unshare", ...right, ...options.time]));
}

const right = findRight();

export const canUnshare = right !== undefined;

/** The start of a command line that runs a program in new namespaces. Without the right to make them: nothing. */
export function commandFor(namespace: Namespace): readonly string[] {
	return namespace === "none" || !right ? [] : ["unshare", ...right, ...options[namespace]];
}

/** The process that `unshare` has started; undefined if it has not started it yet, or has seen its end. */
export function programOf(unshare: number): number | undefined {
	try {
		return Number(readFileSync(`/proc/${unshare}/task/${unshare}/children`, "utf8").trim()) || undefined;
	} catch {
		return undefined;
	}
}

/** What the program printed, without what `unshare` prints when the program was killed. */
export const withoutNoise = (output: string): string =>
	output.replace(/^unshare: sigprocmask unblock failed.*\n?/gm, "");
