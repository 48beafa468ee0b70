import { EVENT_WORDS, EVENTS, EventIndex, headerWord, SLOT_WORDS, slotWord } from "@libipc/protocol";
import { loadInOrder } from "./load_in_order.ts";
import type { Segment } from "./segment.ts";

/**
 * Sleeps until another thread changes something. A notification costs nothing if no thread sleeps. `native/src/event.h` gives the
 * steps, and says why no wake-up is lost. Its two fences are not needed here: the store that changes the condition and the load of
 * the flag after it are both sequentially consistent, and so are the store of the flag and the load of the condition.
 */
const {
	eventFlags: FLAGS,
	eventWords: WORDS,
	receiverCount: RECEIVER_COUNT,
	receiverSlotsUsed: RECEIVER_SLOTS_USED,
	senderCount: SENDER_COUNT,
	senderSlotsUsed: SENDER_SLOTS_USED,
} = headerWord;
const { armed: ARMED, instance: INSTANCE, since: SINCE, waker: WAKER } = slotWord;

/** Bits of a flag: which kinds of waiters there are. */
const SLEEPERS = 1;
const WAKERS = 2;
/** Of the event `space`: stays while a sender waits until receivers have read. See `native/src/read_point.c`. */
const ALWAYS = 4;
/** With ALWAYS, from this bit on: another number for each wait that begins. */
const NUMBER = 8;
/** In `armed` of a sender's slot, beside the events: it waits until receivers have read. */
export const AWAITS_READING: number = 1 << EVENTS;

/** The longest sleep without a check for dead peers, in milliseconds: less than half of the second within which a death must be noticed. */
export const SLICE = 400;
/** The first sleep is shorter, so that the first check for dead peers comes early. */
export const FIRST_SLICE = 20;

/** The events for which an endpoint counts as sleeping: a message, or space. Not for others to join. */
const SLEPT_FOR = (1 << EventIndex.data) | (1 << EventIndex.space) | (1 << EventIndex.claimFree);

/** What slots and waits record of when a sleep begins: `ipc_asleep_since` in event.h. */
export const asleepSince = ({ platform }: Segment): number => platform.monotonicMs() | 0;

/** Signals the wakers of the slots that are armed for the event. Each armed bit is taken by one notifier. */
function signalSlots(segment: Segment, first: number, count: number, bit: number): void {
	const { words, platform } = segment;
	for (let at = first, end = first + count * SLOT_WORDS; at < end; at += SLOT_WORDS) {
		if (((words[at + ARMED] as number) & bit) === 0) continue;
		if (Atomics.and(words, at + ARMED, ~bit) & bit)
			platform.signal(words[at + WAKER] as number, words[at + WAKER + 1] as number);
	}
}

const atMost = (words: Int32Array, index: number, most: number): number =>
	Math.min(Atomics.load(words, index) >>> 0, most);

function isReadingAwaited(segment: Segment): boolean {
	const { words, senders } = segment;
	const end = senders + atMost(words, SENDER_SLOTS_USED, segment.maxSenders) * SLOT_WORDS;
	for (let at = senders; at < end; at += SLOT_WORDS)
		if (Atomics.load(words, at + ARMED) & AWAITS_READING && Atomics.load(words, at + INSTANCE) !== 0) return true;
	return false;
}

/** Clears ALWAYS when no sender needs it any more: `event_drop_always` in event.c. `seen` is the flag. */
function dropAlways(segment: Segment, flag: number, seen: number): void {
	if (!isReadingAwaited(segment)) Atomics.compareExchange(segment.words, flag, seen, 0);
}

/** Whether the sender whose slot is `at` waits until receivers have read. */
export const awaitsReading = ({ words }: Segment, at: number): boolean =>
	(Atomics.load(words, at + ARMED) & AWAITS_READING) !== 0;

/** It begins to wait, and receivers publish each position: `ipc_event_want_always`. */
export function wantAlways({ words }: Segment, at: number, number: number): void {
	const flag = FLAGS + EventIndex.space;
	Atomics.or(words, at + ARMED, AWAITS_READING);
	for (let before = Atomics.load(words, flag); ; ) {
		const wanted = (before & (SLEEPERS | WAKERS)) | ALWAYS | Math.imul(number, NUMBER);
		const found = Atomics.compareExchange(words, flag, before, wanted);
		if (found === before) return;
		before = found;
	}
}

/** It does not wait any more: the next notifier sees that, and clears the flag. */
export function endReadWaits({ words }: Segment, at: number): void {
	Atomics.and(words, at + ARMED, ~AWAITS_READING);
}

