/**
 * The structures that C functions fill or read, as `native/include/libipc/*.h` declare them. Numbers are byte offsets; a test
 * compiles the headers and compares each of them. `BYTES` is the size of the whole structure: a buffer that is shorter would
 * be written past its end.
 */

/** `IPC_ABI_VERSION` in `native/include/libipc/status.h`: the version of the C functions that the packages call. */
export const ABI_VERSION = 9;

/** `ipc_options`. All fields are 32-bit words, except for `size`, a 64-bit one, and `codec` and `deadLetter`, text that ends with
 * a zero byte. `structSize` is {@link OPTIONS_BYTES}. */
export const options = {
	structSize: 0,
	kind: 4,
	capacity: 8,
	maxReceivers: 12,
	permissions: 16,
	overflow: 20,
	fromOldest: 24,
	firstPosition: 28,
	mode: 32,
	initial: 36,
	robust: 40,
	lossy: 44,
	size: 48,
	codec: 56,
	maxAttempts: 120,
	prefetch: 124,
	deadLetter: 128,
	stamp: 264,
	notifyOnly: 268,
	keep: 272,
} as const;
export const OPTIONS_BYTES = 280;

/** `ipc_stamp_option`. */
export const StampOption = { none: 0, all: 1, any: 2 } as const;

/** `IPC_CODEC_BYTES`: of the id of a codec, with its zero byte. */
export const CODEC_BYTES = 64;

/** `ipc_option`: which option a failure is about. */
export const Option = {
	capacity: 1,
	maxReceivers: 2,
	permissions: 3,
	overflow: 4,
	initial: 5,
	robust: 6,
	size: 7,
	structSize: 8,
	codec: 9,
	maxAttempts: 10,
	deadLetter: 11,
	lossy: 12,
	stamp: 13,
	keep: 14,
} as const;

/**
 * `ipc_failure`. The first four fields are signed 32-bit words, the next two unsigned 64-bit ones; then the cause, an unsigned 32-bit
 * word, and three texts that end with a zero byte.
 */
export const failure = {
	code: 0,
	systemError: 4,
	option: 8,
	pid: 12,
	found: 16,
	wanted: 24,
	cause: 32,
	codec: 40,
	deadLetter: 104,
	path: 240,
} as const;
export const FAILURE_BYTES = 1536;

/** `IPC_PATH_BYTES`: of a path, with its zero byte. */
export const PATH_BYTES = 1296;

/** `ipc_cause`: what a call was at when the system refused something. */
export const Cause = {
	directory: 1,
	identity: 2,
	file: 3,
	reserve: 4,
	fileSize: 5,
	memoryLimit: 6,
	map: 7,
	heap: 8,
} as const;

/** `ipc_listed_name`. From `capacity` to `messages`, and `age`, 64-bit words; `prefix` to `path` are text that ends with a zero byte. */
export const listedName = {
	state: 0,
	kind: 4,
	maxReceivers: 8,
	overflow: 12,
	permissions: 16,
	version: 20,
	systemError: 24,
	senders: 28,
	receivers: 32,
	dead: 36,
	waiting: 40,
	permits: 44,
	initial: 48,
	robust: 52,
	recovered: 56,
	unusable: 60,
	capacity: 64,
	bytes: 72,
	head: 80,
	messages: 88,
	prefix: 96,
	name: 168,
	codec: 304,
	path: 368,
	stamped: 1664,
	wakeups: 1668,
	age: 1672,
	maxAttempts: 1680,
	deadLetter: 1688,
} as const;
export const LISTED_NAME_BYTES = 1824;

/** `ipc_letter_origin`: a 32-bit word, and two texts that end with a zero byte. */
export const letterOrigin = { attempts: 0, queue: 4, reason: 133 } as const;
export const LETTER_ORIGIN_BYTES = 392;

/** `ipc_listed_state`, in its order, which starts at 1; typed where the public names of the states are. */
export const ListedStateNumber = {
	live: 1,
	leftover: 2,
	unfinished: 3,
	version: 4,
	foreign: 5,
	damaged: 6,
	denied: 7,
	kept: 8,
} as const;

/** `ipc_listed_endpoint`. `position`, `lag`, `lost` and `age` are 64-bit words. */
export const listedEndpoint = {
	role: 0,
	slot: 4,
	instance: 8,
	pid: 12,
	alive: 16,
	sleeping: 20,
	position: 24,
	lag: 32,
	lost: 40,
	holds: 48,
	exclusive: 52,
	observer: 56,
	pidNamespace: 60,
	age: 64,
	slept: 72,
	attempts: 76,
} as const;
export const LISTED_ENDPOINT_BYTES = 80;

/** `ipc_role`. */
export const Role = { sender: 1, receiver: 2, handle: 3 } as const;

/** How many deaths a slot records: `IPC_PEER_DEATHS`. */
export const PEER_DEATHS = 8;

/**
 * `ipc_read_point`. `position` is a 64-bit word, `unread` an array of `IPC_MAX_RECEIVERS` words. Only `receivers`, `read` and `left`
 * are for callers; an engine in TypeScript has the same fields.
 */
export const readPoint = {
	position: 0,
	receivers: 8,
	read: 12,
	left: 16,
	instances: 20,
	slots: 24,
	checked: 28,
	number: 32,
	unread: 40,
} as const;
export const READ_POINT_BYTES = 4136;

/** `ipc_peer`; `died` is an array of {@link PEER_DEATHS}. */
export const peer = { role: 0, instance: 4, pid: 8, slot: 12, alive: 16, observer: 20, died: 24 } as const;
export const PEER_BYTES = 24 + 4 * PEER_DEATHS;

/** `ipc_binding_view`. */
export const bindingView = {
	kind: 0,
	overflow: 4,
	capacity: 8,
	maxReceivers: 12,
	word: 16,
	instance: 20,
	joinedLow: 24,
	joinedHigh: 28,
} as const;
export const BINDING_VIEW_BYTES = 32;
