import { Kind, LEASE_BYTES, OverflowKind } from "@libipc/protocol";
import { Backoff } from "../segment/event.ts";
import type { Segment } from "../segment/segment.ts";
import { type RecordBytes, Ring, ringMaxRecord, ringUnits } from "./ring.ts";

/** What the files that make up a sender share: `native/src/sender_state.h`. */
export class SenderState {
	readonly segment: Segment;
	readonly words: Int32Array;
	readonly ring: Ring;
	/** The word of its place. */
	readonly slot: number;
	readonly instance: number;
	/** Of a queue: what a record has before its message. */
	readonly leaseBytes: number;
	/** Bytes of a message in one record; in a queue without its lease. */
	readonly maxRecord: number;
	/** A route: the claim is ours for as long as we live. */
	readonly isOnly: boolean;
	/** A full ring is waited for. */
	readonly waits: boolean;
	/** A ring that is written over: nobody is waited for. */
	readonly overwrites: boolean;
	/** A message that nobody is there for is refused. */
	readonly needsReceivers: boolean;
	readonly backoff: Backoff;
	/** Of the call that is running: 0 until a wait has begun, then when it ends. */
	deadline = 0;
	/** Of the claim that is held: where to write, and how much is free there, at least what was asked for. */
	at = 0;
	room = 0;
	/** The last send that could not wait found the claim taken, rather than the ring full. */
	awaitsClaim = false;
	/** When a send that does not wait last looked for dead peers in its way. */
	reapedAt = -Infinity;
	/** See `pollSlots`. */
	readonly peersSeen = { instances: 0, count: 0 };
	/** The number of the last message sent in fragments, of the one that is unfinished (0: none), and where that one began. */
	message = 0;
	unfinished = 0;
	unfinishedFirst = 0;
	/** Of the message that is being sent in fragments: how much of it was sent. */
	fragmentOffset = 0;
	/** Records of `stage`, one after another; made on first use. */
	stage: RecordBytes | undefined;
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
}
