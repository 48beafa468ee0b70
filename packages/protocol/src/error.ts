import { hideFramesBeside, startAtCaller } from "./caller_stack.ts";

hideFramesBeside(import.meta.url, "error");

/** What can fail, as stable codes. Compare `error.code` with them; the text of an error is for people and may change. */
export type IpcErrorCode =
	/** An argument has the wrong type or is out of range. */
	| "ERR_IPC_INVALID_ARGUMENT"
	/** A name or prefix is empty or too long, or contains `/` or control characters. */
	| "ERR_IPC_INVALID_NAME"
	/** The endpoint or handle was closed before this call, or during it. */
	| "ERR_IPC_CLOSED"
	/** Called during another call on the same endpoint: from its own `drain` handler, or from the iterable of its own batch. */
	| "ERR_IPC_REENTRANT"
	/** The loan was sent or disposed of before, or its sender was closed. */
	| "ERR_IPC_LOAN_ENDED"
	/** The lease was done or put back before, or its receiver was closed. */
	| "ERR_IPC_LEASE_ENDED"
	/** The message is larger than a message, or a message of this queue, can be. The text says the limit. Nothing was sent. */
	| "ERR_IPC_MESSAGE_TOO_LARGE"
	/** `recvInto`: the target is smaller than the message, which stays the next one. */
	| "ERR_IPC_BUFFER_TOO_SMALL"
	/** A route has one sender, and that sender is open. */
	| "ERR_IPC_HAS_SENDER"
	/** As many receivers are open as the creator of the name allowed. */
	| "ERR_IPC_TOO_MANY_RECEIVERS"
	/** As many senders are open as a segment has slots for. */
	| "ERR_IPC_TOO_MANY_SENDERS"
	/** As many handles of a lock, a semaphore, a condition or shared memory are open as the creator of the name allowed. */
	| "ERR_IPC_TOO_MANY_HANDLES"
	/** A condition or shared memory has no space for another wait: it has four for each handle that may be open. */
	| "ERR_IPC_TOO_MANY_WAITS"
	/** The handle does not hold what it was to release. */
	| "ERR_IPC_NOT_OWNER"
	/** The call would have waited for a lock that its handle, or its thread, holds. */
	| "ERR_IPC_DEADLOCK"
	/** The lock was made unusable by an owner that could not repair the data of a killed owner. */
	| "ERR_IPC_UNUSABLE"
	/** More permits than a semaphore can have. */
	| "ERR_IPC_OVERFLOW"
	/** Shared memory was to be created, and it exists. */
	| "ERR_IPC_EXISTS"
	/** Shared memory was to be opened, and it does not exist. */
	| "ERR_IPC_NOT_FOUND"
	/** An option differs from the value that the creator of the name chose. */
	| "ERR_IPC_OPTIONS_MISMATCH"
	/** The segment was created by a libipc with another memory layout. */
	| "ERR_IPC_VERSION"
	/** A file that is not a libipc segment has this name. */
	| "ERR_IPC_FOREIGN"
	/** The shared memory is truncated or damaged. */
	| "ERR_IPC_CORRUPT"
	/** The segment belongs to another user, or is shared with more users than this open allows, or the system denies access. */
	| "ERR_IPC_PERMISSION"
	/** There is no shared memory, or no other memory, left, or a limit of the process or its control group allows no more. */
	| "ERR_IPC_NO_SPACE"
	/** The shared memory of this name was removed while the endpoint or handle was open. */
	| "ERR_IPC_ORPHANED"
	/** The endpoint or handle belongs to the parent process: this process is a `fork()` of it, without exec. Open the name again. */
	| "ERR_IPC_FORKED"
	/** A stopped process keeps this name from being opened. */
	| "ERR_IPC_BUSY"
	/** The native library is missing, cannot be loaded, or has another version. */
	| "ERR_IPC_LIBRARY"
	/** The call needs another engine: only the native engine reaches other processes. The text says how to get it. */
	| "ERR_IPC_ENGINE"
	/**
	 * The message is not what the codec reads, or the schema found something wrong. It counts as received, and the next read goes on
	 * with the next one. `issues`, `cause` and `bytes` of the error say more.
	 */
	| "ERR_IPC_INVALID_MESSAGE"
	/** The server of a service was killed, or closed, before it answered the call. The method may have run. */
	| "ERR_IPC_PEER_DIED"
	/** No server of the service is open, and the client does not wait for one. */
	| "ERR_IPC_NO_SERVER"
	/** The service has no method of this name. */
	| "ERR_IPC_NO_METHOD"
	/** The time that the call to a service may take is over. */
	| "ERR_IPC_TIMED_OUT"
	/** Any other error of the operating system. */
	| "ERR_IPC_SYSTEM";

