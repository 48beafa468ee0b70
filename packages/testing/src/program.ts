/** The program's side of `TestProgram`: the same on a thread and in a process. */
import { isMainThread, parentPort, workerData } from "node:worker_threads";

/** The arguments that the test gave. */
export const args: readonly string[] = isMainThread
	? process.argv.slice(2)
	: ((workerData as { args?: string[] } | null)?.args ?? []);

/** Says a line to the test. */
export function say(line: string): void {
	if (parentPort) parentPort.postMessage(line);
	else console.log(line);
}
