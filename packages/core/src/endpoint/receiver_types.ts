import type { LetterOrigin } from "@libipc/protocol";
import type { Latency, Stamp } from "../stamp/stamp_types.ts";
import type { AsyncWaitOptions, Endpoint, IterationOptions, WaitOptions } from "./endpoint_types.ts";

/** How long `drain` and `drainBatch` may wait for the first message, and how many messages they handle. */
export interface DrainOptions extends WaitOptions {
	/**
	 * The largest number of messages to handle in one call: 1 to 65,536.
	 *
	 * @defaultValue `1024`
	 */
	readonly max?: number | undefined;
}

/**
 * The receiving end of a route or a channel. It gets every message that is sent after it was opened. It can be iterated with
 * `for await`, like {@link messages}.
 *
 * @example
 * import { Route } from "libipc";
 *
 * using sender = Route.sender("prices");
 * using receiver = Route.receiver("prices");
 * sender.send("42.17");
 * for await (const message of receiver) {
 *   console.log(message.byteLength); // 5
 *   break;
 * }
 */
export interface Receiver extends Endpoint, AsyncIterable<Uint8Array<ArrayBuffer>> {
	/**
	 * How many messages this receiver has missed because senders had overwritten them, exactly. Always 0 unless it is an observer
	 * ({@link ReceiverOptions.lossy}) or `overflow` is `"drop-oldest"`. Every message that was sent after the receiver was opened has
	 * been received, is counted here or in {@link skipped}, or comes next.
	 */
	readonly lost: number;
	/** How many messages {@link recvLatest} has passed over. */
	readonly skipped: number;
	/**
	 * The stamp of the message that this receiver got last: in a handler of `drain`, and in the body of a `for await`, the one of the
	 * message there; after `drainBatch`, the one of the last message. `undefined` if the name has no stamps
	 * ({@link EndpointOptions.stamp}), or there was no message yet. A lease keeps its own: {@link Lease.stamp}.
	 */
	readonly lastStamp: Stamp | undefined;
	/** How long the messages that this receiver got were on their way; `undefined` if the name has no stamps. */
	readonly latency: Latency | undefined;

	/**
	 * Receives the next message. Blocks the thread while there is none: timers, sockets and promises do not run. In an event loop, use
	 * {@link recvAsync}, {@link messages} or {@link tryRecv}.
	 *
	 * @returns A copy of the message, which belongs to the caller; null if the time was up.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_REENTRANT` from a handler of `drain` or `drainBatch`
	 * of the same receiver, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`, `ERR_IPC_NO_SPACE`; `ERR_IPC_ORPHANED` if the name was cleared,
	 * after every message that was sent before
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * sender.send("42.17");
	 * console.log(new TextDecoder().decode(receiver.recv() ?? undefined)); // 42.17
	 * console.log(receiver.recv({ timeout: 10 })); // null
	 */
	recv(options?: WaitOptions): Uint8Array<ArrayBuffer> | null;

	/**
	 * The same as {@link recv}, but it never waits.
	 *
	 * @throws IpcError as {@link recv}
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using receiver = Route.receiver("prices");
	 * console.log(receiver.tryRecv()); // null
	 */
	tryRecv(): Uint8Array<ArrayBuffer> | null;

	/**
	 * The same as {@link recv}, but the event loop continues while it waits. Several calls may wait at once; they are served in
	 * the order in which they were made. {@link recv} and {@link tryRecv} do not wait for them. A waiting call keeps the process
	 * alive, unless {@link unref} was called. If the receiver is closed, the promise rejects with `ERR_IPC_CLOSED`.
	 *
	 * @throws IpcError as {@link recv}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * const message = receiver.recvAsync({ timeout: 1000 });
	 * sender.send("42.17");
	 * console.log((await message)?.byteLength); // 5
	 */
	recvAsync(options?: AsyncWaitOptions): Promise<Uint8Array<ArrayBuffer> | null>;

	/**
	 * Receives the newest whole message, and passes over those before it, which count in {@link skipped}. Blocks the thread while
	 * there is none. It looks at a part of the ring only, so a slow viewer catches up in a moment, however much it has missed. Any
	 * receiver of a route or a channel may call it; for an observer ({@link ReceiverOptions.lossy}), no sender waits until it does.
	 *
	 * @returns A copy of the message, which belongs to the caller; null if the time was up.
	 * @throws IpcError as {@link recv}; `ERR_IPC_INVALID_ARGUMENT` of a queue
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("camera");
	 * using viewer = Route.receiver("camera", { lossy: true });
	 * sender.sendBatch(["frame 1", "frame 2", "frame 3"]);
	 * console.log(new TextDecoder().decode(viewer.recvLatest()!)); // frame 3
	 * console.log(viewer.skipped); // 2
	 */
	recvLatest(options?: WaitOptions): Uint8Array<ArrayBuffer> | null;

