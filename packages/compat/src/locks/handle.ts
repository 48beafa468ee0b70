import {
	type EngineHandle,
	type EngineWaker,
	headerWord,
	Kind,
	Status,
	slotWord,
	WAIT_WORDS,
	WaitBits,
	waitWord,
} from "@libipc/protocol";
import { Backoff, deadlineAfter, FIRST_SLICE, PASSED, SLICE } from "../segment/event.ts";
import { isOrphaned } from "../segment/orphaned.ts";
import type { Segment } from "../segment/segment.ts";
import { countAlive, evictDead } from "../segment/slots.ts";
import { ACQUIRE, enter, isNotified, leave, leaveAll, notifyWaits, renew, sleepWait } from "../segment/waits.ts";
import type { OpenSegment } from "../segment_endpoint.ts";

const { claim: CLAIM, orphaned: ORPHANED, permits: PERMITS, unusable: UNUSABLE } = headerWord;
const { held: HELD } = slotWord;
const { what: WHAT } = waitWord;

/** Attempts to get what is waited for. `Status.timedOut`: it has to wait. */
export interface Tries {
	attempt(): number;
	/** An attempt that also notices dead owners, made at the end of each slice. */
	attemptAndReap(): number;
}

/** The two waits that an event loop can have on a lock. */
export const ARMED_LOCK = 0;
export const ARMED_SHARED = 1;

const isFor = (wait: number, which: number): boolean =>
	(wait & (which === ARMED_LOCK ? WaitBits.lock : WaitBits.shared)) !== 0;

/**
 * What the handles of all kinds have in common: `native/src/handle.c`. A handle belongs to one thread, and is the owner of what it
 * locks. A closed handle returns `Status.closed`.
 */
export abstract class SegmentHandle implements EngineHandle {
	readonly segment: Segment;
	/** The first word of its slot. */
	readonly at: number;
	readonly instance: number;
	protected isOpen = true;
	/** The waits it is armed with, or -1. */
	readonly #armed = [-1, -1];
	/** When an attempt that does not wait last looked for dead owners. */
	#reapedAt = -Infinity;
	/** When the waits of the running call end; 0: it has not waited yet. */
	#deadline = 0;
	readonly #leave: () => void;

	/** `leave` gives the slot up. */
	constructor(segment: Segment, at: number, instance: number, leave: () => void) {
		this.segment = segment;
		this.at = at;
		this.instance = instance;
		this.#leave = leave;
	}

	/** Gives back what the handle holds when it is closed. */
	protected abstract abandon(): void;

	close(): void {
		if (!this.isOpen) return;
		this.disarm(WaitBits.lock | WaitBits.shared);
		this.abandon();
		leaveAll(this.segment, this.instance);
		this.isOpen = false;
		this.#leave();
	}

	count(): number {
		return this.isOpen ? countAlive(this.segment) : Status.closed;
	}

	/** 0, or the reason why no handle can lock any more. */
	check(): number {
		const { words } = this.segment;
		if (Atomics.load(words, ORPHANED) !== 0) return this.segment.result(Status.orphaned);
		return Atomics.load(words, UNUSABLE) === 0 ? 0 : Status.unusable;
	}

	/** How often it holds the lock shared, or how many permits it holds. Only this handle writes the word. */
	protected get holds(): number {
		return this.segment.words[this.at + HELD] as number;
	}
	protected set holds(count: number) {
		Atomics.store(this.segment.words, this.at + HELD, count);
	}

	/** Whether an attempt that does not wait should look for dead owners this time: once for each slice. */
	isTimeToReap(): boolean {
		const now = this.segment.platform.now();
		if (now - this.#reapedAt < SLICE) return false;
		this.#reapedAt = now;
		return true;
	}

	/**
	 * Whether there is more to acquire after this handle has acquired: a second permit for which only this handle was notified, or a
	 * claim that a reader did not have to take. Then the notification must be passed on.
	 */
	#leavesSome(): boolean {
		const { words, kind } = this.segment;
		return kind === Kind.semaphore ? Atomics.load(words, PERMITS) !== 0 : Atomics.load(words, CLAIM) === 0;
	}

	/** A call begins: all its waits have one deadline. */
	protected begin(): void {
		this.#deadline = 0;
	}

