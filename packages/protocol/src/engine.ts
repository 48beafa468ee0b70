import { PEER_BYTES, READ_POINT_BYTES } from "./abi.ts";
import type { EndpointKind, HandleKind, modes, overflows } from "./kinds.ts";
import type { ListedName } from "./listed.ts";
import type { OWNER_DIED, Status } from "./status.ts";

/** Which engine a process uses: see `engine()`. */
export interface EngineInfo {
	/** `native`: names are shared by all processes of the machine. `sab`: by the threads of this process. */
	readonly name: "native" | "sab";
	/** Why it is not native, and what would help; `""` if it is native. */
	readonly reason: string;
	/** The directory with the files of all names: `LIBIPC_DIR`, else `/dev/shm` (macOS: `/var/tmp`). `""` if there are no files. */
	readonly directory: string;
}

/**
 * Moves bytes and waits. The endpoints use this interface; each engine implements it.
 *
 * A returned number of zero or above is success; below zero, it is a {@link Status}. A timeout is a whole number of milliseconds in 32
 * bits (bun:ffi converts a double on a slow path); negative is no limit. Arguments have been checked, except for the lengths of
 * messages.
 */
export interface Engine {
	openSender(kind: EndpointKind, prefix: string, name: string, options: EngineOptions): EngineSender;
	/**
	 * Opens a sender of a route, even if the route has another one: it may send once `takeOver` has returned 0. While it is open, the
	 * name exists.
	 */
	openSuccessor(prefix: string, name: string, options: EngineOptions): EngineSender;
	openReceiver(kind: EndpointKind, prefix: string, name: string, options: EngineOptions): EngineReceiver;
	openMutex(prefix: string, name: string, options: EngineHandleOptions): EngineMutex;
	openCondition(prefix: string, name: string, options: EngineHandleOptions): EngineCondition;
	openSemaphore(prefix: string, name: string, options: EngineHandleOptions): EngineSemaphore;
	openRwLock(prefix: string, name: string, options: EngineHandleOptions): EngineRwLock;
	openMemory(prefix: string, name: string, options: EngineHandleOptions): EngineMemory;
	openSignal(prefix: string, name: string, options: EngineHandleOptions): EngineSignal;
	openLatest(prefix: string, name: string, options: EngineHandleOptions): EngineLatest;
	/** Bytes of shared memory that stay mapped for views only: `SharedMemoryFactory.keptBytes`. */
	keptBytes(): number;
	/** Removes one name, in whatever state it is. */
	clear(kind: EndpointKind | HandleKind, prefix: string, name: string): void;
	/**
	 * Whether the name, which was just opened as this kind, is in use as another kind that is easily taken for it: which one, and the
	 * process of one of its endpoints. Never fails.
	 */
	otherKind(kind: EndpointKind | HandleKind, prefix: string, name: string): NameOfOtherKind | undefined;
	/**
	 * The live receivers of a name, without observers. It opens nothing: a name that no process or thread has open has none.
	 *
	 * @throws IpcError if the name cannot be read
	 */
	countReceivers(kind: EndpointKind, prefix: string, name: string): ReceiversOfName;
	/** All names of a prefix, or of all prefixes, in any order. */
	list(prefix: string | undefined): ListedName[];
	/**
	 * Removes the names of a prefix, or of all prefixes, that no live process or thread has open, if `filter` returns true; returns what
	 * it removed. `keepsLocked`: locks that were left locked, and robust semaphores with permits that were not given back, stay.
	 */
	clearLeftovers(prefix: string | undefined, keepsLocked: boolean, filter: (name: ListedName) => boolean): ListedName[];
	/** What this engine is, and why this process has it. */
	info(): EngineInfo;
	/** Nanoseconds on the clock that `monotonicNs` promises. */
	now(): number;
	/** Opens a waker: if other processes or threads signal it, the event loop of this thread calls `signalled`. */
	openWaker(signalled: () => void): EngineWaker;
}

/** A live name of another kind. */
export interface NameOfOtherKind {
	readonly kind: EndpointKind | HandleKind;
	/** The process of one of its endpoints or handles. */
	readonly pid: number;
}

/** See `Engine.countReceivers`. */
export interface ReceiversOfName {
	readonly count: number;
	/** How many it can have; 0: nobody has it open. */
	readonly most: number;
}