	/**
	 * The same as {@link recvLatest}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link recvLatest}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("camera");
	 * using viewer = Route.receiver("camera", { lossy: true });
	 * const frame = viewer.recvLatestAsync({ timeout: 1000 });
	 * sender.send("frame 1");
	 * console.log((await frame)?.byteLength); // 7
	 */
	recvLatestAsync(options?: AsyncWaitOptions): Promise<Uint8Array<ArrayBuffer> | null>;

	/**
	 * The messages as they arrive, for `for await`. The iteration ends when the receiver is closed. If the loop is left, no message
	 * is lost: the next one stays. Timers and sockets are served in between, however many messages there are.
	 *
	 * @throws IpcError as {@link recv}; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * sender.sendBatch(["42.17", ""]);
	 * for await (const message of receiver.messages({ signal: AbortSignal.timeout(5000) })) {
	 *   if (message.byteLength === 0) break;
	 *   console.log(message.byteLength); // 5
	 * }
	 */
	messages(options?: IterationOptions): AsyncIterableIterator<Uint8Array<ArrayBuffer>>;

	/**
	 * A waiting call keeps the process alive. This is the state of a new receiver.
	 *
	 * @returns this receiver
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using receiver = Route.receiver("prices").unref();
	 * receiver.ref();
	 */
	ref(): this;
	/**
	 * A waiting call does not keep the process alive.
	 *
	 * @returns this receiver
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using receiver = Route.receiver("prices").unref();
	 * receiver.recvAsync().catch(() => {}); // the process may exit while this waits
	 */
	unref(): this;

	/**
	 * Copies the next message into `target`. It allocates no memory; this is the fastest way to receive a single message. It blocks
	 * the thread while there is no message.
	 *
	 * @returns The length of the message in bytes; -1 if the time was up.
	 * @param target - A `Uint8Array` (or `Buffer`) of any realm. Nothing beside its memory is written, whatever its properties say.
	 * @throws IpcError `ERR_IPC_BUFFER_TOO_SMALL` if the message is larger than `target`; the message stays the next one. Otherwise as
	 * {@link recv}
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * const target = new Uint8Array(64);
	 * sender.send("42.17");
	 * const length = receiver.recvInto(target);
	 * console.log(new TextDecoder().decode(target.subarray(0, length))); // 42.17
	 */
	recvInto(target: Uint8Array, options?: WaitOptions): number;

	/**
	 * Calls `handler` with each message that is in the ring, as a view into the ring, without a copy. It blocks the thread only
	 * while there is no message. A message that was sent in fragments, and every message with `overflow: "drop-oldest"`, is copied
	 * first.
	 *
	 * A view is valid only inside the handler: later a sender may write over it. A message counts as received once its handler was
	 * called, even if the handler throws. The exception leaves `drain`, and the later messages stay.
	 *
	 * Do not write to a view: it is the message itself, which all receivers share. What you change (`reverse()`, `sort()`,
	 * `Buffer.swap16()`, decryption in place) is what the others get. To work in place, copy first: `view.slice()`.
	 *
	 * The handler must not be asynchronous: after its first `await` the view may hold another message. An async function or a
	 * generator is refused before a message is taken. If a handler returns a promise, `drain` throws, and the message counts as
	 * received (of a queue: is put back). Copy the message, or use {@link messages}.
	 *
	 * @returns How many messages were handled; 0 if the time was up.
	 * @throws IpcError as {@link recv}; `ERR_IPC_INVALID_ARGUMENT` if the handler is asynchronous; and what the handler throws
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * sender.sendBatch(["one", "three"]);
	 * let bytes = 0;
	 * receiver.drain((view) => {
	 *   bytes += view.byteLength;
	 * });
	 * console.log(bytes); // 8
	 */
	drain(handler: (view: Uint8Array) => void, options?: DrainOptions): number;

