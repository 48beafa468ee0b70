import { EventIndex, headerWord, Kind, OverflowKind, slotWord } from "@libipc/protocol";
import { Backoff, isWanted, notify } from "../segment/event.ts";
import type { Segment } from "../segment/segment.ts";
import { Assembly } from "./assembly.ts";
import { Ring } from "./ring.ts";

const { head: HEAD } = headerWord;
const { position: POSITION } = slotWord;

/** What the files that make up a receiver share: `native/src/receiver_state.h`. */
export class ReceiverState {
	readonly segment: Segment;
	readonly words: Int32Array;
	readonly ring: Ring;
	/** The word of its place. */
	readonly slot: number;
	readonly instance: number;
	/** Of the next record to read. */
	position: number;
	/** As last loaded: records before it are whole. */
	head: number;
	/** The position that senders know. */
	published: number;
	/** It is published at least every so many units while a long run is read. */
	readonly quota: number;
	readonly isQueue: boolean;
	/** Overflow is drop-oldest: senders do not wait for us, and head is position between calls. */
	readonly isOverrun: boolean;
	readonly backoff: Backoff;
	/** See `pollSlots`. */
	readonly peersSeen = { instances: 0, count: 0 };
	/** When a try last looked for dead peers and for another segment under the name, and how often. */
	polledAt = -Infinity;
	polls = 0;
	/** The instance in the last owner record, and the position after it: a loan anywhere else is damage. */
	lender = 0;
	lentAt: number;
	/** Of overrun.ts, in 64 bits: the position we began at, ours, the messages before it, and those that were lost. */
	joined = 0;
	passed = 0;
	number = 0;
	lost = 0;
	readonly assembly = new Assembly();
	/** Of a queue, open. */
	leases = 0;
	/** When the wait of the call that is running ends; 0: none has begun. */
	until = 0;
	/** How many messages the last peek found, from our position then, and the position behind them. */
	peeked = 0;
	peekedAt = 0;
	peekedTo = 0;
	/** Of the next message, once found: where its bytes lie in the ring, -1 = in the assembly; and how many there are. */
	at = 0;
	length = 0;

	constructor(segment: Segment, slot: number, instance: number) {
		this.segment = segment;
		this.words = segment.words;
		this.ring = new Ring(segment);
		this.slot = slot;
		this.instance = instance;
		this.quota = this.ring.units >> 3;
		this.position = this.words[slot + POSITION] as number;
		this.head = this.published = this.lentAt = this.position;
		this.isQueue = segment.kind === Kind.queue;
		this.isOverrun = segment.overflow === OverflowKind.dropOldest;
		this.backoff = new Backoff(segment);
	}

	/** Tells senders how far we are. Everything before the position has been read: those loads stay before this store. */
	publish(): void {
		this.published = this.position;
		Atomics.store(this.words, this.slot + POSITION, this.position);
		notify(this.segment, EventIndex.space);
	}

	/**
	 * Moves past a record. Senders are told lazily, so that their cache line of ours is not fought over: when the run of records
	 * known to us ends, every eighth of the ring, and when a sender has asked.
	 */
	advance(units: number): void {
		this.position = (this.position + units) | 0;
		if (this.isOverrun) this.passed += units;
		if (
			this.position === this.head ||
			(this.position - this.published) >>> 0 >= this.quota ||
			isWanted(this.segment, EventIndex.space)
		)
			this.publish();
	}

	/** Loads head if the run known so far is used up. True: there is a record at position. */
	hasMore(): boolean {
		if (this.position !== this.head) return true;
		this.head = Atomics.load(this.words, HEAD);
		return this.position !== this.head;
	}
}
