import type { Overflow } from "@libipc/protocol";

/**
 * What is sent: bytes. A string is sent as UTF-8. Buffers and views may belong to another realm (node:vm, Jest, jsdom), and may be
 * resizable. Those whose memory was transferred, or cut off by a resize, are refused.
 */
export type Message = string | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** How long a call may wait. */
export interface WaitOptions {
	/**
	 * Milliseconds, rounded up to a whole number. 0: the call does not wait. More than 2,147,483,647 (24 days): it waits without
	 * a limit.
	 *
	 * @defaultValue no limit
	 */
	readonly timeout?: number | undefined;
}

/** How long an asynchronous call may wait, and what ends the wait earlier. */
export interface AsyncWaitOptions extends WaitOptions {
	/**
	 * If it is aborted, the promise rejects with the signal's reason. No message is lost: a message that was to be received
	 * stays the next one, and a message that was to be sent was not sent.
	 *
	 * @defaultValue no signal
	 */
	readonly signal?: AbortSignal | undefined;
}

/** Which name a call without an endpoint waits for, and how long. */
export interface NameWaitOptions extends WaitOptions {
	/**
	 * The namespace of the name, as in {@link EndpointOptions.prefix}.
	 *
	 * @defaultValue the environment variable `LIBIPC_PREFIX`; if it is not set, or empty, `""`
	 */
	readonly prefix?: string | undefined;
}

/** The same, and what ends the wait earlier. */
export interface NameWaitAsyncOptions extends NameWaitOptions {
	/**
	 * If it is aborted, the promise rejects with the signal's reason.
	 *
	 * @defaultValue no signal
	 */
	readonly signal?: AbortSignal | undefined;
}

/** What ends an iteration. */
export interface IterationOptions {
	/**
	 * If it is aborted, the iteration throws the signal's reason. No message is lost.
	 *
	 * @defaultValue no signal
	 */
	readonly signal?: AbortSignal | undefined;
}

/** Another endpoint of the same name joined, left, or died. */
export interface PeerEvent {
	/** `joined`: it was opened, or was open already. `left`: it was closed. `died`: its process was killed, or its Worker terminated. */
	readonly type: "joined" | "left" | "died";
	/** Which end of the name it is. */
	readonly role: "sender" | "receiver";
	/** Whether it is an observer: a receiver that was opened with `lossy`. */
	readonly observer: boolean;
	/** The process that opened it. */
	readonly pid: number;
	/** The number of the endpoint. No other endpoint gets it while the name exists. */
	readonly id: number;
}

/**
 * How a name is opened. The process that opens a name first sets `capacity`, `maxReceivers`, `overflow`, `stamp` and `permissions`. A
 * later open that passes another value fails with `ERR_IPC_OPTIONS_MISMATCH`. A later open that leaves an option out accepts
 * the value that was set, except for `permissions`.
 */
export interface EndpointOptions {
	/**
	 * A namespace: the same name under two prefixes is two names. At most 64 bytes of UTF-8.
	 *
	 * @defaultValue the environment variable `LIBIPC_PREFIX`; if it is not set, or empty, `""`
	 */
	readonly prefix?: string | undefined;
	/**
	 * The size of the ring in bytes: a power of two from 4,096 (4 KiB) to 1,073,741,824 (1 GiB). Larger messages than half of it
	 * are sent in fragments.
	 *
	 * @defaultValue `1048576` (1 MiB)
	 */
	readonly capacity?: number | undefined;
	/**
	 * How many receivers may be open at the same time: 1 to 1,024.
	 *
	 * @defaultValue `64`
	 */
	readonly maxReceivers?: number | undefined;
	/**
	 * What happens when the ring is full. A queue cannot use `"drop-oldest"`.
	 *
	 * @defaultValue `"block"`
	 */
	readonly overflow?: Overflow | undefined;
	/**
	 * Whether each message carries a stamp: which sender has sent it, and when. All senders of the name write it, in whatever way they
	 * send, and all receivers take it off, so that nothing changes for the messages; {@link Receiver.lastStamp}, {@link Lease.stamp} and
	 * {@link Receiver.latency} show it. It takes 16 bytes of the ring for each message, and the largest message is 16 bytes smaller. A
	 * dead-letter queue has stamps if its queue has them.
	 *
	 * @defaultValue `false` for a name that is created; otherwise what the name has
	 */
	readonly stamp?: boolean | undefined;
	/**
	 * File mode bits of the shared memory. To share a name with other users, pass the same value in every process, for example
	 * 0o660. Without it, an open accepts only a name that belongs to this user alone, and fails with `ERR_IPC_PERMISSION`
	 * otherwise. A class of users (the group, or all others) that may not write gets no right to read either: such users cannot
	 * open the name, and with that right they could hold its lock.
	 *
	 * @defaultValue `0o600` (this user only)
	 */
	readonly permissions?: number | undefined;
	/**
	 * Called for each other endpoint of the name: once for each that is open, then whenever one joins, leaves or dies (within a
	 * second), until this endpoint is closed. It does not keep the process alive. {@link Endpoint.peers} gives the same events.
	 *
	 * @defaultValue no callback
	 */
	readonly onPeer?: ((event: PeerEvent) => void) | undefined;
}

