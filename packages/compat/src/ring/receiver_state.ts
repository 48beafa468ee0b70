import { EventIndex, headerWord, Kind, OverflowKind, slotWord } from "@libipc/protocol";
import { Backoff, maySpin, notify, spin } from "../segment/event.ts";
import { loadInOrder } from "../segment/load_in_order.ts";
import type { Segment } from "../segment/segment.ts";
import { SleepHistory } from "../segment/sleep_history.ts";
import { Assembly, type Fragment } from "./assembly.ts";
import { Ring } from "./ring.ts";

const { head: HEAD } = headerWord;
/** Not 0: a sender has asked for space, or did so a moment ago. */
const SPACE_FLAG: number = headerWord.eventFlags + EventIndex.space;
const { instance: INSTANCE, observer: OBSERVER, position: POSITION } = slotWord;

/** Of `look`, as in `native/src/receiver_read.c`: units, rounds of spinning, looks. */
const LONG_RUN = 8192;
const FIRST_PAUSES = 8;
const MOST_PAUSES = 64;
const LEAST_PATIENCE = 8;
const MOST_PATIENCE = 1024;

/** In {@link Found}: the message does not lie in the ring, but in the assembly. */
export const ASSEMBLED = -1;

/**
 * What one call has found: what C returns through `record`, `bytes` and `until`. A receiver has one of these and passes it along,
 * so that a call allocates nothing. It means nothing between two calls.
 */
export class Found {
	/** Where the message lies in the ring: a byte offset, or {@link ASSEMBLED}. next.ts writes it. */
	at = 0;
	/** The length of the message in bytes. Written with `at`. */
	length = 0;
	/** When the waits of the call end. 0: it has not waited yet. {@link begin} and receiver_wait.ts write it. */
	until = 0;

	/** A call begins: all its waits have one end. */
	begin(): this {
		this.until = 0;
		return this;
	}
}

/** What `queueTake` returns beside its status: the `offset`, `length` and `attempt` of the message that it took. */
export interface Taken {
	/** The byte offset of the message in the ring, behind its lease. */
	offset: number;
	length: number;
	/** How often the message has been taken. */
	attempt: number;
}

/**
 * What the files that make up a receiver share: `native/src/receiver_state.h`.
 *
 * Every field lives as long as the receiver; what belongs to one call is in {@link Found}. The `readonly` fields are written by
 * the constructor. Of the others each names the files that write it.
 */
export class ReceiverState {
	readonly segment: Segment;
	readonly words: Int32Array;
	readonly ring: Ring;
	/** The first word of its slot. */
	readonly slot: number;
	readonly instance: number;
	/** While it reads a long run, a receiver publishes its position at least every so many units. */
	readonly quota: number;
	readonly isQueue: boolean;
	/** An observer, or overflow is `drop-oldest`: senders do not wait for this receiver, and `head` equals `position` between two calls. */
	readonly isOverrun: boolean;
	/** Neither of the two. */
	readonly isPlain: boolean;
	/** Overflow is `drop-oldest`: the position is for senders that wait until it has read; see read_point.ts. Of an observer it is for people. */
	readonly #tellsSenders: boolean;
	/** Reused by each wait for data: receiver_wait.ts. */
	readonly backoff: Backoff;
	/** Of the waits for data: receiver_wait.ts. */
	readonly sleeps = new SleepHistory();
	/** What {@link pollSlots} saw last: receiver.ts. */
	readonly peersSeen = { instances: 0, count: 0 };
	/** Fragments that are put together: next.ts, overrun.ts and receiver.ts call it. */
	readonly assembly = new Assembly();
	/** What the fragment at the position says of itself: next.ts fills it in for each fragment. */
	readonly fragment: Fragment = { instance: 0, message: 0, oldest: 0, first: 0, total: 0, offset: 0 };
	/** Of a queue: receiver.ts has each take fill it in. */
	readonly taken: Taken = { offset: 0, length: 0, attempt: 0 };

	/** The position of the next record to read: {@link advance} and overrun.ts. */
	position: number;
	/** `head` as last loaded: the records before it are whole. {@link hasMore}, overrun.ts and receiver.ts. */
	head: number;
	/** `head` between two calls, where senders do not wait for it: {@link enter}, {@link leave}. */
	#runHead: number;
	/** The position that senders know: {@link publish}. */
	published: number;
	/** How {@link look} pauses: before the next look, and what it has found. Only `look` writes these. */
	readonly #longRun: number;
	#pauses = 0;
	#shortRuns = 0;
	#patience = LEAST_PATIENCE;
	/** When a try last looked for dead peers and for another segment under the name, and how often: receiver_wait.ts. */
	polledAt = -Infinity;
	/** The instance in the last owner record, and the position after that record: next.ts, receiver.ts. A loan anywhere else is damage. */
	lender = 0;
	lentAt: number;
	/**
	 * Where messages may be lost, in 64 bits: the position at which the receiver began, its position, and the messages before it
	 * that it has passed and lost. {@link advance}, next.ts, receiver.ts and overrun.ts, which explains them.
	 */
	joined = 0;
	passed = 0;
	number = 0;
	lost = 0;
	/** Messages that `recvLatest` has passed over: latest.ts. */
	skipped = 0;
	/** Of an observer: a sender that has left its loan behind. Instances are not used again. receiver_wait.ts */
	abandoned = 0;
	/** latest.ts: of a route, only the fragments of this message are copied, by the numbers of its sender and its own. */
	isPassing = false;
	newestOf = 0;
	newest = 0;

