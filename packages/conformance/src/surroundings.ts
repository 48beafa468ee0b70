/** What a program changes about its process after its modules are loaded, and before it opens a name. */
import { execFileSync } from "node:child_process";

export interface Surroundings {
	/** A command for `sh`, in the namespaces of the program: for example one that mounts something. */
	readonly command?: string;
	/** The user and group that the process becomes. */
	readonly user?: number;
}

export function enter({ command, user }: Surroundings): void {
	if (command !== undefined) execFileSync("sh", ["-c", command], { stdio: ["ignore", "ignore", "inherit"] });
	if (user === undefined) return;
	process.setgroups?.([]);
	process.setgid?.(user);
	process.setuid?.(user);
}