/** How the sender of a route is opened. */
export interface RouteSenderOptions extends EndpointOptions {
	/**
	 * How long the open waits for the present sender of the route to leave: milliseconds, rounded up to a whole number. 0: it does not
	 * wait. `Infinity`, or more than 2,147,483,647 (24 days): it waits without a limit. The end of a killed sender is noticed within a
	 * second. No message is lost between the two senders: while the new one waits, the name stays, and what the old one has sent comes
	 * before what the new one sends. The other endpoints see the new sender as a peer as soon as it waits.
	 *
	 * @defaultValue 0 for `sender`; no limit for `senderAsync`
	 */
	readonly wait?: number | undefined;
}

/** How the sender of a route is opened without blocking the event loop. */
export interface RouteSenderAsyncOptions extends RouteSenderOptions {
	/**
	 * If it is aborted, the promise rejects with the signal's reason, and no sender is opened.
	 *
	 * @defaultValue no signal
	 */
	readonly signal?: AbortSignal | undefined;
}

/** How a receiver is opened. */
export interface ReceiverOptions extends EndpointOptions {
	/**
	 * The first message that the receiver gets. `newest`: the next one that is sent. `oldest`: the oldest one that the ring still
	 * holds, even if other receivers have read it. With `overflow: "block"`, senders wait for the receiver from that message on.
	 * It has no effect on a queue.
	 *
	 * @defaultValue `"newest"`
	 */
	readonly from?: "newest" | "oldest" | undefined;
	/**
	 * Makes the receiver an observer: no sender waits for it, however slow it is. What senders have overwritten before it was read is
	 * lost, and counted in {@link Receiver.lost}; a message that was overwritten in part is never given out. The other receivers of
	 * the name keep all their guarantees. Senders count observers apart: {@link Sender.observerCount}. With
	 * `overflow: "drop-oldest"` every receiver reads like this. A queue refuses it, because each of its messages must reach a receiver.
	 * With `from: "oldest"` it begins with the oldest message that is still whole.
	 *
	 * @defaultValue `false`
	 */
	readonly lossy?: boolean | undefined;
}

/**
 * How a receiver of a queue is opened. The first receiver that passes `deadLetter` sets it, and `maxAttempts`, for the queue: they hold
 * for all its receivers, until the name is removed. A receiver that passes another value fails with `ERR_IPC_OPTIONS_MISMATCH`.
 *
 * @example
 * import { Queue } from "libipc";
 *
 * using sender = Queue.sender("jobs");
 * using receiver = Queue.receiver("jobs", { maxAttempts: 2, deadLetter: "jobs.dead" });
 * using dead = Queue.receiver("jobs.dead");
 * sender.send("resize cat.png");
 * receiver.take()?.retry();
 * receiver.take()?.retry();
 * console.log(receiver.tryTake()); // null
 * using lease = dead.take();
 * console.log(lease?.origin?.reason); // max-attempts
 */
export interface QueueReceiverOptions extends ReceiverOptions {
	/**
	 * The name of the dead-letter queue, in the same prefix: an ordinary queue, where messages go that failed too often or were
	 * rejected ({@link Lease.reject}). Every receiver has it open as a sender. If it does not exist, it is created, with the capacity of
	 * this queue; it must not have less. Its messages are gone with its last endpoint, so keep one open.
	 *
	 * @defaultValue what the queue has: at first, none
	 */
	readonly deadLetter?: string | undefined;
	/**
	 * How often a message is taken. If it was put back for the last time, or its last receiver was killed, it goes to
	 * `deadLetter`, which must be given too. 1 to 268,435,454.
	 *
	 * @defaultValue what the queue has: at first, no limit
	 */
	readonly maxAttempts?: number | undefined;
	/**
	 * How many leases this receiver may have at the same time: its asynchronous calls wait until one ends. So a receiver that starts
	 * work without waiting for it does not take what others could do. 1 to 65,536. It is an option of this receiver, not of the queue.
	 *
	 * @defaultValue no limit
	 */
	readonly prefetch?: number | undefined;
}

/** What senders and receivers have in common. `using` closes an endpoint at the end of the block. */
export interface Endpoint extends Disposable, AsyncDisposable {
	/** The name it was opened with, without the prefix. */
	readonly name: string;
	/** Whether {@link close} was called. */
	readonly closed: boolean;
	/**
	 * The other endpoints of this name: first those that are open, as `joined`, then each one that joins, leaves or dies (within
	 * a second). The iteration ends when this endpoint is closed. It keeps the process alive while it waits.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED` if this endpoint is closed, `ERR_IPC_INVALID_ARGUMENT`; or the reason of the aborted `signal`
	 * @example
	 * import { Channel } from "libipc";
	 *
	 * using channel = Channel.sender("news");
	 * using receiver = Channel.receiver("news");
	 * for await (const { type, role } of channel.peers()) {
	 *   console.log(role, type); // receiver joined
	 *   break;
	 * }
	 */
	peers(options?: IterationOptions): AsyncIterableIterator<PeerEvent>;
	/**
	 * Closes the endpoint. When the last endpoint of a name is closed, the shared memory of the name is removed. A second call does
	 * nothing.
	 *
	 * @example
	 * import { Route } from "libipc";
	 *
	 * const sender = Route.sender("prices");
	 * sender.close();
	 * console.log(sender.closed); // true
	 */
	close(): void;
}
