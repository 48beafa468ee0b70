/** What can go wrong, as stable codes. Match on `error.code`; the text is for people and may change. */
export type IpcErrorCode =
	/** An argument of the wrong type or out of range. */
	| "ERR_IPC_INVALID_ARGUMENT"
	/** A name or prefix that is empty, too long, or holds `/` or control characters. */
	| "ERR_IPC_INVALID_NAME"
	/** The endpoint was closed before this call. */
	| "ERR_IPC_CLOSED"
	/** Called while a call on the same endpoint runs: from its own `drain` handler, or from the iterable of its own batch. */
	| "ERR_IPC_REENTRANT"
	/** The loan was sent or discarded already, or its sender was closed. */
	| "ERR_IPC_LOAN_ENDED"
	/** The lease was done or put back already, or its receiver was closed. */
	| "ERR_IPC_LEASE_ENDED"
	/** The message is larger than a message, or one of this queue, can be; the text tells the limit. Nothing was sent. */
	| "ERR_IPC_MESSAGE_TOO_LARGE"
	/** `recvInto`: the target is smaller than the message, which stays the next one. */
	| "ERR_IPC_BUFFER_TOO_SMALL"
	/** A route has one sender, and that one is alive. */
	| "ERR_IPC_HAS_SENDER"
	/** As many receivers are connected as the creator allowed. */
	| "ERR_IPC_TOO_MANY_RECEIVERS"
	/** As many senders are connected as a segment has places for. */
	| "ERR_IPC_TOO_MANY_SENDERS"
	/** As many handles of a lock, a semaphore, a condition or shared memory are open as the creator allowed. */
	| "ERR_IPC_TOO_MANY_HANDLES"
	/** As many are waiting on a condition or in shared memory as it has room for: four for each handle it may have. */
	| "ERR_IPC_TOO_MANY_WAITS"
	/** Given back what this handle does not hold. */
	| "ERR_IPC_NOT_OWNER"
	/** It would have waited for a lock that it, or this thread, holds itself. */
	| "ERR_IPC_DEADLOCK"
	/** An owner that was told of a death has given the lock up. */
	| "ERR_IPC_UNUSABLE"
	/** More permits than a semaphore can have. */
	| "ERR_IPC_OVERFLOW"
	/** Shared memory that was to be created is there. */
	| "ERR_IPC_EXISTS"
	/** Shared memory that was to be opened is not there. */
	| "ERR_IPC_NOT_FOUND"
	/** An option differs from what the creator of the name chose. */
	| "ERR_IPC_OPTIONS_MISMATCH"
	/** The segment was made by a libipc with another memory layout. */
	| "ERR_IPC_VERSION"
	/** Something that is not a libipc segment has this name. */
	| "ERR_IPC_FOREIGN"
	/** The shared memory is truncated or damaged. */
	| "ERR_IPC_CORRUPT"
	/** The segment is another user's, or shared with more than this open asked for, or the system refuses access to it. */
	| "ERR_IPC_PERMISSION"
	/** Shared memory, or memory, is full. */
	| "ERR_IPC_NO_SPACE"
	/** The storage of this name was removed while the endpoint was open. */
	| "ERR_IPC_ORPHANED"
	/** It was inherited by `fork()`, without exec, and is the parent's. Open the name again. */
	| "ERR_IPC_FORKED"
	/** A stopped process keeps others from opening this name. */
	| "ERR_IPC_BUSY"
	/** The native library is missing, cannot be loaded, or is of another version. */
	| "ERR_IPC_LIBRARY"
	/** What was asked for needs another engine: other processes are reached by the native one. The text says how to get it. */
	| "ERR_IPC_ENGINE"
	/** Any other error of the operating system. */
	| "ERR_IPC_SYSTEM";

/**
 * Every failure of libipc.
 *
 * @example
 * try {
 *   using sender = Route.sender("prices");
 * } catch (error) {
 *   if (error instanceof IpcError && error.code === "ERR_IPC_HAS_SENDER") console.log("somebody publishes already");
 *   else throw error;
 * }
 */
export class IpcError extends Error {
	override readonly name = "IpcError";
	/** What went wrong: stable, to be matched on. */
	readonly code: IpcErrorCode;
	/** The name it is about, or "" if it is about none. */
	readonly endpoint: string;

	constructor(code: IpcErrorCode, endpoint: string, message: string) {
		super(message);
		this.code = code;
		this.endpoint = endpoint;
	}
}
