import {
	HEADER_BYTES,
	hasRing,
	headerWord,
	SLOT_BYTES,
	Status,
	segmentBytes,
	sendersOf,
	TRUNCATED,
	WAITS_PER_HANDLE,
} from "@libipc/protocol";
import type { Platform } from "./platform.ts";

const { orphaned: ORPHANED, stamped: STAMPED } = headerWord;

/** The constant part of a header, as it was when it was checked. What shared memory says later is not trusted. */
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
 * The memory of one name, as an endpoint sees it: `native/src/segment.h`.
 *
 * Memory order: where C uses acquire, release and fences, TypeScript uses Atomics. These are sequentially consistent, so a store
 * and the load after it need no fence between them. Plain accesses are allowed where C loads and stores relaxed, and for data that
 * a later Atomics call publishes: the JavaScript engines do not tear aligned words.
 * Words are signed here. Positions and instances are compared as signed words, and differences are computed with `| 0`.
 */
export class Segment implements SegmentFields {
	/** All of it, as words, longs and bytes. */
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
	/** Of a receiver: the long `head` from which it took its position. */
	joined = 0n;

	/** `byteOffset`: a multiple of 4096. `byteLength`: includes shared memory, as far as this endpoint uses it. */
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
		this.maxSenders = sendersOf(fields.kind, fields.capacity);
		this.maxWaits = hasRing(fields.kind) ? 0 : fields.maxReceivers * WAITS_PER_HANDLE;
		this.receivers = HEADER_BYTES >> 2;
		this.senders = this.receivers + ((fields.maxReceivers * SLOT_BYTES) >> 2);
		this.waits = this.senders + ((this.maxSenders * SLOT_BYTES) >> 2);
		this.body = segmentBytes(fields.kind, fields.capacity, fields.maxReceivers).body;
	}

	/** Returns `status`, or `Status.corrupt` if the file was truncated. Every call of an engine passes its result through this. */
	result(status: number): number {
		return (this.words[ORPHANED] as number) === TRUNCATED ? Status.corrupt : status;
	}
}

/** Whether each message of a ring begins with a stamp. It never changes: read once, when an endpoint is opened. */
export const isStamped = ({ words }: Segment): boolean => words[STAMPED] === 1;
