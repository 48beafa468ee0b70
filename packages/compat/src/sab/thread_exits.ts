import { getEnvironmentData, setEnvironmentData, threadId, type Worker } from "node:worker_threads";
import { SLOT_WORDS } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { instanceAt } from "../segment/slots.ts";
import { emptySlot, entryOf, ownerAt } from "./hub.ts";
import { threadWord } from "./hub_layout.ts";
import type { Identity } from "./identity.ts";

/**
 * Notices the end of threads where the system does not say which threads live (that is, everywhere but on Linux). The thread that
 * created a Worker gets the Worker's exit event, and empties the Worker's slot in the hub. A thread without a slot is dead. The event
 * comes when the event loop of that thread runs, so a main thread that blocks notices nothing until then. The Workers of a Worker end
 * with it. Therefore the entry of each thread in the hub says which thread created it.
 */

/** Under this key a Worker finds the identity of the nearest thread above it that uses libipc. */
const PARENT_KEY = "libipc.parent";

/** The identity of this thread: no other thread of this process ever has the same. */
export const threadIdentity = (): Identity => ({ low: threadId + 1, high: 0 });

function* ownedSlots(hub: Segment): IterableIterator<{ at: number; owner: bigint }> {
	for (let index = 0; index < hub.maxReceivers; index++) {
		const at = hub.receivers + index * SLOT_WORDS;
		const owner = ownerAt(hub, at);
		if (owner !== 0n) yield { at, owner };
	}
}

export function isThreadRegistered(hub: Segment, low: number, high: number): boolean {
	for (const { owner } of ownedSlots(hub))
		if (owner === ((BigInt(high) << 32n) | BigInt.asUintN(32, BigInt(low)))) return true;
	return false;
}

/** Empties the slots of a thread that has ended, and of the threads that it had created: they have ended too. */
export function recordExit(hub: Segment, low: number): void {
	for (const { at, owner } of ownedSlots(hub)) {
		const each = Number(BigInt.asIntN(32, owner));
		const parent = hub.words[entryOf(hub, at) + threadWord.parent];
		if (each === low) emptySlot(hub, at, instanceAt(hub, at), owner);
		else if (parent === low) recordExit(hub, each);
	}
}

let parent = 0;

/** Calls `exited` with the `low` of each Worker that this thread creates from now on, when it has ended. */
export function onWorkerExit(exited: (low: number) => void): void {
	process.on("worker", (worker: Worker) => {
		const low = worker.threadId + 1;
		if ("once" in worker) worker.once("exit", () => exited(low));
		// Bun reports its browser-like Workers, too.
		else (worker as EventTarget).addEventListener("close", () => exited(low));
	});
}

/** To be called in every thread that may create Workers, before it does. */
export function watchThreads(hub: () => Segment): void {
	const above: unknown = getEnvironmentData(PARENT_KEY);
	if (typeof above === "number") parent = above;
	setEnvironmentData(PARENT_KEY, threadIdentity().low);
	onWorkerExit((low) => recordExit(hub(), low));
}

/** Writes into this thread's entry which thread is above it. */
export function recordParent(hub: Segment, at: number): void {
	hub.words[entryOf(hub, at) + threadWord.parent] = parent;
}
