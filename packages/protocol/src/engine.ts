import { PEER_BYTES } from "./abi.ts";
import type { EndpointKind, HandleKind, modes, overflows } from "./kinds.ts";
import type { ListedName } from "./listed.ts";
import type { OWNER_DIED, Status } from "./status.ts";

/**
 * What moves bytes and waits. The endpoints are written against this; each engine implements it.
 *
 * Numbers answered: zero and above is success, the rest is a {@link Status}. Timeouts are whole milliseconds in 32 bits,
 * negative for ever: a double is converted by a slow path of bun:ffi. Arguments have been validated, except for the lengths of messages.
 */
export interface Engine {
	openSender(kind: EndpointKind, prefix: string, name: string, options: EngineOptions): EngineSender;
	openReceiver(kind: EndpointKind, prefix: string, name: string, options: EngineOptions): EngineReceiver;
	openMutex(prefix: string, name: string, options: EngineHandleOptions): EngineMutex;
	openCondition(prefix: string, name: string, options: EngineHandleOptions): EngineCondition;
	openSemaphore(prefix: string, name: string, options: EngineHandleOptions): EngineSemaphore;
	openRwLock(prefix: string, name: string, options: EngineHandleOptions): EngineRwLock;
	openMemory(prefix: string, name: string, options: EngineHandleOptions): EngineMemory;
	/** Removes one name, whatever is there. */
	clear(kind: EndpointKind | HandleKind, prefix: string, name: string): void;
	/** All names of a prefix, or of all prefixes, in any order. */
	list(prefix: string | undefined): ListedName[];
	/** Removes the names of a prefix, or of all prefixes, that no live process or thread has open; returns what it removed. */
	clearLeftovers(prefix: string | undefined): ListedName[];
	/** Nanoseconds on the clock that `monotonicNs` promises. */
	now(): number;
	/** Opens what other processes or threads can signal, so that this thread's event loop calls `signalled`. */
	openWaker(signalled: () => void): EngineWaker;
}

export interface EngineWaker {
	/** The number of the waker, in two halves: what `arm` takes. */
	readonly low: number;
	readonly high: number;
	/** Whether it keeps the process alive. At first it does not. */
	keepAlive(yes: boolean): void;
	close(): void;
}

/** As the user asked; 0 = did not ask. */
export interface EngineOptions {
	readonly capacity: number;
	readonly maxReceivers: number;
	readonly permissions: number;
	/** 0, or 1 + the index in {@link overflows}. */
	readonly overflow: number;
	readonly fromOldest: boolean;
	/** The position, in 8-byte units, at which a new ring starts: for tests of the wrap. */
	readonly firstPosition: number;
}

/** The same for what has no ring. */
export interface EngineHandleOptions {
	readonly maxHandles: number;
	readonly permissions: number;
	/** Of a semaphore: 1 + its permits at first. */
	readonly initial: number;
	/** Of a semaphore: 1 yes, 2 no. */
	readonly robust: number;
	/** Of shared memory: the index in {@link modes}. */
	readonly mode: number;
	/** Of shared memory: bytes. */
	readonly size: number;
}

/** What an event loop can wait for. */
export interface EngineWaitable {
	/** Has the waker rung when there is reason to try again, for each bit of {@link WaitBits}; then looking once more is the caller's part. */
	arm(wait: number, waker: EngineWaker): void;
	/** Notices dead peers and lost signals, and arms again. Whether there is a reason to try. */
	poll(wait: number, waker: EngineWaker): boolean;
	/** For what of `arm` it has not been rung yet. */
	armed(): number;
}

/** What every endpoint of an engine can do. */
export interface EngineEndpoint extends EngineWaitable {
	/**
	 * Fills records of {@link PEER_WORDS} numbers, one for each place that is or was taken by another endpoint: role (1
	 * sender, 2 receiver), id (0 = free), pid, place, the id that last died there, whether it is alive. Answers how many.
	 */
	peers(records: Uint32Array): number;
	close(): void;
}

/** 32-bit words of a record of {@link EngineEndpoint.peers}: `ipc_peer`. */
export const PEER_WORDS = PEER_BYTES / 4;

/** What can be armed for. A wait to be `woken` gets its waker when it begins, and is never armed. */
export const WaitBits = { space: 1, peers: 2, data: 4, lock: 1, shared: 4, woken: 8 } as const;

