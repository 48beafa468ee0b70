/**
 * The bytes of a segment, as `native/src/layout.h` declares and explains them; a test compares the two. All offsets are in
 * bytes; words are 32-bit, longs 64-bit, little endian.
 */

import { hasRing, Kind } from "./kinds.ts";

/** "BIPC". */
export const MAGIC = 0x43504942;
export const LAYOUT_VERSION = 8;

export const UNIT = 8;
/** Two cache lines: what different threads write lies in different ones. */
export const LINE = 128;
export const HEADER_BYTES = 4096;
export const SLOT_BYTES = LINE;
export const WAIT_BYTES = 64;
export const RECORD_BYTES = 8;
export const LEASE_BYTES = 8;
export const FRAGMENT_BYTES = 24;
export const MARKS = 32;
export const MARK_BYTES = 16;
export const EVENTS = 4;

export const MAX_SENDERS = 1024;
export const FEW_SENDERS = 64;
export const SMALL_CAPACITY = 65_536;
export const MAX_RECEIVERS = 1024;
export const WAITS_PER_HANDLE = 4;

/** `ipc_header`. `created` to `bodyOffset`, `head`, `announced`, `markCount`, `marks`, `memoryBytes` and `current` are longs, `prefix`, `name`,
 * `codec` and `deadLetter` bytes, `moves` structures, the rest words. */
export const header = {
	magic: 0,
	version: 4,
	layoutHash: 8,
	kind: 12,
	capacity: 16,
	maxReceivers: 20,
	maxSenders: 24,
	permissions: 28,
	overflow: 32,
	initial: 36,
	robust: 40,
	stamped: 44,
	created: 48,
	segmentBytes: 56,
	bodyOffset: 64,
	prefix: 72,
	name: 144,
	head: 384,
	writeLimit: 392,
	claim: 512,
	writing: 516,
	permits: 520,
	recovered: 524,
	buffers: 528,
	announced: 640,
	markCount: 648,
	marks: 656,
	takeClaim: 1280,
	cursor: 1284,
	tail: 1288,
	takeChecks: 1292,
	nextDue: 1296,
	maxAttempts: 1300,
	receiverCount: 1408,
	senderCount: 1412,
	receiverSlotsUsed: 1416,
	senderSlotsUsed: 1420,
	orphaned: 1424,
	unusable: 1428,
	eventFlags: 1432,
	gatedCount: 1448,
	recordKinds: 1452,
	kept: 1456,
	nextInstance: 1536,
	deaths: 1540,
	eventWords: 1664,
	waiting: 2176,
	waitEntriesUsed: 2180,
	nextTicket: 2184,
	pinning: 2188,
	memoryBytes: 2304,
	current: 2312,
	codecLength: 2432,
	codecPid: 2436,
	codec: 2440,
	deadLetter: 2560,
	moveOpen: 2816,
	moveAt: 2820,
	moves: 2824,
} as const;

/** `ipc_move`. `source` and `position` are longs. */
export const move = { source: 0, position: 8, mover: 16, reserved: 20 } as const;
export const MOVE_BYTES = 24;
export const MOVES = 32;

/** `ipc_take_check`. */
export const TakeCheck = { limit: 1, delays: 2, flags: 4 } as const;

/** `ipc_slot`. `owner`, `lost`, `waker` and `opened` are longs; `died` is an array of {@link PEER_DEATHS}, `pending` of 2. */
export const slot = {
	position: 0,
	instance: 4,
	owner: 8,
	pid: 16,
	asleep: 20,
	lost: 24,
	armed: 32,
	observer: 36,
	waker: 40,
	held: 48,
	thread: 52,
	pidNamespace: 56,
	died: 60,
	pending: 92,
	since: 100,
	opened: 104,
	pin: 112,
} as const;

/** `ipc_pin`; a pin on a buffer is `pinned` and its index. */
export const Pin = { none: 0, wanted: 1, pinned: 2 } as const;

