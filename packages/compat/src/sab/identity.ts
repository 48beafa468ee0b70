import { readFileSync, readlinkSync } from "node:fs";

/** Who a thread is, for the others: a 64-bit number in two words, unique over time and never 0. */
export interface Identity {
	readonly low: number;
	readonly high: number;
}

const TASKS = "/proc/self/task";

/** State and start time of a thread: fields 3 and 22 of proc(5), counted from the last ")", for the name before it may hold anything. */
function readStat(path: string): { state: string; started: number } | undefined {
	const text = readFileSync(path, "utf8");
	const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
	const started = Number(fields[19]);
	// The low 32 bits of clock ticks since boot: those go round in 497 days.
	return fields[0] === undefined || Number.isNaN(started)
		? undefined
		: { state: fields[0], started: Number(BigInt.asIntN(32, BigInt(started))) };
}

/**
 * As the C engine has it: the number of the system's thread, and when it started, so that a number used again is somebody
 * else. Reading files synchronously happens on the calling thread, which `/proc/thread-self` therefore is. `undefined`: there
 * is no such directory.
 */
export function systemIdentity(): Identity | undefined {
	try {
		const task = readlinkSync("/proc/thread-self").split("/").pop();
		const stat = readStat(`${TASKS}/${task}/stat`);
		return stat && { low: stat.started, high: Number(task) };
	} catch {
		return undefined;
	}
}

const isSystemError = (error: unknown): error is Error & { code: string } => error instanceof Error && "code" in error;

/** Whether a thread of that {@link systemIdentity} still runs, or is stopped; in this process, or in any with `tasks` "/proc". */
export function isSystemThreadAlive(low: number, high: number, tasks: string = TASKS): boolean {
	try {
		const stat = readStat(`${tasks}/${high}/stat`);
		if (stat === undefined || stat.state === "Z" || stat.state === "X") return false;
		return stat.started === low || low === 0; // 0: the C engine could not learn it
	} catch (error) {
		// No such thread, also while it was read. Anything else (too many open files) tells nothing: then it counts as alive.
		return isSystemError(error) && error.code !== "ENOENT" && error.code !== "ESRCH";
	}
}
