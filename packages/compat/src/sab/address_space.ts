import { readFileSync } from "./files.ts";

/** The bytes of addresses that a limit of the process (`ulimit -v`) still allows; `Infinity`: there is none, or it cannot be read. */
export function addressesLeft(): number {
	try {
		const most = Number(/^Max address space +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
		if (most === Infinity) return Infinity;
		const used = Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) * 1024;
		return Math.max(most - used, 0);
	} catch {
		return Infinity; // not Linux, or Node's permission model forbids it
	}
}
