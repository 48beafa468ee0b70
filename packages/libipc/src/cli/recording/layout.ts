/**
 * The bytes of a recording; `docs/recording.md` describes them for other programs. Numbers are little-endian.
 *
 *   start     8 bytes of MAGIC, the length and the CRC-32 of a description, and the description: JSON
 *   block…    a header of BLOCK_BYTES, then records: as they are, or as one frame of zstd
 *   index     a block of its own type: where each block begins
 *   end       END_BYTES: where the index is
 *
 * Each part has a CRC-32, and a block is written by one call: what a killed recorder leaves is a start and whole blocks, and at most
 * one part of a block behind them.
 */
export const MAGIC = "IPCREC1\n";
export const END_MAGIC = "IPCREND1";
/** `IBLK`, as a number. */
export const BLOCK_MAGIC = 0x4b4c4249;

export const START_BYTES = 16;

/** Offsets in the header of a block. `checksum` covers what is before it. */
export const block = {
	magic: 0,
	type: 4,
	/** Bytes behind the header, as they are in the file. */
	stored: 8,
	/** The same, before they were compressed. */
	plain: 12,
	/** Records; of an index: entries. */
	count: 16,
	compression: 20,
	/** Of the first record: how many messages come before it in the file. */
	firstNumber: 24,
	/** Nanoseconds of the first record. */
	firstTime: 32,
	lastTime: 40,
	/** CRC-32 of the stored bytes. */
	content: 48,
	checksum: 52,
} as const;
export const BLOCK_BYTES = 56;

export const BlockType = { records: 1, index: 2 } as const;
export const Compression = { none: 0, zstd: 1 } as const;

/** Offsets in a record. The bytes of the message follow. */
export const record = {
	/** The index of the name in the description. */
	name: 0,
	type: 2,
	/** Bytes of the message; of a loss: 8. */
	length: 4,
	/** Nanoseconds: its place in the order of the recording. It never decreases. */
	time: 8,
	/** Nanoseconds when it was sent; 0: the name has no stamps. */
	sentAt: 16,
	/** Nanoseconds when the recorder got it. */
	readAt: 24,
	/** The number of its sender; 0: the name has no stamps. */
	sender: 32,
} as const;
export const RECORD_BYTES = 40;

/** A loss has as its content how many messages were overwritten before the recorder could read them, as a 64-bit number. */
export const RecordType = { message: 1, lost: 2 } as const;

/** Offsets in an entry of the index. */
export const entry = { offset: 0, firstNumber: 8, firstTime: 16, lastTime: 24, count: 32, plain: 36 } as const;
export const ENTRY_BYTES = 40;

/** Offsets in the end. */
export const end = { magic: 0, indexOffset: 8, messages: 16, checksum: 24 } as const;
export const END_BYTES = 32;

/** The largest description that a reader accepts. */
export const MOST_DESCRIPTION = 16 << 20;

/** A name of a recording, and how to open it again. */
export interface RecordedName {
	readonly kind: "route" | "channel" | "queue";
	readonly prefix: string;
	readonly name: string;
	readonly codec: string;
	readonly stamped: boolean;
	readonly capacity: number;
	readonly maxReceivers: number;
	readonly overflow: "block" | "drop-newest" | "drop-oldest";
	readonly permissions: number;
}

/** What the start of a recording says. */
export interface Description {
	readonly version: 1;
	/** When it began, as a date. */
	readonly startedAt: string;
	/** The same moment on the clock of the times of records: nanoseconds. */
	readonly startTime: number;
	/** The order of messages of different names: `sent` if all names have stamps, otherwise as they were read. */
	readonly order: "sent" | "read";
	readonly names: readonly RecordedName[];
}

/** A message of a recording, or a loss: then `bytes` is empty and `lost` above 0. */
export interface RecordedMessage {
	/** The index in `Description.names`. */
	readonly name: number;
	/** Nanoseconds: its place in the order of the recording. It never decreases. */
	readonly time: number;
	/** Nanoseconds when it was sent; 0: unknown. */
	readonly sentAt: number;
	/** Nanoseconds when the recorder got it. */
	readonly readAt: number;
	readonly sender: number;
	readonly lost: number;
	/** Valid until the next message is read. */
	readonly bytes: Uint8Array;
}
