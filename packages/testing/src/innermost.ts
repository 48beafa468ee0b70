import { readFileSync } from "node:fs";
import { isRunning } from "./process_state.ts";

function childrenOf(pid: number): number[] {
	try {
		return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
	} catch {
		return [];
	}
}

/** The program that a command like `StartOptions.within` has started, by its id out here: the last in the line of children. */
export function innermost(pid: number): number {
	const child = childrenOf(pid).find(isRunning);
	return child === undefined ? pid : innermost(child);
}
