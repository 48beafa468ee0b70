/** The other end of {@link Peer}, for programs. */
import { parentPort, workerData } from "node:worker_threads";

/** What the program was told. */
export const args: readonly string[] = (workerData as { args?: string[] } | null)?.args ?? [];

/** Says a line to who started it. */
export function say(line: string): void {
	parentPort?.postMessage(line);
}