/** A step of a path: a key, as some libraries write it. */
export interface SchemaPathSegment {
	/** The key. */
	readonly key: PropertyKey;
}

/** One thing that a schema found wrong with a value. */
export interface SchemaIssue {
	/** What is wrong, for people. */
	readonly message: string;
	/** Where in the value: the keys from the outside to the inside. */
	readonly path?: readonly (PropertyKey | SchemaPathSegment)[] | undefined;
}

/** What an error of an invalid message says in addition. */
interface MessageDetails {
	readonly issues?: readonly SchemaIssue[] | undefined;
	readonly cause?: unknown;
	readonly bytes?: Uint8Array | undefined;
}

const ordinary = Function.prototype[Symbol.hasInstance] as (this: unknown, value: unknown) => boolean;

function isInstance(tested: unknown, value: unknown): boolean {
	if (tested !== IpcError) return ordinary.call(tested, value);
	return value !== null && typeof value === "object" && BRAND in value;
}

/** What all copies of the package know an {@link IpcError} by. */
const BRAND: unique symbol = Symbol.for("libipc.IpcError");

/**
 * The error that every call of libipc throws if it fails.
 *
 * @example
 * import { IpcError, Route } from "libipc";
 *
 * using first = Route.sender("prices");
 * try {
 *   using second = Route.sender("prices");
 * } catch (error) {
 *   if (error instanceof IpcError && error.code === "ERR_IPC_HAS_SENDER") console.log("another sender is open"); // another sender is open
 *   else throw error;
 * }
 */
export class IpcError extends Error {
	/**
	 * `error instanceof IpcError`: also for an error of another copy of the package, which a program may have without knowing: as a
	 * dependency of a dependency, or in a bundle.
	 *
	 * @param value - Any value.
	 * @internal
	 */
	static override [Symbol.hasInstance](value: unknown): boolean {
		// biome-ignore lint/complexity/noThisInStatic: a class of the program that extends this one has instances of its own
		return isInstance(this, value);
	}
	/** Always `"IpcError"`. */
	override readonly name = "IpcError";
	/** What failed: stable, to be compared with. */
	readonly code: IpcErrorCode;
	/** The name that the error is about, without its prefix; `""` if it is about none. */
	readonly endpoint: string;
	/** Of `ERR_IPC_INVALID_MESSAGE`: what the schema found wrong; `undefined` if it was the codec that failed: then `cause` is its exception. */
	declare readonly issues?: readonly SchemaIssue[] | undefined;
	/** Of `ERR_IPC_INVALID_MESSAGE`: a copy of the message. */
	declare readonly bytes?: Uint8Array | undefined;

	/**
	 * Makes an error. Programs that use libipc do not need it.
	 *
	 * @param code - What failed.
	 * @param endpoint - The name that the error is about, or `""`.
	 * @param message - The text for people.
	 * @param details - Of an invalid message.
	 */
	constructor(code: IpcErrorCode, endpoint: string, message: string, details?: MessageDetails) {
		super(message, details?.cause === undefined ? undefined : { cause: details.cause });
		this.code = code;
		this.endpoint = endpoint;
		if (details?.issues) this.issues = details.issues;
		if (details?.bytes) this.bytes = details.bytes;
		startAtCaller(this);
	}

	/** @internal */
	get [BRAND](): true {
		return true;
	}
}