/** What other processes and threads signal to wake an event loop. */
export interface EngineWaker {
	/** The number of the waker, which `arm` writes to the segment: its low and its high 32 bits. */
	readonly low: number;
	readonly high: number;
	/** Whether it keeps the process alive. A new waker does not. */
	keepAlive(yes: boolean): void;
	/** Signals itself, in the way of another process. Engines whose signals the system cannot refuse have no such method. */
	signalItself?(): void;
	close(): void;
}

/** The options of an endpoint; 0 if the user has left an option out. */
export interface EngineOptions {
	readonly capacity: number;
	readonly maxReceivers: number;
	readonly permissions: number;
	/** 0, or 1 + the index in {@link overflows}. */
	readonly overflow: number;
	readonly fromOldest: boolean;
	/** Of a receiver: no sender waits for it. */
	readonly lossy: boolean;
	/** The position, in 8-byte units, at which a new ring starts. It is for tests of the wrap-around. */
	readonly firstPosition: number;
	/** The id of the endpoint's codec, 1 to 63 bytes of printable ASCII; `""`: it has none. */
	readonly codec: string;
	/** Of a receiver of a queue: how often a message is taken before it goes to `deadLetter`. */
	readonly maxAttempts?: number;
	/** Of a receiver of a queue: the name of its dead-letter queue. */
	readonly deadLetter?: string;
	/** `StampOption`: whether the messages of the name have stamps. Left out: they have none. */
	readonly stamp?: number;
	/** The index in {@link modes}, for the senders that a receiver of a queue opens itself. */
	readonly mode?: number;
}

/** Where a dead letter comes from. */
export interface LetterOrigin {
	/** The queue in which it was not done. */
	readonly queue: string;
	/** How often it was taken there. */
	readonly attempts: number;
	/** `"max-attempts"`, `"rejected"`, or what `reject` was called with. */
	readonly reason: string;
}

/** The options of a handle; 0 if the user has left an option out. */
export interface EngineHandleOptions {
	readonly maxHandles: number;
	readonly permissions: number;
	/** Of a semaphore: 1 + its permits at first. */
	readonly initial: number;
	/** Of a semaphore: 1 yes, 2 no. */
	readonly robust: number;
	/** Of shared memory: the index in {@link modes}. */
	readonly mode: number;
	/** Of shared memory: bytes. Of a latest value: the longest value in bytes. */
	readonly size: number;
	/** Of a Signal: the handle is not notified. */
	readonly notifyOnly?: boolean;
	/** Of a latest value: 1 yes. */
	readonly keep?: number;
	/** Of a latest value, as in {@link EngineOptions}. */
	readonly codec?: string;
}

/** An endpoint or handle that an event loop can wait for. `wait` is one of {@link WaitBits}. */
export interface EngineWaitable {
	/** Has the waker signalled once when a new attempt may succeed. The caller makes one more attempt after it has armed. */
	arm(wait: number, waker: EngineWaker): void;
	/** Notices a change whose signal was lost, and arms again. Returns whether a new attempt may succeed. */
	poll(wait: number, waker: EngineWaker): boolean;
	/** The bits for which it is armed and has not been signalled yet. */
	armed(): number;
}

/** What every endpoint of an engine has. */
export interface EngineEndpoint extends EngineWaitable {
	/**
	 * Fills records of {@link PEER_WORDS} numbers (`ipc_peer`), one for each slot that another endpoint uses or has used. Returns how
	 * many.
	 */
	peers(records: Uint32Array): number;
	close(): void;
}

/** 32-bit words of a record of {@link EngineEndpoint.peers}: `ipc_peer`. */
export const PEER_WORDS = PEER_BYTES / 4;

/** 32-bit words of the point of {@link EngineSender.readPoint}: `ipc_read_point`. */
export const READ_POINT_WORDS = READ_POINT_BYTES / 4;

/** What `arm` can wait for. A wait for `woken` is never armed: each such wait has a waker in its entry. */
export const WaitBits = { space: 1, peers: 2, data: 4, lock: 1, shared: 4, woken: 8, read: 16 } as const;