/** What every handle of an engine can do. `native/include/libipc/handle.h` and its neighbours describe each. */
export interface EngineHandle extends EngineWaitable {
	/** Gives up waiting for what it is armed for. */
	disarm(wait: number): void;
	/** How many handles are open on the name; `closed` if the handle is. */
	count(): number;
	close(): void;
}

/** `lock` answers 0, {@link OWNER_DIED} or a status. */
export interface EngineLock extends EngineHandle {
	/**
	 * `forTask` (of a reader-writer lock): readers of this very handle are waited for, and if the time is over with readers
	 * inside, it stays the next writer, until it locks or disarms.
	 */
	lock(timeout: number, forTask: boolean): number;
	unlock(): number;
	markUnusable(): number;
}

export interface EngineMutex extends EngineLock {
	isHeld(): boolean;
}

export interface EngineRwLock extends EngineLock {
	lockShared(timeout: number): number;
	unlockShared(): number;
	/** -1: exclusively; else how often shared. */
	held(): number;
}

export interface EngineSemaphore extends EngineHandle {
	acquire(timeout: number): number;
	release(count: number): number;
	permits(): number;
	recovered(): number;
}

/** A handle whose waits are each woken on their own. A wait is zero or above; it ends when `sleep` answers anything but `timedOut`. */
export interface EngineWaitTable extends EngineHandle {
	/** 0: it was notified; `timedOut`: not yet, and not within the time. */
	sleep(wait: number, timeout: number): number;
	/** Ends a wait. True: it had been notified all the same. */
	leave(wait: number): boolean;
}

export interface EngineCondition extends EngineWaitTable {
	/** Without a waker: for `sleep` with a timeout. */
	enter(waker: EngineWaker | undefined): number;
	notify(): number;
	notifyAll(): number;
}

export interface EngineMemory extends EngineWaitTable {
	byteLength(): number;
	/** All of it, as large as it is now. It stays mapped as long as its buffer lives, and begins at a multiple of 8. */
	map(): Uint8Array;
	grow(byteLength: number): void;
	unlink(): void;
	enter(offset: number, expected: number, waker: EngineWaker | undefined): number;
	wake(offset: number, count: number): number;
}

export interface EngineSender extends EngineEndpoint {
	readonly maxMessageLength: number;
	/** What travels whole, and what a batch takes. */
	readonly maxRecordLength: number;
	readonly maxLoanLength: number;
	send(bytes: Uint8Array, length: number, timeout: number): number;
	/**
	 * Sends as much as there is room for, from `progress[0]` on, which it moves; 0: all of it is sent; `timedOut`: go on
	 * when there is room, or give up.
	 */
	sendPart(bytes: Uint8Array, length: number, progress: Uint32Array): number;
	abortPart(): void;
	/** Copies into the batch; `timedOut`: it is full, flush first. */
	stage(bytes: Uint8Array, length: number): number;
	/** Sends the batch and answers how many of it were accepted; what was not is forgotten. */
	flush(timeout: number): number;
	/** Lends room for a message: the byte offset in the ring, or a status. */
	loan(length: number, timeout: number): number;
	/** Sends the first `length` bytes of what was lent at `offset`; -1 gives it up. */
	endLoan(offset: number, length: number): number;
	/** The whole ring, to write loans into. It stays mapped after close. */
	ring(): Uint8Array;
	receiverCount(): number;
	waitForReceivers(count: number, timeout: number): number;
}

export interface EngineReceiver extends EngineEndpoint {
	/** Copies the next message, of at most `capacity` bytes, and answers its length. `target` is not empty. */
	recv(target: Uint8Array, timeout: number, capacity?: number): number;
	/** The length of the next message; `timedOut`: there is none. */
	nextLength(): number;
	/**
	 * Fills pairs (byte offset in the ring, length) and answers how many. `notInPlace`: the next message does not lie in
	 * the ring for reading; `spans[0]` is its length, and if `target` (not empty) is as long, it has been received there.
	 */
	peek(spans: Uint32Array, max: number, target: Uint8Array, timeout: number): number;
	/** Moves past messages that were peeked. */
	consume(count: number): number;
	/** The next message without a copy, if it was put together from fragments; else null. */
	takeAssembled(): Uint8Array<ArrayBuffer> | null;
	/** Of a queue: fills where the message lies in the ring, its length, and how often it was taken. */
	take(lease: Uint32Array, timeout: number): number;
	done(offset: number): number;
	retry(offset: number): number;
	lost(): number;
	/** The whole ring. It stays readable, though not meaningful, after close. */
	ring(): Uint8Array;
}
