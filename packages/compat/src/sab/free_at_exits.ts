import { IpcError } from "@libipc/protocol";
import { emptySlots, isHubUsed, systemKnowsThreads } from "./hub.ts";
import { freeLeftovers } from "./reserve.ts";
import { onWorkerExit } from "./thread_exits.ts";
import { type Threads, threads } from "./threads.ts";

/** How long this waits for the lock of names. If others have it all the time, the next search frees what is left. Milliseconds. */
const PATIENCE = 100;

/** A runtime may report the end of a Worker before the system has ended its thread. Milliseconds until the next looks. */
const LATER: readonly number[] = [50, 200, 500];

function here(): Threads | undefined {
	try {
		return threads();
	} catch (error) {
		// This thread cannot use libipc: then another one frees.
		if (error instanceof IpcError) return undefined;
		throw error;
	}
}

/** Frees what ended threads have left in the hub. False: no thread has ended since the last time, or the lock was taken. */
function freeEnded(threads: Threads): boolean {
	// Where the system does not say which threads live, thread_exits.ts has emptied the slots already.
	if (emptySlots(threads.hub) === 0 && systemKnowsThreads(threads.blocks.buffer)) return false;
	if (!threads.lockNames(PATIENCE)) return false;
	freeLeftovers(threads);
	threads.unlockNames();
	return true;
}

function look(later: readonly number[]): void {
	const mine = isHubUsed() ? here() : undefined;
	if (!mine || freeEnded(mine)) return;
	const [next, ...rest] = later;
	if (next !== undefined) setTimeout(look, next, rest).unref();
}

/** Frees what a Worker has left when it ends, in every way. To be called in every thread that may create Workers, before it does. */
export function freeAtWorkerExits(): void {
	onWorkerExit(() => look(LATER));
}