/** What every handle of an engine has. `native/include/libipc/handle.h` and the headers beside it describe the calls. */
export interface EngineHandle extends EngineWaitable {
	/** Cancels the wait for what it is armed for. */
	disarm(wait: number): void;
	/** How many handles are open on the name; `closed` if the handle is. */
	count(): number;
	close(): void;
}

/** `lock` returns 0, {@link OWNER_DIED} or a status. */
export interface EngineLock extends EngineHandle {
	/**
	 * `forTask` (of a reader-writer lock): it also waits for readers of this handle. If the time is up while there are readers, it
	 * stays the next writer until it locks or disarms.
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
	/** -1: exclusively; otherwise how often shared. */
	held(): number;
}

export interface EngineSemaphore extends EngineHandle {
	acquire(timeout: number): number;
	release(count: number): number;
	permits(): number;
	recovered(): number;
}

/** A handle whose waits are woken one by one. A wait is zero or above. It ends when `sleep` returns anything but `timedOut`. */
export interface EngineWaitTable extends EngineHandle {
	/** Returns 0 if it was notified; `timedOut` if it was not notified within the time. */
	sleep(wait: number, timeout: number): number;
	/** Ends a wait. Returns true if it had been notified. */
	leave(wait: number): boolean;
}

export interface EngineCondition extends EngineWaitTable {
	/** Begins a wait. Without a waker, it is for `sleep` with a timeout. */
	enter(waker: EngineWaker | undefined): number;
	notify(): number;
	notifyAll(): number;
}

export interface EngineMemory extends EngineWaitTable {
	byteLength(): number;
	/** The whole memory, as large as it is now. It stays mapped while its buffer is referenced, and begins at a multiple of 8. */
	map(): Uint8Array;
	grow(byteLength: number): void;
	unlink(): void;
	enter(offset: number, expected: number, waker: EngineWaker | undefined): number;
	wake(offset: number, count: number): number;
}

export interface EngineSignal extends EngineHandle {
	/** Sets bits of `low` (ids 0 to 31) and `high` (32 to 63), signed words and not both 0, in all other handles; returns in how many. */
	notify(low: number, high: number): number;
	/** Takes a pending id: 0 to 63. */
	wait(timeout: number): number;
}

/** `native/include/libipc/latest_value.h` describes the calls. */
export interface EngineLatest extends EngineWaitTable {
	readonly maxLength: number;
	/** `bytes` as in {@link EngineSender.send}, of at most `maxLength`; not empty. */
	set(bytes: Uint8Array, length: number, timeout: number): number;
	/** Copies the value: its length, `notSet` or `bufferTooSmall`. `target` as in {@link EngineReceiver.recvInto}; not empty. */
	get(target: Uint8Array, capacity: number): number;
	/** The length of the value, or `notSet`. */
	length(): number;
	/** 0: never set; or `closed`. */
	version(): number;
	/** The version that this handle has got or set last; or `closed`. */
	seen(): number;
	/** Begins a wait for another version. `notEqual`: there is one already. Without a waker, it is for `sleep` with a timeout. */
	enter(version: number, waker: EngineWaker | undefined): number;
	lock(timeout: number): number;
	unlock(): number;
}

/** The sender that a route has. */
export interface PresentSender {
	readonly pid: number;
	/** Whether that is this process. */
	readonly isHere: boolean;
}

