import { EVENTS, headerWord, Kind } from "@libipc/protocol";
import { notify } from "./event.ts";
import type { Segment } from "./segment.ts";
import { ANY, notifyAll } from "./waits.ts";

const { orphaned: ORPHANED } = headerWord;

/** Whether the name no longer leads to this segment: `ipc_segment_is_orphaned`. Marks the segment if no thread has yet. */
export function isOrphaned(segment: Segment): boolean {
	if (Atomics.load(segment.words, ORPHANED) !== 0) return true;
	if (segment.platform.isNamed(segment)) return false;
	markOrphaned(segment);
	return true;
}

/** Marks a segment whose name leads to another segment, or to none. Its endpoints wake and see the mark. */
export function markOrphaned(segment: Segment): void {
	Atomics.compareExchange(segment.words, ORPHANED, 0, 1); // the mark of a truncated file stays
	for (let event = 0; event < EVENTS; event++) notify(segment, event);
	// Shared memory can be used as well without its name.
	if (segment.kind !== Kind.memory) notifyAll(segment, ANY);
}
