import type { Overflow } from "@libipc/protocol";
/** What travels: bytes. Strings travel as UTF-8. */
export type Message = string | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** How long a call may wait. */
export interface WaitOptions {
	/** Milliseconds, rounded up to whole ones. Absent, or more than 24 days: for ever. 0: do not wait. */
	readonly timeout?: number | undefined;
}

/** How long an asynchronous call may wait, and what ends the wait before. */
export interface AsyncWaitOptions extends WaitOptions {
	/** Aborting it rejects the promise with the signal's reason. No message is lost by that: it stays, or was not sent. */
	readonly signal?: AbortSignal | undefined;
}

/** Another endpoint of the same name came, closed, or was killed. */
export interface PeerEvent {
	readonly type: "joined" | "left" | "died";
	readonly role: "sender" | "receiver";
	/** The process it is or was in. */
	readonly pid: number;
	/** The endpoint's number: never used twice as long as the name exists. */
	readonly id: number;
}

/**
 * How a name is opened. Whoever opens a name first fixes `capacity`, `maxReceivers`, `overflow` and `permissions`; whoever comes
 * later and asks for another value gets `ERR_IPC_OPTIONS_MISMATCH`, and who asks for none takes what is there, but for
 * `permissions`.
 */
export interface EndpointOptions {
	/** A namespace: the same name under two prefixes is two names. Up to 64 bytes of UTF-8. Default "". */
	readonly prefix?: string | undefined;
	/** Bytes of the ring: a power of two from 4 KiB to 1 GiB. Default 1 MiB. Messages up to half of it travel whole. */
	readonly capacity?: number | undefined;
	/** How many receivers may be connected at once: 1 to 1024. Default 64. */
	readonly maxReceivers?: number | undefined;
	/** What to do when the ring is full. Default "block". A queue cannot drop the oldest. */
	readonly overflow?: Overflow | undefined;
	/**
	 * With whom it is shared, as file mode bits. Default 0o600: this user only. To share a name with other users give the same
	 * `permissions` everywhere (for example 0o660): who gives none opens only what is this user's own and private, and
	 * gets `ERR_IPC_PERMISSION` otherwise.
	 */
	readonly permissions?: number | undefined;
	/**
	 * Called for each other endpoint there is, and then whenever one comes, leaves or dies (within a second), until this
	 * one is closed. Does not keep the process alive. See also {@link Endpoint.peers}.
	 */
	readonly onPeer?: ((event: PeerEvent) => void) | undefined;
}

/** How a receiver is opened. */
export interface ReceiverOptions extends EndpointOptions {
	/**
	 * `newest` (the default): it gets what is sent from now on. `oldest`: first what the ring still holds, whole and in
	 * order, also what others have read already; unless the ring is overwritten, senders wait for it from there on.
	 * Of no effect on a queue.
	 */
	readonly from?: "newest" | "oldest" | undefined;
}

/** What every endpoint has. `using` closes it at the end of the block. */
export interface Endpoint extends Disposable, AsyncDisposable {
	/** The name it was opened with, without the prefix. */
	readonly name: string;
	/** Whether {@link close} was called. */
	readonly closed: boolean;
	/**
	 * The other endpoints of this name: first those that are there, as `joined`, then whoever joins, leaves or dies. Ends
	 * when this endpoint is closed. A death is told within a second.
	 *
	 * @throws the signal's reason, once it is aborted
	 * @example
	 * for await (const { type, role, pid } of channel.peers()) console.log(`${role} in process ${pid} ${type}`);
	 */
	peers(options?: { readonly signal?: AbortSignal | undefined }): AsyncIterableIterator<PeerEvent>;
	/** Leaves. The last endpoint of a name to leave removes its storage. Closing twice is allowed. */
	close(): void;
}

/**
 * Room in the ring for one message, to be written in place. It has its place in the order from the moment it was lent:
 * receivers wait for it there, so do not keep it for long.
 */
export interface Loan extends Disposable {
	/** What to write the message into. Valid until the loan is sent or discarded. */
	readonly bytes: Uint8Array;
	/**
	 * Sends the message: all of `bytes`, or its first `byteLength`.
	 *
	 * @returns true; false only for a loan that was not in the ring (larger than half of it, or the ring is overwritten)
	 * and that there was no room for within the timeout of {@link Sender.loan}, or nobody to receive.
	 * @throws IpcError `ERR_IPC_LOAN_ENDED` if it was sent or discarded before, or its sender was closed;
	 * `ERR_IPC_INVALID_ARGUMENT` for a length that was not lent
	 */
	send(byteLength?: number): boolean;
	/** Gives the room up, if it was not sent. The end of a `using` block does so. */
	[Symbol.dispose](): void;
}

/** The writing end of a route, a channel or a queue. */
export interface Sender extends Endpoint {
	/** How many receivers are connected. A killed one counts until somebody has noticed. */
	readonly receiverCount: number;
	/** The largest message in bytes: 2 GiB less 1; of a queue half its capacity, less 16. */
	readonly maxMessageLength: number;

