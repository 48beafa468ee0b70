import {
	EVENTS,
	HEADER_BYTES,
	hasRing,
	headerWord,
	Kind,
	MAX_SENDERS,
	SLOT_BYTES,
	Status,
	segmentBytes,
	TRUNCATED,
	WAITS_PER_HANDLE,
} from "@libipc/protocol";
import { notify } from "./event.ts";
import type { Platform } from "./platform.ts";
import { ANY, notifyAll } from "./waits.ts";

const { orphaned: ORPHANED } = headerWord;

/** The constant part of a header, as it was checked: what shared memory says later is not trusted. */
export interface SegmentFields {
	readonly kind: number;
	readonly overflow: number;
	readonly capacity: number;
	readonly maxReceivers: number;
	/** Of a semaphore. */
	readonly initial: number;
	readonly robust: boolean;
}

/**
 * One name's memory, as an endpoint sees it: `native/src/segment.h`.
 *
 * Memory order: what C does with acquire, release and fences is done with Atomics here, which are sequentially consistent,
 * so that a store and the load after it need no fence between them. What C loads and stores relaxed, and whoever reads or
 * writes what a later Atomics call publishes, may use plain accesses: the engines do not tear aligned words.
 * Words are signed here; positions and instances are compared as such, and differences taken with `| 0`.
 */
export class Segment implements SegmentFields {
	/** All of it, by words, longs and bytes. */
	readonly words: Int32Array;
	readonly longs: BigInt64Array;
	readonly bytes: Uint8Array;
	readonly platform: Platform;
	readonly kind: number;
	readonly overflow: number;
	readonly capacity: number;
	readonly maxReceivers: number;
	readonly maxSenders: number;
	readonly maxWaits: number;
	readonly initial: number;
	readonly robust: boolean;
	/** Word indices of the tables, and the byte offset of the ring or of shared memory. */
	readonly receivers: number;
	readonly senders: number;
	readonly waits: number;
	readonly body: number;
	/** Of a receiver: the head long whose position it took. */
	joined = 0n;

	/** `byteOffset`: a multiple of 4096 in the buffer; `byteLength`: with shared memory, as far as it is to be seen. */
	constructor(
		platform: Platform,
		buffer: ArrayBufferLike,
		byteOffset: number,
		byteLength: number,
		fields: SegmentFields,
	) {
		this.platform = platform;
		this.words = new Int32Array(buffer, byteOffset, Math.floor(byteLength / 4));
		this.longs = new BigInt64Array(buffer, byteOffset, Math.floor(byteLength / 8));
		this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
		this.kind = fields.kind;
		this.overflow = fields.overflow;
		this.capacity = fields.capacity;
		this.maxReceivers = fields.maxReceivers;
		this.initial = fields.initial;
		this.robust = fields.robust;
		this.maxSenders = hasRing(fields.kind) ? MAX_SENDERS : 0;
		this.maxWaits = hasRing(fields.kind) ? 0 : fields.maxReceivers * WAITS_PER_HANDLE;
		this.receivers = HEADER_BYTES >> 2;
		this.senders = this.receivers + ((fields.maxReceivers * SLOT_BYTES) >> 2);
		this.waits = this.senders + ((this.maxSenders * SLOT_BYTES) >> 2);
		this.body = segmentBytes(fields.kind, fields.capacity, fields.maxReceivers).body;
	}

	/** Answers `status`, or `Status.corrupt` of a file that was truncated: for all calls of an engine, when they return. */
	result(status: number): number {
		return (this.words[ORPHANED] as number) === TRUNCATED ? Status.corrupt : status;
	}

	/** Looks whether the name still leads here, and tells everybody on the segment if not. */
	isOrphaned(): boolean {
		if (Atomics.load(this.words, ORPHANED) !== 0) return true;
		if (this.platform.isNamed(this)) return false;
		this.markOrphaned();
		return true;
	}

	/** Its name leads elsewhere by now: its endpoints wake and see it. */
	markOrphaned(): void {
		Atomics.compareExchange(this.words, ORPHANED, 0, 1); // truncated stays truncated
		for (let event = 0; event < EVENTS; event++) notify(this, event);
		// Shared memory is as good without its name.
		if (this.kind !== Kind.memory) notifyAll(this, ANY);
	}
}
