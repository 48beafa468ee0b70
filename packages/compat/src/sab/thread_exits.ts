import { getEnvironmentData, setEnvironmentData, threadId, type Worker } from "node:worker_threads";
import { SLOT_WORDS } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { instanceAt } from "../segment/slots.ts";
import { emptySlot, entryOf, ownerAt } from "./hub.ts";
import { threadWord } from "./hub_layout.ts";
import type { Identity } from "./identity.ts";

/**
 * Who has ended, where the system does not tell (that is, not on Linux): the thread that made a Worker hears of its end, and
 * empties the Worker's place in the hub; whoever has none is dead. It hears of it when its event loop goes round, so a main
 * thread that blocks notices nothing until then. A Worker's Workers end with it, so each place says who made its thread.
 */

/** Of the nearest thread above this one that uses libipc. */
const PARENT_KEY = "libipc.parent";

/** Of a place in the hub: the `low` of the thread above. */

/** No other thread of this process ever has this number. */
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

/** A thread has ended, and so have those that it had made. */
export function recordExit(hub: Segment, low: number): void {
	for (const { at, owner } of ownedSlots(hub)) {
		const each = Number(BigInt.asIntN(32, owner));
		const parent = hub.words[entryOf(hub, at) + threadWord.parent];
		if (each === low) emptySlot(hub, at, instanceAt(hub, at), owner);
		else if (parent === low) recordExit(hub, each);
	}
}

let parent = 0;

/** In every thread that may make Workers, before it does. */
export function watchThreads(hub: () => Segment): void {
	const above: unknown = getEnvironmentData(PARENT_KEY);
	if (typeof above === "number") parent = above;
	setEnvironmentData(PARENT_KEY, threadIdentity().low);
	process.on("worker", (worker: Worker) => {
		const low = worker.threadId + 1;
		const note = (): void => recordExit(hub(), low);
		if ("once" in worker) worker.once("exit", note);
		// Bun tells of its other kind, that of browsers, too.
		else (worker as EventTarget).addEventListener("close", note);
	});
}

/** Under whom this thread is, in its place. */
export function recordParent(hub: Segment, at: number): void {
	hub.words[entryOf(hub, at) + threadWord.parent] = parent;
}