	/**
	 * Sends one message, waiting while the ring is full (with `overflow: "block"`). Messages larger than half the ring
	 * travel in fragments, and other senders' messages between them.
	 *
	 * @returns true: every connected receiver will get it (of a queue: one of them, or one yet to come). false: it was not
	 * sent, because the time was up, nobody is connected (`receiverCount` tells which), or the ring drops the newest and
	 * has no room for all of it. With `overflow: "drop-oldest"` always true: the ring keeps what it is given, whether
	 * somebody is connected or not, and receivers count in `lost` what was overwritten before they came to it.
	 * @throws IpcError `ERR_IPC_MESSAGE_TOO_LARGE`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`,
	 * `ERR_IPC_CORRUPT`
	 * @example
	 * sender.send("hello");
	 * sender.send(new Uint8Array([1, 2, 3]), { timeout: 100 });
	 */
	send(message: Message, options?: WaitOptions): boolean;

	/** {@link send} that never waits: false also when the ring is full. */
	trySend(message: Message): boolean;

	/**
	 * {@link send} that lets the event loop go on while it waits. Calls are served in their order; `send` and `trySend` do
	 * not queue behind them. The bytes must stay as they are until the promise settles; strings are copied. Closing the
	 * sender rejects with `ERR_IPC_CLOSED`.
	 *
	 * @example
	 * if (!(await sender.sendAsync(frame, { timeout: 1000 }))) console.log("the others are too slow");
	 */
	sendAsync(message: Message, options?: AsyncWaitOptions): Promise<boolean>;

	/**
	 * Sends many messages, in order, with one publication for many of them: the fastest way to send small ones. The time
	 * is for all of them together.
	 *
	 * @returns How many were sent: the first so many. Fewer than given: the time was up, nobody is connected, or the ring
	 * is full and drops the newest.
	 * @throws IpcError as {@link send}. The messages before the one that it is about have been sent, if there was time.
	 */
	sendBatch(messages: Iterable<Message>, options?: WaitOptions): number;

	/**
	 * Lends room for a message in the ring, so that it can be written where receivers read it: no copy, whatever the
	 * size. Several loans may be open at once and be sent in any order; their messages keep the order of lending. A loan
	 * that is forgotten, or left by a closed sender or a killed process, is given up and blocks nobody for long. With one
	 * open, give the next one a timeout: if others have filled the ring behind the open one, only ending it makes room.
	 *
	 * Messages larger than half the ring less 16 bytes, and all messages of a ring that is overwritten, are written
	 * elsewhere and copied when they are sent; they take their place in the order then.
	 *
	 * @param byteLength 0 to {@link maxMessageLength}; of a queue 8 less.
	 * @returns null: the time was up, or nobody is connected.
	 * @throws IpcError as {@link send}
	 * @example
	 * using loan = sender.loan(1920 * 1080 * 4);
	 * if (loan) {
	 *   camera.readInto(loan.bytes);
	 *   loan.send();
	 * }
	 */
	loan(byteLength: number, options?: WaitOptions): Loan | null;

	/**
	 * Waits until at least `count` receivers are connected.
	 *
	 * @returns false when the time was up first.
	 */
	waitForReceivers(count: number, options?: WaitOptions): boolean;

	/** {@link waitForReceivers} that lets the event loop go on. */
	receiversReady(count: number, options?: AsyncWaitOptions): Promise<boolean>;

	/**
	 * A second handle, closed on its own. On a channel or a queue it is another sender; on a route, which has only one, both
	 * handles are that one, which leaves when the last of them is closed.
	 */
	clone(): Sender;
}

/**
 * The reading end of a route or a channel. It gets every message sent after it was opened.
 *
 * @example
 * for await (const message of receiver) console.log(message.byteLength);
 */
export interface Receiver extends Endpoint, AsyncIterable<Uint8Array<ArrayBuffer>> {
	/** How many messages it has missed, exactly. Always 0 unless `overflow` is "drop-oldest". */
	readonly lost: number;

	/**
	 * Takes the next message, waiting for one.
	 *
	 * @returns A copy that is the caller's, or null when the time was up.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_REENTRANT`, `ERR_IPC_CORRUPT`, and
	 * `ERR_IPC_ORPHANED` once everything sent before the storage was cleared has been read
	 */
	recv(options?: WaitOptions): Uint8Array<ArrayBuffer> | null;

	/** {@link recv} that never waits. */
	tryRecv(): Uint8Array<ArrayBuffer> | null;

	/**
	 * {@link recv} that lets the event loop go on while it waits. Several may wait at once: first come, first served.
	 * `recv` and its like do not queue behind them. A waiting one keeps the process alive, unless {@link unref} was called;
	 * closing the receiver rejects it with `ERR_IPC_CLOSED`.
	 */
	recvAsync(options?: AsyncWaitOptions): Promise<Uint8Array<ArrayBuffer> | null>;

	/**
	 * The messages as they come, for `for await`; the receiver itself can be iterated likewise. Ends when the receiver is
	 * closed. Leaving the loop loses nothing: the next message stays. However many there are, timers and sockets get their turn.
	 *
	 * @throws the signal's reason once it is aborted, and what {@link recv} throws
	 */
	messages(options?: { readonly signal?: AbortSignal | undefined }): AsyncIterableIterator<Uint8Array<ArrayBuffer>>;

