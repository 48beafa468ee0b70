import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** The PID namespace of this process, as `list` shows that of others; 0: the system does not say. */
function ownNamespace(): number {
	try {
		return Number(/\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? 0);
	} catch {
		return 0;
	}
}

const MOST_LETTERS = 48;

/** The program and its first argument that is no option: `node server.js`. The paths of both are left out. */
function shortCommand(words: readonly string[]): string {
	const [program = "", ...rest] = words;
	// npm's package of Bun has bun.exe on all systems.
	const name = basename(program).replace(/\.exe$/, "");
	const isScript = /^(node|bun|deno|python[\d.]*|sh|bash)$/.test(name);
	const script = isScript ? rest.find((word) => word !== "" && !word.startsWith("-") && word !== "run") : undefined;
	return script === undefined ? name : `${name} ${basename(script)}`;
}

let namespace: number | undefined;

/**
 * The name of the program that runs in a process, for people; `""` if it cannot be known: the process has ended, it is in another PID
 * namespace, or the system does not show it to this user.
 *
 * @param pidNamespace - The namespace that the number counts in.
 */
export function processName(pid: number, pidNamespace: number): string {
	namespace ??= ownNamespace();
	if (pid === 0 || (pidNamespace !== 0 && pidNamespace !== namespace)) return "";
	try {
		const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
		const short = shortCommand(words) || readFileSync(`/proc/${pid}/comm`, "utf8").trim();
		return short.length > MOST_LETTERS ? `${short.slice(0, MOST_LETTERS)}…` : short;
	} catch {
		return "";
	}
}
