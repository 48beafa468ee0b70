/**
 * The frames of services: docs/services.md describes them for other languages. All numbers are little-endian. Every frame begins with the
 * same 16 bytes. A parser reads each field once: other processes may change the bytes of a ring at any time.
 */

export const FRAME_VERSION = 1;

/** What a frame is. */
export const FrameType = {
	/** Client to queue: a request. */
	call: 1,
	/** Server to client: this server runs the call, which is not in the queue any more. */
	started: 2,
	/** Server to client: the result. */
	answer: 3,
	/** Server to client: what the handler has thrown. */
	error: 4,
	/** Server to client: an error of libipc. */
	failure: 5,
	/** Server to client: an item of a stream. */
	item: 6,
	/** Server to client: the stream has ended. */
	end: 7,
	/** Client to server: the answer is not needed any more. */
	cancel: 8,
	/** Client to server: more items of a stream may be sent. */
	credit: 9,
	/** Client to server: arguments that were too large for the request. */
	args: 10,
} as const;

/** Flags of a call. */
export const CallFlags = {
	/** The arguments are not in the frame: the server asks for them. */
	large: 1,
} as const;

/** Flags of `started`. */
export const StartedFlags = {
	/** The call is a stream. */
	stream: 1,
	/** The client has to send the arguments. */
	wantsArgs: 2,
	/** The client may send the call again if this server is killed. */
	idempotent: 4,
} as const;

/** Flags of an answer or an item. */
export const ValueFlags = {
	/** The value is `undefined`; there is no payload. */
	nothing: 1,
} as const;

/** Flags of a failure. */
export const FailureFlags = {
	/** The client may send the call again. */
	retry: 1,
} as const;

export const HEADER_BYTES = 16;
export const CALL_BYTES = 48;
export const CREDIT_BYTES = 24;
const UNRUN_AT = 44;
/** Ids of clients and servers are below it, so that a number of JavaScript holds them. */
export const ID_LIMIT = 2 ** 53;
/** What stands for no user. */
export const NO_UID = 0xffffffff;
export const METHOD_BYTES = 255;

const U32 = 2 ** 32;

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8);

const u32 = (bytes: Uint8Array, at: number): number =>
	((bytes[at] as number) |
		((bytes[at + 1] as number) << 8) |
		((bytes[at + 2] as number) << 16) |
		((bytes[at + 3] as number) << 24)) >>>
	0;

const u64 = (bytes: Uint8Array, at: number): number => u32(bytes, at + 4) * U32 + u32(bytes, at);

function setU16(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = value;
	bytes[at + 1] = value >>> 8;
}

function setU32(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = value;
	bytes[at + 1] = value >>> 8;
	bytes[at + 2] = value >>> 16;
	bytes[at + 3] = value >>> 24;
}

function setU64(bytes: Uint8Array, at: number, value: number): void {
	setU32(bytes, at, value % U32);
	setU32(bytes, at + 4, Math.floor(value / U32));
}

/** Writes the first 16 bytes of a frame. `id`: the client, or, in a frame to a client, the server. */
export function writeHeader(bytes: Uint8Array, type: number, flags: number, call: number, id: number): void {
	bytes[0] = FRAME_VERSION;
	bytes[1] = type;
	setU16(bytes, 2, flags);
	setU32(bytes, 4, call);
	setU64(bytes, 8, id);
}

/** What every frame has. */
export interface Frame {
	readonly type: number;
	readonly flags: number;
	readonly call: number;
	/** The client, or, in a frame to a client, the server. */
	readonly id: number;
	/** Where the payload begins. */
	readonly payload: number;
	/** Of a credit: how many items. */
	readonly credit: number;
}

/** The fields of a request. */
export interface CallFrame {
	readonly flags: number;
	readonly call: number;
	readonly client: number;
	/** Nanoseconds on the monotonic clock; 0: none. */
	readonly deadline: number;
	readonly pid: number;
	readonly uid: number;
	readonly credit: number;
	readonly method: string;
	/** Where the arguments begin. */
	readonly payload: number;
	/** Of a call with `large`: the length of the arguments. */
	readonly argsLength: number;
	/** How often a server has taken the request and put it back without running it. */
	readonly unrun: number;
}