export interface EngineSender extends EngineEndpoint {
	readonly maxMessageLength: number;
	/** The largest message that is sent whole, and that a batch can hold. */
	readonly maxRecordLength: number;
	readonly maxLoanLength: number;
	/** The number of this sender for the stamps that the caller writes before its messages; 0: the name has no stamps. */
	readonly stamp: number;
	/**
	 * `bytes` of at most `maxRecordLength` may be an object of the caller, whose properties and prototype say anything. It has at least
	 * `length` bytes. Read its elements or its memory, and no property. Longer `bytes` are a view that the caller does not know.
	 */
	send(bytes: Uint8Array, length: number, timeout: number): number;
	/**
	 * Sends as much as the ring has space for, from `progress[0]` on, which it advances. Returns 0 if the whole message was sent;
	 * `timedOut` if the caller has to continue when there is space, or to call `abortPart`.
	 */
	sendPart(bytes: Uint8Array, length: number, progress: Uint32Array): number;
	abortPart(): void;
	/** Of a sender that writes stamps: the `progress` of a message that is sent from now on, which keeps the time. */
	startPart?(): Uint32Array;
	/** Copies a message into the batch; `bytes` as in `send`. `timedOut`: the batch is full; flush it first. */
	stage(bytes: Uint8Array, length: number): number;
	/** Sends the batch. Stores how many messages were sent in `accepted[0]`, also if it fails; the others are forgotten. */
	flush(timeout: number, accepted: Uint32Array): number;
	/** Lends space for a message. Returns its byte offset in the ring, or a status. */
	loan(length: number, timeout: number): number;
	/** Of a sender that writes stamps: the loan is sent now. Otherwise its time is that of the call of `loan`. */
	stampLoan?(offset: number): void;
	/** Sends the first `length` bytes of the loan at `offset`; -1 gives the space back. */
	endLoan(offset: number, length: number): number;
	/** The whole ring, for writing loans. It stays mapped after close. */
	ring(): Uint8Array;
	/**
	 * Of a sender that `openSuccessor` has opened: waits until the other sender has left, or is dead, and takes its place. Returns 0, a
	 * status, or, if the time is up, the other sender.
	 */
	takeOver(timeout: number): number | PresentSender;
	/** Without observers. */
	receiverCount(): number;
	observerCount(): number;
	waitForReceivers(count: number, timeout: number): number;
	/**
	 * Fills `point`, of {@link READ_POINT_WORDS} numbers, for all messages that were sent up to now and the receivers that are open now,
	 * without observers. Returns 0 or a status. From now on receivers publish each position, until `endReadWaits`.
	 */
	readPoint(point: Uint32Array): number;
	/**
	 * Whether these receivers have read the messages, or are gone; of a queue, whether the messages are done: 0, or `timedOut`. It does
	 * not wait. The words `read` and `left` of `point` say how many so far.
	 */
	pollRead(point: Uint32Array): number;
	/** Ends all waits for points: receivers publish their positions late again. */
	endReadWaits(): void;
}

export interface EngineReceiver extends EngineEndpoint {
	/** Whether each message begins with a stamp. */
	readonly isStamped: boolean;
	/** Copies the next message, of at most `capacity` bytes. Returns its length. `target` is not empty. */
	recv(target: Uint8Array, timeout: number, capacity?: number): number;
	/** The same into an object of the caller, of at least `capacity` bytes (at least 1), as `bytes` of `EngineSender.send`. */
	recvInto(target: Uint8Array, capacity: number, timeout: number): number;
	/** The length of the next message; `timedOut` if there is none. */
	nextLength(): number;
	/**
	 * Fills pairs (byte offset in the ring, length). Returns how many. `notInPlace`: the next message cannot be read in the ring;
	 * `spans[0]` is its length, and if `target` (not empty) is long enough, the message has been received into it.
	 */
	peek(spans: Uint32Array, max: number, target: Uint8Array, timeout: number): number;
	/** Receives messages that `peek` returned. */
	consume(count: number): number;
	/** The next message without a copy, if it was assembled from fragments; otherwise null. */
	takeAssembled(): Uint8Array<ArrayBuffer> | null;
	/** Of a queue: takes the next message. Fills its byte offset in the ring, its length, and how often it was taken. */
	take(lease: Uint32Array, timeout: number): number;
	done(offset: number): number;
	/** `delay`: milliseconds for which no receiver gets the message. */
	retry(offset: number, delay: number): number;
	/** Moves the message to the dead-letter queue. `notFound`: there is none. `reason` is UTF-8. */
	reject(offset: number, reason: Uint8Array): number;
	/** Where a dead letter comes from; `undefined`: the message is no dead letter. */
	origin(offset: number): LetterOrigin | undefined;
	/** Moves a dead letter back. `timedOut`, `dropped`: that queue is full; `notFound`: it is not open. */
	redrive(offset: number): number;
	/** Of a queue: milliseconds until a delayed message may be taken; 0: now; -1: there is none. */
	nextDue(): number;
	/** As `recv`, of the newest whole message; those before it are passed over. Not of a queue. */
	recvLatest(target: Uint8Array, timeout: number): number;
	lost(): number;
	/** How many messages `recvLatest` has passed over. */
	skipped(): number;
	/** The whole ring. Views of it stay readable after close, but their content has no meaning then. */
	ring(): Uint8Array;
}