	/** Waits in the queue for `what` until an attempt returns something else than `timedOut`. */
	waitFor(what: number, tries: Tries, timeout: number): number {
		const { segment } = this;
		const { platform } = segment;
		let status = tries.attempt();
		if (status !== Status.timedOut) return status; // a writer that finds no reader inside does not wait, and does not read the clock
		if (this.#deadline === 0) this.#deadline = deadlineAfter(segment, timeout);
		const deadline = this.#deadline;
		const backoff = new Backoff(segment);
		// An attempt may have to wait for an internal lock. Without the check of the deadline the loop could run long past it.
		while (status === Status.timedOut && backoff.pause() && (deadline === Infinity || platform.now() < deadline))
			status = tries.attempt();
		if (status !== Status.timedOut) return status;
		const index = enter(segment, this.instance, what, 0, 0);
		if (index < 0) return index;
		status = this.#waitInQueue(index, tries, deadline);
		const notified = leave(segment, index);
		if (notified && (status < 0 || this.#leavesSome())) notifyWaits(segment, what, 1);
		return status;
	}

	#waitInQueue(index: number, tries: Tries, until: number): number {
		const { segment } = this;
		let deadline = until;
		let slice = FIRST_SLICE;
		for (;;) {
			let status = tries.attempt();
			if (status !== Status.timedOut || segment.platform.now() >= deadline) return status;
			if (sleepWait(segment, index, deadline, slice)) deadline = PASSED;
			if (isNotified(segment, index)) {
				renew(segment, index);
				continue;
			}
			slice = SLICE;
			status = tries.attemptAndReap();
			if (status !== Status.timedOut) return status;
		}
	}

	/** What an event loop waits for: the claim, or `READERS` if the handle is the next writer. */
	protected get armedFor(): number {
		return ACQUIRE;
	}

	/** Changes what the handle is armed for; the position in the queue stays. A notified handle was signalled, and attempts again anyway. */
	protected rearm(which: number, what: number): void {
		const index = this.#armed[which] as number;
		if (index >= 0) Atomics.store(this.segment.words, this.segment.waits + index * WAIT_WORDS + WHAT, what);
	}

	arm(wait: number, waker: EngineWaker): void {
		if (!this.isOpen) return;
		const { segment } = this;
		const which = wait & WaitBits.shared ? ARMED_SHARED : ARMED_LOCK;
		const index = this.#armed[which] as number;
		if (index < 0) {
			const what = which === ARMED_LOCK ? this.armedFor : ACQUIRE;
			this.#armed[which] = enter(segment, this.instance, what, waker.low, waker.high);
		} else if (isNotified(segment, index)) renew(segment, index);
	}

	/** The handle has acquired what it was armed for. */
	got(which: number): void {
		if (this.#disarm(which) && this.#leavesSome()) notifyWaits(this.segment, ACQUIRE, 1);
	}

	/** True: the wait had been notified. */
	#disarm(which: number): boolean {
		const index = this.#armed[which] as number;
		if (index < 0) return false;
		const notified = leave(this.segment, index);
		this.#armed[which] = -1;
		return notified;
	}

	disarm(wait: number): void {
		if (!this.isOpen) return;
		for (const which of [ARMED_LOCK, ARMED_SHARED])
			if (isFor(wait, which) && this.#disarm(which)) notifyWaits(this.segment, ACQUIRE, 1);
		if (isFor(wait, ARMED_LOCK)) this.cancelWrite();
	}

	/** Of a reader-writer lock: the handle stops being the next writer. */
	protected cancelWrite(): void {}

	armed(): number {
		if (!this.isOpen) return 0;
		let armed = 0;
		const [lock, shared] = this.#armed as [number, number];
		if (lock >= 0 && !isNotified(this.segment, lock)) armed |= WaitBits.lock;
		if (shared >= 0 && !isNotified(this.segment, shared)) armed |= WaitBits.shared;
		return armed;
	}

	poll(): boolean {
		if (!this.isOpen) return true;
		evictDead(this.segment);
		isOrphaned(this.segment);
		return true;
	}
}

export type HandleClass<Handle> = new (segment: Segment, at: number, instance: number, leave: () => void) => Handle;

/**
 * Gives back what a collected handle holds besides its slot. All of that is in the segment, and how to give it back depends on the
 * kind. So a second handle is made for the same slot, which costs no view of memory, and closed; it does not leave the slot.
 */
export function abandonHandle(Class: HandleClass<SegmentHandle>, { segment, at, instance }: OpenSegment): void {
	new Class(segment, at, instance, () => {}).close();
}