/** The fields of a request that a client writes. */
export type NewCall = Omit<CallFrame, "method" | "payload" | "unrun">;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of some bytes; `undefined`: they are not UTF-8. */
function textOf(bytes: Uint8Array, from: number, to: number): string | undefined {
	let text = "";
	for (let at = from; at < to; at++) {
		const byte = bytes[at] as number;
		if (byte >= 0x80) {
			try {
				return decoder.decode(bytes.slice(from, to));
			} catch {
				return undefined;
			}
		}
		text += String.fromCharCode(byte);
	}
	return text;
}

/** The header of a frame of one of `types`; `undefined`: it is none. */
function readHeader(bytes: Uint8Array, first: number, last: number): Frame | undefined {
	if (bytes.byteLength < HEADER_BYTES || bytes[0] !== FRAME_VERSION) return undefined;
	const type = bytes[1] as number;
	if (type < first || type > last) return undefined;
	const id = u64(bytes, 8);
	if (id === 0 || id >= ID_LIMIT) return undefined;
	const isCredit = type === FrameType.credit;
	if (isCredit && bytes.byteLength < CREDIT_BYTES) return undefined;
	return {
		type,
		flags: u16(bytes, 2),
		call: u32(bytes, 4),
		id,
		payload: isCredit ? CREDIT_BYTES : HEADER_BYTES,
		credit: isCredit ? u32(bytes, 16) : 0,
	};
}

/** Parses a message of a service's queue; `undefined`: it is no request. */
export function parseCall(bytes: Uint8Array): CallFrame | undefined {
	const { byteLength } = bytes;
	if (byteLength < CALL_BYTES) return undefined;
	const header = readHeader(bytes, FrameType.call, FrameType.call);
	if (!header) return undefined;
	const methodLength = u16(bytes, 40);
	const payload = CALL_BYTES + methodLength;
	if (methodLength === 0 || methodLength > METHOD_BYTES || payload > byteLength) return undefined;
	const method = textOf(bytes, CALL_BYTES, payload);
	if (method === undefined) return undefined;
	return {
		flags: header.flags,
		call: header.call,
		client: header.id,
		deadline: u64(bytes, 16),
		pid: u32(bytes, 24),
		uid: u32(bytes, 28),
		credit: u32(bytes, 32),
		argsLength: u32(bytes, 36),
		unrun: u32(bytes, UNRUN_AT),
		method,
		payload,
	};
}

/** Parses a message of a client's ring of answers. */
export const parseReply = (bytes: Uint8Array): Frame | undefined => readHeader(bytes, FrameType.started, FrameType.end);

/** Parses a message of a server's inbox. */
export const parseInbox = (bytes: Uint8Array): Frame | undefined => readHeader(bytes, FrameType.cancel, FrameType.args);

/** Writes the header and the method of a request; the arguments follow at {@link CALL_BYTES} plus the length of the method. */
export function writeCall(bytes: Uint8Array, method: Uint8Array, fields: NewCall): void {
	writeHeader(bytes, FrameType.call, fields.flags, fields.call, fields.client);
	setU64(bytes, 16, fields.deadline);
	setU32(bytes, 24, fields.pid);
	setU32(bytes, 28, fields.uid);
	setU32(bytes, 32, fields.credit);
	setU32(bytes, 36, fields.argsLength);
	setU16(bytes, 40, method.byteLength);
	setU16(bytes, 42, 0);
	setU32(bytes, UNRUN_AT, 0);
	bytes.set(method, CALL_BYTES);
}

/**
 * Counts in a request, in the ring, that the server which has its lease puts it back without running it. Called before the lease ends:
 * the take lock of the queue orders this store before the next take. If the server is killed in between, the request goes back as well,
 * and was not run either.
 */
export function countUnrun(bytes: Uint8Array): void {
	setU32(bytes, UNRUN_AT, u32(bytes, UNRUN_AT) + 1);
}

/** Changes the number and the client of a request: it is sent again under them. */
export function readdressCall(bytes: Uint8Array, client: number): void {
	setU64(bytes, 8, client);
}

/** A frame without a payload. */
export function bareFrame(type: number, flags: number, call: number, id: number): Uint8Array {
	const bytes = new Uint8Array(HEADER_BYTES);
	writeHeader(bytes, type, flags, call, id);
	return bytes;
}

/** A frame that grants items of a stream. */
export function creditFrame(call: number, client: number, items: number): Uint8Array {
	const bytes = new Uint8Array(CREDIT_BYTES);
	writeHeader(bytes, FrameType.credit, 0, call, client);
	setU32(bytes, 16, items);
	return bytes;
}
