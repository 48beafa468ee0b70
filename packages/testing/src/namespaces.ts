/**
 * Starts test programs in Linux namespaces, as containers do. This needs root and `unshare` of util-linux: elsewhere
 * ({@link canCreateNamespaces}), such tests are skipped.
 */
import { spawnSync } from "node:child_process";

/** How each namespace is created. Clocks of a new time namespace are ahead, so that its start times are not those outside. */
const flags = {
	/** With a `/proc` that shows the processes of the namespace only. The program is process 1 there. */
	pid: ["--pid", "--mount-proc"],
	mount: ["--mount"],
	network: ["--net"],
	time: ["--time", "--monotonic", "1000", "--boottime", "1000"],
	/** Its root is the root outside. */
	user: ["--user", "--map-root-user"],
} as const;

export type Namespace = keyof typeof flags;

/** What separates two containers that share storage. */
export const CONTAINER: readonly Namespace[] = ["pid", "mount", "network", "time", "user"];

/**
 * The command that starts another command in new namespaces of these kinds: `StartOptions.within`. The other command ends
 * with it.
 */
export function inNamespaces(...namespaces: readonly Namespace[]): readonly string[] {
	if (namespaces.length === 0) return [];
	return ["unshare", ...namespaces.flatMap((each) => flags[each]), "--fork", "--kill-child"];
}

/** Whether this machine can create namespaces. It tries it, once. */
export function canCreateNamespaces(): boolean {
	can ??= tryNamespaces();
	return can;
}

let can: boolean | undefined;

function tryNamespaces(): boolean {
	if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
	const [command = "", ...options] = inNamespaces(...CONTAINER);
	return spawnSync(command, [...options, "true"], { stdio: "ignore" }).status === 0;
}