	/**
	 * Calls `handler` once with many messages that are in the ring, in place. It blocks the thread only while there is no message.
	 * This is the fastest way to receive small messages, because it makes no view of each. A batch holds one message if the message
	 * is of a queue, or if {@link drain} would copy it.
	 *
	 * The batch and everything in it are valid only inside the handler. All its messages count as received once the handler was
	 * called, even if it throws; a message of a queue is put back then. Do not write to `bytes`, and do not pass an asynchronous
	 * handler: see {@link drain}.
	 *
	 * @returns How many messages were handled; 0 if the time was up.
	 * @throws IpcError as {@link drain}
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * sender.sendBatch([new Uint8Array([1]), new Uint8Array([2, 3])]);
	 * let sum = 0;
	 * receiver.drainBatch(({ bytes, count, offsets, lengths }) => {
	 *   for (let i = 0; i < count; i++) {
	 *     const start = offsets[i] ?? 0;
	 *     const end = start + (lengths[i] ?? 0);
	 *     for (let at = start; at < end; at++) sum += bytes[at] ?? 0;
	 *   }
	 * });
	 * console.log(sum); // 6
	 */
	drainBatch(handler: (batch: Batch) => void, options?: DrainOptions): number;

	/**
	 * Another receiver of the same name. It gets every message that is sent after this call returned (of a queue: it takes
	 * messages beside this one).
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`, and what opening a receiver throws
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * using second = receiver.clone();
	 * console.log(sender.receiverCount); // 2
	 */
	clone(): Receiver;
}

/** Messages that lie side by side: message `i` is `bytes.subarray(offsets[i], offsets[i] + lengths[i])`. */
export interface Batch {
	/** How many messages there are. */
	readonly count: number;
	/** The memory that holds the messages, for example the whole ring. Do not write to it: all receivers share it. */
	readonly bytes: Uint8Array;
	/** Where each message begins in `bytes`, in bytes. Only the first `count` elements are set. */
	readonly offsets: Uint32Array;
	/** The length of each message in bytes. Only the first `count` elements are set. */
	readonly lengths: Uint32Array;
}

/**
 * One message of a queue, which only this receiver has. If its process ends, or the lease is disposed of without {@link done}, the
 * message is put back, and the next receiver that asks takes it.
 */
export interface Lease extends Disposable {
	/**
	 * The message, in the ring. It is valid until the lease ends. Do not write to it: if the message is put back, or its process is
	 * killed, the next holder gets what was written. To work in place, copy first: `lease.bytes.slice()`.
	 */
	readonly bytes: Uint8Array;
	/** How often the message has been taken: 1 the first time. */
	readonly attempt: number;
	/**
	 * Who sent the message, and when; `undefined` if the queue has no stamps, or the lease has ended. A dead letter has the stamp
	 * of the message in the queue that it comes from.
	 */
	readonly stamp: Stamp | undefined;
	/**
	 * Removes the message: its work is done.
	 *
	 * @throws IpcError `ERR_IPC_LEASE_ENDED` if the lease has ended
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using sender = Queue.sender("jobs");
	 * using receiver = Queue.receiver("jobs");
	 * sender.send("resize cat.png");
	 * receiver.take()?.done();
	 * console.log(receiver.tryTake()); // null
	 */
	done(): void;
	/** Where a dead letter comes from; `undefined`: the message is no dead letter, or was so large that this had no room. */
	readonly origin: LetterOrigin | undefined;
	/**
	 * Puts the message back, before the messages that have not been taken yet. With `delay`, no receiver gets it for that time; the
	 * messages behind it are taken meanwhile.
	 *
	 * @throws IpcError `ERR_IPC_LEASE_ENDED` if the lease has ended, `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using sender = Queue.sender("jobs");
	 * using receiver = Queue.receiver("jobs");
	 * sender.send("resize cat.png");
	 * receiver.take()?.retry();
	 * using lease = receiver.take();
	 * console.log(lease?.attempt); // 2
	 * lease?.done();
	 */
	retry(options?: RetryOptions): void;
	/**
	 * Moves the message to the dead-letter queue now, whatever the number of its attempts: for a message that will fail again,
	 * because it cannot be decoded, for example. It happens once, also if the process is killed during the call. If the dead-letter
	 * queue is full, the message waits in this one, no receiver gets it, and it is moved later.
	 *
	 * @param reason - For people: {@link LetterOrigin.reason}. Up to 255 bytes of UTF-8; the rest is cut off.
	 * @throws IpcError `ERR_IPC_LEASE_ENDED` if the lease has ended, `ERR_IPC_NOT_FOUND` if the queue has no dead-letter queue,
	 * `ERR_IPC_INVALID_ARGUMENT`; `ERR_IPC_BUSY` if a stopped process holds the queue. The lease stays, except for the first.
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using sender = Queue.sender("jobs");
	 * using receiver = Queue.receiver("jobs", { deadLetter: "jobs.dead" });
	 * using dead = Queue.receiver("jobs.dead");
	 * sender.send("{");
	 * receiver.take()?.reject("no JSON");
	 * console.log(dead.take()?.origin?.reason); // no JSON
	 */
	reject(reason?: string): void;
	/**
	 * Moves a dead letter back to the queue that it comes from, behind the messages there, with no attempts. It happens once, also if
	 * the process is killed during the call.
	 *
	 * @returns false if that queue is full: the lease stays.
	 * @throws IpcError `ERR_IPC_LEASE_ENDED` if the lease has ended, `ERR_IPC_INVALID_ARGUMENT` if the message has no {@link origin},
	 * `ERR_IPC_NOT_FOUND` if that queue is not open anywhere; and what opening a sender of it throws. The lease stays, except for
	 * the first.
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using sender = Queue.sender("jobs");
	 * using receiver = Queue.receiver("jobs", { deadLetter: "jobs.dead" });
	 * using dead = Queue.receiver("jobs.dead");
	 * sender.send("resize cat.png");
	 * receiver.take()?.reject();
	 * console.log(dead.take()?.redrive()); // true
	 * console.log(receiver.tryRecv()?.byteLength); // 14
	 */
	redrive(): boolean;
	/** The same as {@link retry}, but it does nothing if the lease has ended. The end of a `using` block calls it. */
	[Symbol.dispose](): void;
}