	constructor(segment: Segment, slot: number, instance: number) {
		this.segment = segment;
		this.words = segment.words;
		this.ring = new Ring(segment);
		this.slot = slot;
		this.instance = instance;
		this.quota = this.ring.units >> 3;
		this.#longRun = Math.min(this.quota, LONG_RUN);
		this.position = this.words[slot + POSITION] as number;
		this.head = this.#runHead = this.published = this.lentAt = this.position;
		this.isQueue = segment.kind === Kind.queue;
		this.isOverrun = segment.overflow === OverflowKind.dropOldest || this.words[slot + OBSERVER] !== 0;
		this.isPlain = !this.isQueue && !this.isOverrun;
		this.#tellsSenders = segment.overflow === OverflowKind.dropOldest;
		this.backoff = new Backoff(segment);
	}

	/** Every call that reads begins with this and ends with {@link leave}: `ipc_receiver_enter` says why. */
	enter(): void {
		if (this.isOverrun) this.head = this.#runHead;
	}

	leave(): void {
		if (!this.isOverrun) return;
		this.#runHead = this.head;
		this.head = this.position;
	}

	/** Publishes the position. Everything before it has been read: those loads stay before this store. */
	publish(): void {
		this.published = this.position;
		Atomics.store(this.words, this.slot + POSITION, this.position);
		notify(this.segment, EventIndex.space);
	}

	/** Before it leaves: a sender that waits for it learns what it has read. If others considered it dead, the slot may be another one's. */
	publishLast(): void {
		const { words, slot, instance, position, published } = this;
		if (!this.isQueue && published !== position && Atomics.load(words, slot + INSTANCE) === instance) this.publish();
	}

	/**
	 * Moves past a record. The position is published rarely, so that senders and receiver do not fight over its cache line: at the
	 * end of the run of records that is known, every eighth of the ring, and when a sender has asked for space.
	 */
	advance(units: number): void {
		const position = (this.position + units) | 0;
		this.position = position;
		if (this.isOverrun) {
			this.#advanceOverrun(units);
			return;
		}
		if (position === this.head || (position - this.published) >>> 0 >= this.quota || this.words[SPACE_FLAG] !== 0)
			this.publish();
	}

	/** No sender that needs space waits for such a receiver. */
	#advanceOverrun(units: number): void {
		this.passed += units;
		const isDue = this.position === this.head || (this.position - this.published) >>> 0 >= this.quota;
		if (this.#tellsSenders) {
			if (isDue || this.words[SPACE_FLAG] !== 0) this.publish();
			return;
		}
		if (!isDue) return;
		this.published = this.position;
		this.words[this.slot + POSITION] = this.position; // only list() reads it
	}

	/** Whether there is a record at the position. */
	hasMore(): boolean {
		return this.position !== this.head || this.#look();
	}

	/** Loads head, when the known run has been read. Under load it pauses first: `ipc_receiver_look` says when and why. */
	#look(): boolean {
		if (this.#pauses > 0) spin(this.segment, this.#pauses);
		// First in a way that does not take the cache line from the sender.
		if (loadInOrder(this.words, HEAD) === this.position) {
			this.#pauses = this.#shortRuns = 0;
			return false;
		}
		this.head = Atomics.load(this.words, HEAD); // the records before it are read after it
		const found = (this.head - this.position) >>> 0;
		this.#adaptPauses(found);
		return true;
	}

	/** How long to pause before the next look, from the units that this one found. */
	#adaptPauses(found: number): void {
		if (this.#pauses === 0) {
			if (found >= this.#longRun) this.#shortRuns = 0;
			else if (++this.#shortRuns >= this.#patience && maySpin(this.segment)) this.#pauses = FIRST_PAUSES;
		} else if (this.ring.unitsAt(this.position) >= found || !maySpin(this.segment)) {
			this.#pauses = this.#shortRuns = 0;
			if (this.#patience < MOST_PATIENCE) this.#patience *= 2;
		} else {
			this.#patience = LEAST_PATIENCE;
			if (found >= this.#longRun) this.#pauses -= (this.#pauses + 7) >> 3;
			else if (this.#pauses < MOST_PAUSES) this.#pauses++;
		}
	}
}
