/** What a program changes about its process after its modules are loaded. */
import { execFileSync } from "node:child_process";
import { openSync } from "node:fs";

export interface Surroundings {
	/** A command for `sh`, in the namespaces of the program: for example one that mounts something. */
	readonly command?: string;
	/** The user and group that the process becomes. */
	readonly user?: number;
	/** Whether the process opens files until it may not open another one. */
	readonly noDescriptors?: boolean;
}

/** Opens files until there is no descriptor left. The limit of the process should be low, see `ulimit -n`. */
export function useAllDescriptors(): number[] {
	const files: number[] = [];
	try {
		for (;;) files.push(openSync("/dev/null", "r"));
	} catch {
		return files;
	}
}

export function enter({ command, user, noDescriptors = false }: Surroundings): void {
	if (noDescriptors) useAllDescriptors();
	if (command !== undefined) execFileSync("sh", ["-c", command], { stdio: ["ignore", "ignore", "inherit"] });
	if (user === undefined) return;
	process.setgroups?.([]);
	process.setgid?.(user);
	process.setuid?.(user);
}
