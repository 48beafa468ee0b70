import { Kind, LEASE_BYTES, OverflowKind } from "@libipc/protocol";
import { Backoff } from "../segment/event.ts";
import type { Segment } from "../segment/segment.ts";
import type { Fragment } from "./assembly.ts";
import { queuePutMessage } from "./queue.ts";
import { type RecordBytes, Ring, ringMaxRecord, ringUnits } from "./ring.ts";

/**
 * What one call has claimed: `ipc_claimed` and the `deadline` that C passes beside it. A run of units at head that the sender
 * may write to, until it publishes them or gives the claim back.
 *
 * A sender has one of these and passes it along, so that a call allocates nothing. It means nothing between two calls.
 */
export class Claimed {
	/** The position of the first unit. Written by `claimHead` when it succeeds. */
	at = 0;
	/** The free units from there on, at least as many as were asked for. Written with `at`. */
	room = 0;
	/** When the waits of the call end. 0: it has not waited yet. {@link begin} and head.ts write it. */
	deadline = 0;

	/** A call begins: all its waits have one deadline. */
	begin(): this {
		this.deadline = 0;
		return this;
	}
}

/**
 * What the files that make up a sender share: `native/src/sender_state.h`.
 *
 * Every field lives as long as the sender; what belongs to one call is in {@link Claimed}. The `readonly` fields are written by
 * the constructor. Of the others each names the one file that writes it.
 */
export class SenderState {
	readonly segment: Segment;
	readonly words: Int32Array;
	readonly ring: Ring;
	/** The first word of its slot. */
	readonly slot: number;
	readonly instance: number;
	/** Of a queue: the bytes of a record before its message. */
	readonly leaseBytes: number;
	/** The longest message in one record, in bytes; in a queue without its lease. */
	readonly maxRecord: number;
	/** A route: the sender has the claim as long as it lives. */
	readonly isOnly: boolean;
	/** Overflow is `block`: a sender waits for a full ring. */
	readonly waits: boolean;
	/** Overflow is `drop-oldest`: a sender writes over unread messages and never waits. */
	readonly overwrites: boolean;
	/** A message is refused if there is no receiver. */
	readonly needsReceivers: boolean;
	/** Reused by each wait for space: head.ts. */
	readonly backoff: Backoff;
	/** One store of both halves of `head`: head.ts. */
	readonly headHalves = new Int32Array(2);
	readonly headLong: BigInt64Array = new BigInt64Array(this.headHalves.buffer);
	/** How many times it began to wait until receivers have read: read_point.ts. */
	readWaits = 0;
	/** What {@link pollSlots} saw last: sender.ts. */
	readonly peersSeen = { instances: 0, count: 0 };

	/** head.ts: the last send that could not wait found the claim taken, rather than the ring full. */
	awaitsClaim = false;
	/** head.ts: when a send that does not wait last looked for dead peers in its way. */
	reapedAt = -Infinity;
	/** head.ts, and sender_liveness.ts: the publishes before a claim reads the clock; 0: the next one does. */
	publishesToClock = 0;
	/** sender_liveness.ts: the publishes from the last reading of the clock to the next. */
	clockInterval = 0;
	/** sender_liveness.ts: when the clock was read. */
	clockReadAt = -Infinity;
	/** sender_liveness.ts: when `checkLiveness` last looked. */
	livenessCheckedAt = -Infinity;
	/** loan.ts: the positions of open loans, in no order. */
	readonly loans: number[] = [];
	/** fragments.ts: the number of the last message sent in fragments. */
	message = 0;
	/** fragments.ts, and `abortPart`: the number of the message that `sendPart` has begun; 0: none. */
	unfinished = 0;
	/** fragments.ts: the position at which that message begins. */
	unfinishedFirst = 0;
	/** fragments.ts: filled in by each call for itself. */
	readonly fragment: Fragment = { instance: 0, message: 0, oldest: 0, first: 0, total: 0, offset: 0 };
	/** batch.ts, and `close`: staged records, one after another; allocated when the first message is staged. */
	stage: RecordBytes | undefined;
	/** batch.ts: how many units of `stage` are used. */
	stageUnits = 0;

	constructor(segment: Segment, slot: number, instance: number) {
		this.segment = segment;
		this.words = segment.words;
		this.ring = new Ring(segment);
		this.slot = slot;
		this.instance = instance;
		this.leaseBytes = segment.kind === Kind.queue ? LEASE_BYTES : 0;
		this.maxRecord = ringMaxRecord(segment.capacity) - this.leaseBytes;
		this.isOnly = segment.kind === Kind.route;
		this.waits = segment.overflow === OverflowKind.block;
		this.overwrites = segment.overflow === OverflowKind.dropOldest;
		this.needsReceivers = segment.kind !== Kind.queue && !this.overwrites;
		this.backoff = new Backoff(segment);
	}

	/** The units of a message of `length` bytes. */
	units(length: number): number {
		return ringUnits(length + this.leaseBytes);
	}

	/** Writes a message's record as this kind of ring wants it, into the ring or the stage. No receiver may look there yet. */
	putMessage(to: RecordBytes, at: number, bytes: Uint8Array, length: number): void {
		if (this.leaseBytes === 0) to.putMessage(at, bytes, length);
		else queuePutMessage(to, at, bytes, length);
	}
}
