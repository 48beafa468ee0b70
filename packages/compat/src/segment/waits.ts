import { headerWord, Status, WAIT_WORDS, waitWord } from "@libipc/protocol";
import { asleepSince, sleepOn } from "./event.ts";
import type { Segment } from "./segment.ts";

/**
 * The table of waits of a segment without a ring. Waits have an order, and each is woken separately: `native/src/waits.h`. A wait is
 * an index of the table. As in event.ts, Atomics take the place of the fences.
 */
const { deaths: DEATHS, nextTicket: NEXT_TICKET, waitEntriesUsed: ENTRIES_USED, waiting: COUNT } = headerWord;
const { deaths: SEEN_DEATHS, instance: INSTANCE, since: SINCE, state: STATE, waker: WAKER, what: WHAT } = waitWord;
const IDLE = 0;
const WAITING = 1;
const NOTIFIED = 2;
const TAGS = 3;

/** What the waiters of locks, semaphores and conditions wait for. In shared memory it is the offset of a word, divided by 4. */
export const ACQUIRE = 0;
export const READERS = 1;
export const ANY = -1;

const TICKET_SHIFT = 2;
const TICKET: number = ~TAGS;
/** So many tickets, shifted. */
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
	if (low !== 0 || high !== 0) segment.platform.admitTo(low, high);
	for (let index = 0; index < segment.maxWaits; index++) {
		const at = entry(segment, index);
		// First, because forget() must find the entry of a thread that is killed after it has taken the entry.
		raiseEntriesUsed(words, index + 1);
		if (words[at + INSTANCE] !== 0 || Atomics.compareExchange(words, at + INSTANCE, 0, instance) !== 0) continue;
		words[at + WHAT] = what;
		words[at + WAKER] = low;
		words[at + WAKER + 1] = high;
		words[at + SINCE] = asleepSince(segment);
		words[at + SEEN_DEATHS] = words[DEATHS] as number;
		// It is counted before it is WAITING, and longer. So a kill leaves the count too high, never too low.
		Atomics.add(words, COUNT, 1);
		Atomics.store(words, at + STATE, (Atomics.add(words, NEXT_TICKET, 1) << TICKET_SHIFT) | WAITING);
		return index;
	}
	return Status.tooManyWaits;
}

/** Waits again at the same position of the order, after a notification that was of no use. */
export function renew(segment: Segment, index: number): void {
	const { words } = segment;
	const at = entry(segment, index) + STATE;
	Atomics.store(words, at, ((words[at] as number) & TICKET) | WAITING);
}

/** A damaged state counts as notified: no thread would wake a sleeper in it. */
export const isNotified = (segment: Segment, index: number): boolean =>
	(Atomics.load(segment.words, entry(segment, index) + STATE) & TAGS) !== WAITING;

/** The value of `header.deaths` when the wait began. */
export const deathsAtStart = (segment: Segment, index: number): number =>
	segment.words[entry(segment, index) + SEEN_DEATHS] as number;

/** Sleeps for at most `slice`, and not past `deadline`. True: the call ends early, as after {@link sleepOn}. */
export function sleepWait(segment: Segment, index: number, deadline: number, slice: number): boolean {
	const at = entry(segment, index) + STATE;
	const seen = Atomics.load(segment.words, at);
	return (seen & TAGS) === WAITING && sleepOn(segment, at, seen, deadline, slice);
}

/** Removes a wait. True: it had been notified. A waiter that leaves without what it waited for then notifies another one. */
export function leave(segment: Segment, index: number): boolean {
	const { words } = segment;
	const at = entry(segment, index);
	const state = Atomics.exchange(words, at + STATE, IDLE);
	Atomics.sub(words, COUNT, 1);
	Atomics.store(words, at + INSTANCE, 0);
	return (state & TAGS) === NOTIFIED;
}

/**
 * Removes one wait of a dead handle; several threads may do so at the same time, and the wait may be notified meanwhile. The ticket in
 * its state says that it is still the same wait, and the instance is read again after the state: see `waits_forget_one` in waits.c.
 */
function forgetOne({ words }: Segment, at: number, instance: number): void {
	for (;;) {
		const state = Atomics.load(words, at + STATE);
		if (Atomics.load(words, at + INSTANCE) !== instance) return;
		// IDLE: the thread was killed before the wait was counted, after it was uncounted, or between the two.
		if ((state & TAGS) === IDLE) break;
		if (Atomics.compareExchange(words, at + STATE, state, IDLE) !== state) continue;
		Atomics.sub(words, COUNT, 1);
		break;
	}
	Atomics.compareExchange(words, at + INSTANCE, instance, 0);
}

/** Removes the waits of a dead handle. `deaths`, and the polls of those that wait for locks, make up for notifications it had received. */
export function forget(segment: Segment, instance: number): void {
	const { words } = segment;
	for (let index = 0, used = entriesUsed(segment); index < used; index++) {
		const at = entry(segment, index);
		if (Atomics.load(words, at + INSTANCE) === instance) forgetOne(segment, at, instance);
	}
}

/** Removes the waits of a handle that is closed, and passes their notifications on. */
export function leaveAll(segment: Segment, instance: number): void {
	const { words } = segment;
	for (let index = 0, used = entriesUsed(segment); index < used; index++) {
		const at = entry(segment, index);
		if (words[at + INSTANCE] !== instance) continue;
		const what = words[at + WHAT] as number;
		if (leave(segment, index)) notifyWaits(segment, what, 1);
	}
}

/** Notifies a wait if its state is still the one that was seen. */
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
 * Whether a state that was seen belongs to a wait for `what` that began before the notification. Otherwise waiters that are notified
 * and wait again could keep a notifier busy for ever. A ticket that seems to be far ahead of `end` has waited through half a round of
 * all tickets.
 */
function isMeant(words: Int32Array, at: number, state: number, what: number, end: number): boolean {
	const sinceEnd = ((state & TICKET) - end) >>> TICKET_SHIFT;
	return (state & TAGS) === WAITING && sinceEnd >= JUST_NOW && (what === ANY || words[at + WHAT] === what);
}

/** Notifies the `count` longest waits that existed at the time of the call; returns how many it notified. */
function notifySome(segment: Segment, what: number, count: number): number {
	const { words } = segment;
	// A waiter that comes later, or waits again, has seen the change.
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

/** Notifies as {@link notifySome} does, if there are waits at all. The caller has changed the condition by an Atomics store. */
export function notifyWaits(segment: Segment, what: number, count: number): number {
	return Atomics.load(segment.words, COUNT) === 0 ? 0 : notifySome(segment, what, count);
}

/** Notifies all waits for `what`; with ANY all waits. */
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

/** Since when the waits of a handle in the table have been waiting: what {@link enter} recorded. None: it does not wait. */
export function waitingSince(segment: Segment, instance: number): number[] {
	const { words } = segment;
	const since: number[] = [];
	for (let index = 0, used = entriesUsed(segment); index < used; index++) {
		const at = entry(segment, index);
		if (words[at + INSTANCE] === instance && ((words[at + STATE] as number) & TAGS) === WAITING)
			since.push(words[at + SINCE] as number);
	}
	return since;
}
