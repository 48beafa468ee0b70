import { readFileSync, readlinkSync } from "./files.ts";

/** The identity of a thread for the other threads: a 64-bit number in two words, unique over time and never 0. */
export interface Identity {
	readonly low: number;
	readonly high: number;
}

const TASKS = "/proc/self/task";

/** State and start time of a thread: fields 3 and 22 of proc(5), counted from the last ")", because the name before it may hold any text. */
function readStat(path: string): { state: string; started: number } | undefined {
	const text = readFileSync(path, "utf8");
	const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
	const started = Number(fields[19]);
	// The low 32 bits of the clock ticks since boot, which repeat after 497 days.
	return fields[0] === undefined || Number.isNaN(started)
		? undefined
		: { state: fields[0], started: Number(BigInt.asIntN(32, BigInt(started))) };
}

/**
 * The identity of the calling thread: the system's number of the thread and its start time, so that a
 * number that is used again is another identity. Synchronous reads of files happen on the calling thread, so `/proc/thread-self` is
 * that thread. `undefined`: the system has no such directory.
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

/** Whether a thread of this process with that {@link systemIdentity} still runs, or is stopped. */
export function isSystemThreadAlive(low: number, high: number): boolean {
	try {
		const stat = readStat(`${TASKS}/${high}/stat`);
		if (stat === undefined || stat.state === "Z" || stat.state === "X") return false;
		return stat.started === low;
	} catch (error) {
		// These mean that there is no such thread, or not any more. Other errors (too many open files) mean nothing: it counts as alive.
		return isSystemError(error) && error.code !== "ENOENT" && error.code !== "ESRCH";
	}
}
