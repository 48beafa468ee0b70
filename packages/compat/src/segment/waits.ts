import { headerWord, Status, WAIT_WORDS, waitWord } from "@libipc/protocol";
import type { Segment } from "./segment.ts";

/**
 * Who waits in what has no ring, in order; each is woken on its own: `native/src/waits.h`. A wait is an index in the table.
 * As in event.ts the Atomics make its fences.
 */
const { deaths: DEATHS, nextTicket: NEXT_TICKET, waitEntriesUsed: ENTRIES_USED, waiting: COUNT } = headerWord;
const { deaths: SEEN_DEATHS, instance: INSTANCE, state: STATE, waker: WAKER, what: WHAT } = waitWord;
const IDLE = 0;
const WAITING = 1;
const NOTIFIED = 2;
const TAGS = 3;

/** What locks, semaphores and conditions wait for; in shared memory the offset of a word, divided by 4. */
export const ACQUIRE = 0;
export const READERS = 1;
export const ANY = -1;

const TICKET_SHIFT = 2;
const TICKET: number = ~TAGS;
/** Tickets, shifted. */
const JUST_NOW = 1 << 20;

const entry = (segment: Segment, index: number): number => segment.waits + index * WAIT_WORDS;

const entriesUsed = (segment: Segment): number =>
	Math.min(Atomics.load(segment.words, ENTRIES_USED) >>> 0, segment.maxWaits);

function raiseEntriesUsed(words: Int32Array, used: number): void {
	for (let before = Atomics.load(words, ENTRIES_USED); before < used; ) {
		const found = Atomics.compareExchange(words, ENTRIES_USED, before, used);
		if (found === before) return;
		before = found;
	}
}

/** Enters a wait: its index, or `Status.tooManyWaits`. The waker is 0 for a thread that will sleep. */
export function enter(segment: Segment, instance: number, what: number, low: number, high: number): number {
	const { words } = segment;
	for (let index = 0; index < segment.maxWaits; index++) {
		const at = entry(segment, index);
		// First: whoever is killed with the entry taken must be found by forget().
		raiseEntriesUsed(words, index + 1);
		if (words[at + INSTANCE] !== 0 || Atomics.compareExchange(words, at + INSTANCE, 0, instance) !== 0) continue;
		words[at + WHAT] = what;
		words[at + WAKER] = low;
		words[at + WAKER + 1] = high;
		words[at + SEEN_DEATHS] = words[DEATHS] as number;
		// Counted before it is WAITING and for longer: killed in between, the count is too high, never too low.
		Atomics.add(words, COUNT, 1);
		Atomics.store(words, at + STATE, (Atomics.add(words, NEXT_TICKET, 1) << TICKET_SHIFT) | WAITING);
		return index;
	}
	return Status.tooManyWaits;
}

/** Waits again, in the old place of the order: a wait that was notified and could not make use of it. */
export function renew(segment: Segment, index: number): void {
	const { words } = segment;
	const at = entry(segment, index) + STATE;
	Atomics.store(words, at, ((words[at] as number) & TICKET) | WAITING);
}

/** Damaged, it is neither: that is no state to sleep in, nor would anybody wake it. */
export const isNotified = (segment: Segment, index: number): boolean =>
	(Atomics.load(segment.words, entry(segment, index) + STATE) & TAGS) !== WAITING;

/** `header.deaths` when the wait began. */
export const deathsAtStart = (segment: Segment, index: number): number =>
	segment.words[entry(segment, index) + SEEN_DEATHS] as number;

/** Sleeps for at most `slice` and not past `deadline`. */
export function sleepWait(segment: Segment, index: number, deadline: number, slice: number): void {
	const { words, platform } = segment;
	const at = entry(segment, index) + STATE;
	const seen = Atomics.load(words, at);
	const left = deadline - platform.now();
	if ((seen & TAGS) === WAITING && left > 0) platform.wait(words, at, seen, Math.min(left, slice));
}

/** Takes a wait out of the table. True: it had been notified, and who leaves without what it waited for notifies another. */
export function leave(segment: Segment, index: number): boolean {
	const { words } = segment;
	const at = entry(segment, index);
	const state = Atomics.exchange(words, at + STATE, IDLE);
	Atomics.sub(words, COUNT, 1);
	Atomics.store(words, at + INSTANCE, 0);
	return (state & TAGS) === NOTIFIED;
}