/** How a message is put back. */
export interface RetryOptions {
	/**
	 * For how long no receiver gets it: milliseconds, rounded up to a whole number, up to 604,800,000 (a week).
	 *
	 * @defaultValue 0
	 */
	readonly delay?: number | undefined;
}

/**
 * The receiving end of a queue. Each message goes to one receiver, including the messages that were sent before it was opened. The
 * calls that it shares with {@link Receiver} take a message and remove it at once; `drain` and `drainBatch` put a message back if
 * the handler throws.
 */
export interface QueueReceiver extends Receiver {
	/**
	 * Takes the next message and keeps it for this receiver until the lease ends. It blocks the thread while there is no message;
	 * {@link takeAsync} does not. A lease may last long: senders can meanwhile
	 * write the rest of the ring.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link Receiver.recv}; `ERR_IPC_DEADLOCK` if the receiver has {@link QueueReceiverOptions.prefetch} leases:
	 * only this thread could end one
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using sender = Queue.sender("jobs");
	 * using receiver = Queue.receiver("jobs");
	 * sender.send("resize cat.png");
	 * using lease = receiver.take();
	 * if (lease) {
	 *   console.log(new TextDecoder().decode(lease.bytes)); // resize cat.png
	 *   lease.done();
	 * }
	 */
	take(options?: WaitOptions): Lease | null;
	/**
	 * The same as {@link take}, but it never waits. It returns null also if the receiver has {@link QueueReceiverOptions.prefetch}
	 * leases.
	 *
	 * @throws IpcError as {@link Receiver.recv}
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using receiver = Queue.receiver("jobs");
	 * console.log(receiver.tryTake()); // null
	 */
	tryTake(): Lease | null;
	/**
	 * The same as {@link take}, but the event loop continues while it waits: for a message, and, with
	 * {@link QueueReceiverOptions.prefetch}, for a lease to end.
	 *
	 * @throws IpcError as {@link Receiver.recv}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using sender = Queue.sender("jobs");
	 * using receiver = Queue.receiver("jobs");
	 * sender.send("resize cat.png");
	 * using lease = await receiver.takeAsync({ timeout: 1000 });
	 * console.log(lease?.attempt); // 1
	 * lease?.done();
	 */
	takeAsync(options?: AsyncWaitOptions): Promise<Lease | null>;
	/**
	 * The leases as messages arrive, for `for await`: like {@link Receiver.messages}.
	 *
	 * @throws IpcError as {@link Receiver.recv}; or the reason of the aborted `signal`
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using sender = Queue.sender("jobs");
	 * using receiver = Queue.receiver("jobs");
	 * sender.send("resize cat.png");
	 * for await (const lease of receiver.leases()) {
	 *   console.log(lease.bytes.byteLength); // 14
	 *   lease.done();
	 *   break;
	 * }
	 */
	leases(options?: IterationOptions): AsyncIterableIterator<Lease>;
	/**
	 * Another receiver of the same queue, which takes messages beside this one.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`, and what opening a receiver throws
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using receiver = Queue.receiver("jobs");
	 * using second = receiver.clone();
	 * console.log(second.closed); // false
	 */
	clone(): QueueReceiver;
}
