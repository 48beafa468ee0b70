/** What a platform needs of a segment: all of it, by words and by bytes. */
export interface MappedSegment {
	readonly words: Int32Array;
	readonly bytes: Uint8Array;
}

/**
 * What the protocol needs from its surroundings, as in `native/src/platform/platform.h`: which threads live, sleeping and waking,
 * the name lock. The threads of one process have one implementation (`sab/threads.ts`), processes another
 * (`node/segment_platform.ts`).
 *
 * Times are milliseconds; Infinity means for ever. A waker and an owner are 64-bit numbers in two words.
 */
export interface Platform {
	now(): number;
	/** Whole milliseconds of the clock that all endpoints of the segment share. `now` may differ between processes. */
	monotonicMs(): number;
	/**
	 * Sleeps while the word is `expected`, for at most so long. It may return earlier, so the caller checks its condition again.
	 *
	 * @returns True if `endsEarly` and a signal handler of the program ran meanwhile (SIGHUP, SIGINT, SIGTERM). JavaScript runs
	 * its part of the handler from the event loop, so a call with a deadline then ends as if that had passed.
	 */
	wait(words: Int32Array, index: number, expected: number, milliseconds: number, endsEarly: boolean): boolean;
	wakeAll(words: Int32Array, index: number): void;
	/** Signals an event loop. Never waits, also for a number that is no waker. */
	signal(low: number, high: number): void;
	/** Lets the users that may write to the segment signal a waker of this thread. Called before its number is written there. */
	admitTo(low: number, high: number): void;
	/**
	 * What a slot records about its owner, as in `native/src/slot_owner.h`: the identity (of the process, or between the threads of
	 * one process of the thread: unique over time, never 0), the thread's number within it, the namespace of the process id.
	 */
	readonly self: {
		readonly low: number;
		readonly high: number;
		readonly thread: number;
		readonly pidNamespace: number;
	};
	readonly pid: number;
	/** Whether the process or thread with that identity still runs, or is stopped. */
	isAlive(low: number, high: number, pid: number, pidNamespace: number): boolean;
	/** How many threads can run at the same time. */
	readonly processors: number;
	/**
	 * Takes the name lock of a segment: 0, `Status.orphaned` if its name leads to another segment by now, or `Status.busy` after
	 * `patience`. The lock of a dead holder is taken over.
	 */
	lock(segment: MappedSegment, patience: number): number;
	unlock(segment: MappedSegment): void;
	/** Removes the name. Under the name lock. */
	unlink(segment: MappedSegment): void;
	/** Whether the name still leads to this segment. `isOrphaned` asks the header first. */
	isNamed(segment: MappedSegment): boolean;
	/** Keeps the memory of a segment as long as `view`, a part of it, lives. The caller has a slot on it. */
	retain(segment: MappedSegment, view: object): void;
}
