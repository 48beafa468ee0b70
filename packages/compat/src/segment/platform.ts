import type { Segment } from "./segment.ts";

/**
 * What the protocol asks of the world around it, as `native/src/platform/platform.h` does: who is alive, sleeping and
 * waking, the name lock. Threads of one process have one (`threads.ts`), processes another.
 *
 * Times are milliseconds, Infinity for ever. A waker and an owner are 64-bit numbers in two words.
 */
export interface Platform {
	now(): number;
	/** Sleeps while the word is `expected`, for at most so long. May end early: the caller looks again. */
	wait(words: Int32Array, index: number, expected: number, milliseconds: number): void;
	wakeAll(words: Int32Array, index: number): void;
	/** Rings an event loop. Never waits, whatever the number. */
	signal(low: number, high: number): void;
	/** Who this thread is: unique over time, never 0. */
	readonly self: { readonly low: number; readonly high: number };
	readonly pid: number;
	/** Whether that thread still runs, or is stopped. */
	isAlive(low: number, high: number): boolean;
	/** How many can run at once. */
	readonly processors: number;
	/**
	 * Takes the name lock of a segment: 0, `Status.orphaned` if its name leads elsewhere by now, or `Status.busy` when the
	 * patience is over. A dead holder's is taken over.
	 */
	lock(segment: Segment, patience: number): number;
	unlock(segment: Segment): void;
	/** Removes the name. Under the name lock. */
	unlink(segment: Segment): void;
	/** Whether the name still leads to this segment, as the world knows; `Segment.isOrphaned` asks the header first. */
	isNamed(segment: Segment): boolean;
	/** Keeps the segment's memory for this segment as long as `view`, which is a part of it, lives. With a place on it. */
	keep(segment: Segment, view: object): void;
}