/** `ipc_buffer`. `version` is a long. */
export const buffer = { version: 0, length: 8, reserved: 12 } as const;
export const BUFFER_BYTES = 16;
/** `IPC_BUFFERS_MORE`, `IPC_BUFFER_BITS`. */
export const BUFFERS_MORE = 3;
export const BUFFER_BITS = 11;

/** `ipc_buffer_stride`: from one buffer of a latest value to the next. */
export const bufferStride = (longest: number): number => Math.ceil((BUFFER_BYTES + longest) / LINE) * LINE;

/** `ipc_wait_entry`. `waker` is a long. */
export const wait = { instance: 0, state: 4, what: 8, deaths: 12, waker: 16, since: 24 } as const;

/** `ipc_record`. */
export const record = { length: 0, kind: 4 } as const;

/** `ipc_record_kind`. */
export const RecordKind = { message: 1, padding: 2, loan: 3, owner: 4, fragment: 5 } as const;

/** `ipc_fragment`. */
export const fragment = { instance: 0, message: 4, oldest: 8, first: 12, total: 16, offset: 20 } as const;

/** `ipc_mark`. Both are longs. */
export const mark = { position: 0, number: 8 } as const;

/** `ipc_event_flag`, `ipc_event_word`. */
export const eventFlag = { wanted: 0 } as const;
export const eventWord = { value: 0 } as const;

/** `ipc_lease`. */
export const lease = { holder: 0, attempts: 4 } as const;

/** The part of `attempts` that counts: `IPC_LEASE_ATTEMPTS`. */
export const LEASE_ATTEMPTS = 0x0fffffff;
/** Flags in `attempts`, as signed words: `IPC_LEASE_LETTER`, `IPC_LEASE_BACK`, `IPC_LEASE_DEAD`. */
export const LeaseFlag = { letter: 0x20000000, back: 0x40000000, dead: -0x80000000 } as const;
/** `IPC_LEASE_DELAYED`, as a signed word. A holder that is negative and not {@link LEASE_DONE} is a time. */
export const LEASE_DELAYED = -0x80000000;

/** `ipc_origin`. `nameBytes` and `reasonBytes` have 16 bits. */
export const origin = { attempts: 0, nameBytes: 4, reasonBytes: 6 } as const;

/** `ipc_stamp`. `sentAt` is a long. */
export const stamp = { sender: 0, reserved: 4, sentAt: 8 } as const;
export const STAMP_BYTES = 16;
export const ORIGIN_BYTES = 8;

/** `IPC_LEASE_DONE` and `IPC_CLAIM_ABANDONED`, as a signed word. */
export const LEASE_DONE = -1;
export const CLAIM_ABANDONED = -1;

/** In `orphaned`: `IPC_TRUNCATED`. */
export const TRUNCATED = 2;

/** `ipc_event_index`. */
export const EventIndex = { data: 0, space: 1, claimFree: 2, peers: 3 } as const;

/** How many senders a segment has room for: few of a route, where one sends, and where their table would be larger than the ring. */
export function sendersOf(kind: number, capacity: number): number {
	if (!hasRing(kind)) return 0;
	return kind === Kind.route || capacity <= SMALL_CAPACITY ? FEW_SENDERS : MAX_SENDERS;
}

/** `ipc_segment_bytes`: where the ring (or shared memory, or the buffers of a latest value) starts, and the bytes of all without shared memory. */
export function segmentBytes(kind: number, capacity: number, maxReceivers: number): { body: number; total: number } {
	const tables =
		HEADER_BYTES +
		(maxReceivers + sendersOf(kind, capacity)) * SLOT_BYTES +
		(hasRing(kind) ? 0 : maxReceivers * WAITS_PER_HANDLE * WAIT_BYTES);
	const page = kind === Kind.memory ? 65536 : 4096;
	const body = Math.ceil(tables / page) * page;
	const buffers = (maxReceivers + BUFFERS_MORE) * bufferStride(capacity);
	return { body, total: body + (kind === Kind.latest ? buffers : capacity) };
}
