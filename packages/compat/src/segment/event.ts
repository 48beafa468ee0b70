import { EVENT_WORDS, EVENTS, EventIndex, headerWord, SLOT_WORDS, slotWord } from "@libipc/protocol";
import type { Segment } from "./segment.ts";

/**
 * Sleep until another thread changes something; free when nobody sleeps. The steps, and why no wake-up is lost, are in
 * `native/src/event.h`. Its two fences are not needed here: the store that changes the condition, and the load of the flag
 * after it, are both sequentially consistent, as are the store of the flag and the look at the condition.
 */
const {
	eventFlags: FLAGS,
	eventWords: WORDS,
	receiverCount: RECEIVER_COUNT,
	receiverSlotsUsed: RECEIVER_SLOTS_USED,
	senderCount: SENDER_COUNT,
	senderSlotsUsed: SENDER_SLOTS_USED,
} = headerWord;
const { armed: ARMED, waker: WAKER } = slotWord;

/** Bits of a flag: who is to be woken. */
const SLEEPERS = 1;
const WAKERS = 2;

/** Milliseconds: half of the second in which a death must be noticed, less margin. */
export const SLICE = 400;
/** A first look at who is alive comes early. */
export const FIRST_SLICE = 20;

/** Rings the wakers of places that are armed for the event. A bit is taken by one notifier. */
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

/** Wakes all that wait for the event. The condition has been changed by an Atomics store. */
export function wake(segment: Segment, event: number): void {
	const { words } = segment;
	// The exchange elects one of several notifiers: the others' changes are covered by its wake.
	const wanted = Atomics.exchange(words, FLAGS + event, 0);
	if (wanted & SLEEPERS) {
		const index = WORDS + event * EVENT_WORDS;
		Atomics.add(words, index, 1);
		segment.platform.wakeAll(words, index);
	}
	if (wanted & WAKERS) {
		signalSlots(segment, segment.receivers, atMost(words, RECEIVER_SLOTS_USED, segment.maxReceivers), 1 << event);
		signalSlots(segment, segment.senders, atMost(words, SENDER_SLOTS_USED, segment.maxSenders), 1 << event);
	}
}

/** The same where nobody may be waiting, which costs a load. The condition has been changed by an Atomics store. */
export function notify(segment: Segment, event: number): void {
	if (Atomics.load(segment.words, FLAGS + event) !== 0) wake(segment, event);
}

/** Whether somebody waits for the event, or did: a guess. */
export const isWanted = (segment: Segment, event: number): boolean => segment.words[FLAGS + event] !== 0;

/** A waiter's steps before it looks at its condition: answers what to pass to {@link sleep} afterwards. */
export function prepare(segment: Segment, event: number): number {
	const seen = Atomics.load(segment.words, WORDS + event * EVENT_WORDS);
	Atomics.or(segment.words, FLAGS + event, SLEEPERS);
	return seen;
}

/**
 * An event loop's, for some events (bits 1 << index): `at` is its place. It looks at its condition afterwards, and when its
 * waker was signalled. Rung once: then arm again.
 */
export function arm(segment: Segment, at: number, events: number, low: number, high: number): void {
	const { words } = segment;
	words[at + WAKER] = low;
	words[at + WAKER + 1] = high;
	Atomics.or(words, at + ARMED, events);
	for (let event = 0; event < EVENTS; event++) if (events & (1 << event)) Atomics.or(words, FLAGS + event, WAKERS);
}

/** For what of {@link arm} the place has not been signalled yet. */
export const armed = (segment: Segment, at: number): number => Atomics.load(segment.words, at + ARMED);

/** Sleeps for at most `slice` and not past `deadline`. */
export function sleep(segment: Segment, event: number, seen: number, deadline: number, slice: number): void {
	const left = deadline - segment.platform.now();
	if (left > 0) segment.platform.wait(segment.words, WORDS + event * EVENT_WORDS, seen, Math.min(left, slice));
}

/** The moment `timeout` ms from now; negative: never. */
export const deadlineAfter = (segment: Segment, timeout: number): number =>
	timeout < 0 ? Infinity : segment.platform.now() + timeout;

/** Rounds of spinning before a sleep, of 1 to 10 looks each: some 20 µs in all, where there is another processor. */
const SPIN_ROUNDS = 150;

/** Before it sleeps, a waiter spins: a peer on another processor answers within a microsecond. There is no yield in JavaScript. */
export class Backoff {
	readonly #words: Int32Array;
	readonly #processors: number;
	#round = 0;

	constructor(segment: Segment) {
		this.#words = segment.words;
		this.#processors = segment.platform.processors;
		this.restart();
	}

	/** Begins anew: for those who wait often. */
	restart(): this {
		const endpoints = (this.#words[RECEIVER_COUNT] as number) + (this.#words[SENDER_COUNT] as number);
		this.#round = endpoints <= this.#processors ? 0 : SPIN_ROUNDS;
		return this;
	}

	/** Pauses a little; false: enough of it, sleep. */
	pause(): boolean {
		if (this.#round === SPIN_ROUNDS) return false;
		for (let left = 1 + (this.#round++ >> 4); left > 0; left--) Atomics.load(this.#words, WORDS + EventIndex.data);
		return true;
	}
}