/** Wakes all waiters of the event. The caller has changed the condition by an Atomics store. */
export function wake(segment: Segment, event: number): void {
	const { words } = segment;
	// The change elects one of several notifiers: its wake covers the changes of the others.
	const wanted = Atomics.and(words, FLAGS + event, ~(SLEEPERS | WAKERS));
	if (wanted & ALWAYS) dropAlways(segment, FLAGS + event, wanted & ~(SLEEPERS | WAKERS));
	const index = WORDS + event * EVENT_WORDS;
	// Without sleepers, the word only counts: a waiter that is about to sleep on it checks its condition once more.
	if (wanted & (SLEEPERS | WAKERS)) Atomics.add(words, index, 1);
	if (wanted & SLEEPERS) segment.platform.wakeAll(words, index);
	if (wanted & WAKERS) {
		signalSlots(segment, segment.receivers, atMost(words, RECEIVER_SLOTS_USED, segment.maxReceivers), 1 << event);
		signalSlots(segment, segment.senders, atMost(words, SENDER_SLOTS_USED, segment.maxSenders), 1 << event);
	}
}

/**
 * The same, at the cost of one load if no thread waits. The caller has changed the condition by an Atomics store. True: a waiter
 * may have been asleep.
 */
export function notify(segment: Segment, event: number): boolean {
	if (loadInOrder(segment.words, FLAGS + event) === 0) return false;
	wake(segment, event);
	return true;
}

/** Whether a thread waits for the event, or did so a moment ago: an estimate. */
export const isWanted = (segment: Segment, event: number): boolean => segment.words[FLAGS + event] !== 0;

/** A waiter's steps before it checks its condition: returns the value to pass to {@link sleep} afterwards. */
export function prepare(segment: Segment, event: number): number {
	const seen = Atomics.load(segment.words, WORDS + event * EVENT_WORDS);
	Atomics.or(segment.words, FLAGS + event, SLEEPERS);
	return seen;
}

/**
 * The same for an event loop, for some events (bits 1 << index): `at` is the slot. The event loop checks its condition afterwards, and
 * again when its waker is signalled. It is signalled once, and must then arm again.
 */
export function arm(segment: Segment, at: number, events: number, low: number, high: number): void {
	const { words } = segment;
	segment.platform.admitTo(low, high);
	words[at + WAKER] = low;
	words[at + WAKER + 1] = high;
	// For people. A poll arms again for what it waits for already: that wait goes on.
	if (events & SLEPT_FOR & ~(words[at + ARMED] as number)) words[at + SINCE] = asleepSince(segment);
	Atomics.or(words, at + ARMED, events);
	for (let event = 0; event < EVENTS; event++) if (events & (1 << event)) Atomics.or(words, FLAGS + event, WAKERS);
}

/** The events of {@link arm} for which the slot has not been signalled yet. */
export const armed = (segment: Segment, at: number): number => Atomics.load(segment.words, at + ARMED);

/**
 * Sleeps on a word for at most `slice`, and not past `deadline`. True: a signal handler ran meanwhile, and the call ends as if the
 * deadline had passed; never without a deadline. A call that ends soon needs no signal to end it.
 */
export function sleepOn(segment: Segment, word: number, seen: number, deadline: number, slice: number): boolean {
	const left = deadline - segment.platform.now();
	if (left <= 0) return false;
	const endsEarly = left > FIRST_SLICE && deadline !== Infinity;
	return segment.platform.wait(segment.words, word, seen, Math.min(left, slice), endsEarly);
}

/** Sleeps until the event, as {@link sleepOn} does. */
export const sleep = (segment: Segment, event: number, seen: number, deadline: number, slice: number): boolean =>
	sleepOn(segment, WORDS + event * EVENT_WORDS, seen, deadline, slice);

/** A deadline that has always passed. */
export const PASSED: number = -Infinity;

/** The moment `timeout` ms from now; negative: never. */
export const deadlineAfter = (segment: Segment, timeout: number): number =>
	timeout < 0 ? Infinity : segment.platform.now() + timeout;

/** Rounds of spinning before a sleep, of 1 to 10 loads each: about 20 µs in all. Only if a peer may run on another processor. */
const SPIN_ROUNDS = 150;

/** Whether each endpoint can have a processor. If not, an endpoint that spins only keeps its peer from running. */
export function maySpin({ words, platform }: Segment): boolean {
	return (words[RECEIVER_COUNT] as number) + (words[SENDER_COUNT] as number) <= platform.processors;
}

/** Spins for so many loads, of some 25 ns each. They meet no other thread: the word changes only when a thread is woken. */
export function spin({ words }: Segment, loads: number): void {
	for (let left = loads; left > 0; left--) Atomics.load(words, WORDS + EventIndex.data);
}

/** A waiter spins before it sleeps: a peer on another processor responds within a microsecond. JavaScript cannot yield the processor. */
export class Backoff {
	readonly #segment: Segment;
	#round = 0;

	constructor(segment: Segment) {
		this.#segment = segment;
		this.restart();
	}

	/** Begins again, for a waiter that waits often. */
	restart(): this {
		this.#round = maySpin(this.#segment) ? 0 : SPIN_ROUNDS;
		return this;
	}

	/** Spins one round. False: the rounds are over, sleep. */
	pause(): boolean {
		if (this.#round === SPIN_ROUNDS) return false;
		spin(this.#segment, 1 + (this.#round++ >> 4));
		return true;
	}
}