	/** Pollable keeps the process alive: the default. */
	ref(): this;
	/** Pollable does not keep the process alive. */
	unref(): this;

	/**
	 * Copies the next message into `target`: no allocation, the fastest way to receive one message.
	 *
	 * @returns Its length in bytes, or -1 when the time was up.
	 * @throws IpcError `ERR_IPC_BUFFER_TOO_SMALL`: the message stays the next one. Else as {@link recv}.
	 */
	recvInto(target: Uint8Array, options?: WaitOptions): number;

	/**
	 * Hands the messages that are there to `handler`, one by one, as views into the ring, without a copy; waits only if
	 * there are none. What came in fragments, or lies in a ring that is overwritten, is copied first.
	 *
	 * A view is valid inside the handler only: afterwards a sender may write over it. The message counts as received
	 * once its handler was called, also if the handler throws (the exception comes out of `drain`; later messages stay).
	 *
	 * @param options `max`: at most so many messages, 1 to 65,536; default 1,024.
	 * @returns How many were handled: 0 when the time was up.
	 * @throws IpcError as {@link recv}
	 */
	drain(handler: (view: Uint8Array) => void, options?: WaitOptions & { readonly max?: number | undefined }): number;

	/**
	 * Hands the messages that are there to `handler`, many at once and in place: the fastest way to receive small ones,
	 * since no view is made for each. Of a queue, and of what `drain` has to copy, there is one in each batch.
	 *
	 * `batch` and all in it are valid inside the handler only. All its messages count as received once the handler was
	 * called, also if it throws; a queue's goes back.
	 *
	 * @returns How many were handled: 0 when the time was up.
	 * @throws IpcError as {@link recv}
	 * @example
	 * receiver.drainBatch(({ bytes, count, offsets, lengths }) => {
	 *   for (let i = 0; i < count; i++) checksum += bytes[offsets[i]!]! + lengths[i]!;
	 * });
	 */
	drainBatch(handler: (batch: Batch) => void, options?: WaitOptions & { readonly max?: number | undefined }): number;

	/** Another receiver of the same name. It gets every message sent after this call returned. */
	clone(): Receiver;
}

/** Messages side by side: message `i` is `bytes.subarray(offsets[i], offsets[i] + lengths[i])`. */
export interface Batch {
	readonly count: number;
	readonly bytes: Uint8Array;
	readonly offsets: Uint32Array;
	readonly lengths: Uint32Array;
}

/**
 * One message of a queue, taken by this receiver alone. If the process ends, or the lease is disposed of without
 * {@link done}, the message goes to another receiver (or to this one again).
 */
export interface Lease extends Disposable {
	/** The message, where it lies in the ring. Valid until the lease ends. */
	readonly bytes: Uint8Array;
	/** How often it has been taken: 1 the first time. */
	readonly attempt: number;
	/** The work is done: the message is gone. */
	done(): void;
	/** Puts the message back, before those not yet taken. */
	retry(): void;
	/** {@link retry}, unless the lease has ended. The end of a `using` block does so. */
	[Symbol.dispose](): void;
}

/**
 * The reading end of a queue. Each message goes to one receiver, also those sent before it was opened. What it shares with
 * {@link Receiver} is to take a message and be done with it at once, except that `drain` gives a message back whose handler throws.
 */
export interface QueueReceiver extends Receiver {
	/**
	 * Takes the next message and keeps it for this receiver until the lease ends. Work may take long; senders can go once
	 * around the ring meanwhile.
	 *
	 * @returns null when the time was up.
	 * @example
	 * using lease = jobs.take();
	 * if (lease) {
	 *   await work(lease.bytes);
	 *   lease.done();
	 * }
	 */
	take(options?: WaitOptions): Lease | null;
	/** {@link take} that never waits. */
	tryTake(): Lease | null;
	/** {@link take} that lets the event loop go on while it waits. */
	takeAsync(options?: AsyncWaitOptions): Promise<Lease | null>;
	/** The leases as they come, for `for await`: {@link Receiver.messages} that takes. */
	leases(options?: { readonly signal?: AbortSignal | undefined }): AsyncIterableIterator<Lease>;
	clone(): QueueReceiver;
}

/** A kind of endpoint, as it is exported: `Route`, `Channel`, `Queue`. */
export interface EndpointFactory<SomeReceiver extends Receiver = Receiver> {
	/** Opens the writing end, creating the name if need be. */
	sender(name: string, options?: EndpointOptions): Sender;
	/** Opens the reading end, creating the name if need be. */
	receiver(name: string, options?: ReceiverOptions): SomeReceiver;
	/**
	 * Removes a name's storage; nothing happens if there is none. Receivers still open on it read what was sent before,
	 * then get `ERR_IPC_ORPHANED`, and senders get it at once. After a crash this is not needed: the next to open
	 * the name starts it afresh.
	 */
	clear(name: string, options?: { readonly prefix?: string | undefined }): void;
}