/** Takes the waits of a dead handle out. What had been notified is made good by `deaths`, and by who looks at locks. */
export function forget(segment: Segment, instance: number): void {
	const { words } = segment;
	for (let index = 0, used = entriesUsed(segment); index < used; index++) {
		const at = entry(segment, index);
		if (Atomics.load(words, at + INSTANCE) !== instance) continue;
		// IDLE: killed before it was counted, or after it was counted out, or just between.
		if ((Atomics.exchange(words, at + STATE, IDLE) & TAGS) !== IDLE) Atomics.sub(words, COUNT, 1);
		Atomics.store(words, at + INSTANCE, 0);
	}
}

/** Takes the waits of a handle out that is closed, and notifies others where they had been. */
export function leaveAll(segment: Segment, instance: number): void {
	const { words } = segment;
	for (let index = 0, used = entriesUsed(segment); index < used; index++) {
		const at = entry(segment, index);
		if (words[at + INSTANCE] !== instance) continue;
		const what = words[at + WHAT] as number;
		if (leave(segment, index)) notifyWaits(segment, what, 1);
	}
}

/** Notifies a wait if it is still the one whose state was seen. */
function notifyOne(segment: Segment, at: number, seen: number): boolean {
	const { words, platform } = segment;
	const low = words[at + WAKER] as number;
	const high = words[at + WAKER + 1] as number;
	if (Atomics.compareExchange(words, at + STATE, seen, (seen & TICKET) | NOTIFIED) !== seen) return false;
	if (low !== 0 || high !== 0) platform.signal(low, high);
	else platform.wakeAll(words, at + STATE);
	return true;
}

/**
 * Whether a state that was seen is that of somebody who waits for it, and did not just come: so that those who are notified
 * and wait once more do not keep a notifier for ever. What seems to be far ahead of `end` has waited through half a round
 * of the tickets.
 */
function isMeant(words: Int32Array, at: number, state: number, what: number, end: number): boolean {
	const sinceEnd = ((state & TICKET) - end) >>> TICKET_SHIFT;
	return (state & TAGS) === WAITING && sinceEnd >= JUST_NOW && (what === ANY || words[at + WHAT] === what);
}

/** Notifies the `count` that have waited longest, of those there were at the call; answers how many there were. */
function notifySome(segment: Segment, what: number, count: number): number {
	const { words } = segment;
	// Who comes later, or waits once more, has seen the change.
	const end = (words[NEXT_TICKET] as number) << TICKET_SHIFT;
	let notified = 0;
	while (notified < count) {
		let oldest = -1;
		let oldestState = 0;
		for (let index = 0, used = entriesUsed(segment); index < used; index++) {
			const at = entry(segment, index);
			const state = Atomics.load(words, at + STATE);
			if (!isMeant(words, at, state, what, end)) continue;
			if (oldest >= 0 && (((state & TICKET) - (oldestState & TICKET)) | 0) >= 0) continue;
			oldest = at;
			oldestState = state;
		}
		if (oldest < 0) break;
		if (notifyOne(segment, oldest, oldestState)) notified++;
	}
	return notified;
}

/** Notifies as {@link notifySome} does, if anybody waits at all. The condition has been changed by an Atomics store. */
export function notifyWaits(segment: Segment, what: number, count: number): number {
	return Atomics.load(segment.words, COUNT) === 0 ? 0 : notifySome(segment, what, count);
}

/** Notifies all; ANY: whatever they wait for. */
export function notifyAll(segment: Segment, what: number): number {
	const { words } = segment;
	const end = Atomics.load(words, NEXT_TICKET) << TICKET_SHIFT;
	let notified = 0;
	for (let index = 0, used = entriesUsed(segment); index < used; index++) {
		const at = entry(segment, index);
		const state = Atomics.load(words, at + STATE);
		if (isMeant(words, at, state, what, end) && notifyOne(segment, at, state)) notified++;
	}
	return notified;
}

/** Whether somebody waits by that handle. */
export function hasWaiting(segment: Segment, instance: number): boolean {
	const { words } = segment;
	for (let index = 0, used = entriesUsed(segment); index < used; index++) {
		const at = entry(segment, index);
		if (words[at + INSTANCE] === instance && ((words[at + STATE] as number) & TAGS) === WAITING) return true;
	}
	return false;
}
