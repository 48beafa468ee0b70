import type { AsyncWaitOptions, Endpoint, Message, WaitOptions } from "./endpoint_types.ts";

/**
 * Why a message was not sent.
 *
 * - `full`: the call does not wait, and the ring had no space, or another sender was writing at that moment.
 * - `timed-out`: the ring was full until the time was up.
 * - `dropped`: the ring was full, and `overflow` is `"drop-newest"`.
 * - `no-receivers`: no receiver is open, or all were killed. A queue, and a ring with `overflow: "drop-oldest"`, keep messages for
 *   receivers that open later, and never give this reason.
 */
export type Refusal = "full" | "timed-out" | "dropped" | "no-receivers";

/** The promise of {@link Sender.sendAsync}: true if the message was sent. */
export interface Sending extends Promise<boolean> {
	/** Why this message was not sent, once the promise is false. Other calls do not change it. */
	readonly refusal?: Refusal | undefined;
}

/**
 * Space in the ring for one message, to write it in place. The order of messages is the order of the calls to
 * {@link Sender.loan}: receivers wait at an open loan, so keep it only for a short time.
 */
export interface Loan extends Disposable {
	/**
	 * The space for the message. It is valid until the loan is sent or disposed of. If its buffer was transferred (in Bun, with the
	 * native engine), the next read of this property gives a new view of the same space.
	 */
	readonly bytes: Uint8Array;
	/**
	 * Sends the message.
	 *
	 * @param byteLength - How many bytes of `bytes` the message has. Default: all.
	 * @returns true if the message was sent. false is possible only for a loan that was not in the ring (see {@link Sender.loan}):
	 * the ring had no space for it within the timeout of that call, or no receiver was open. {@link Sender.refusal} says why.
	 * @throws IpcError `ERR_IPC_LOAN_ENDED` if the loan was sent or disposed of before, or its sender was closed;
	 * `ERR_IPC_INVALID_ARGUMENT` if `byteLength` is more than was lent, or the buffer of `bytes` was transferred, so that what was
	 * written to it since is lost. The loan is still open then
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("frames");
	 * using receiver = Route.receiver("frames");
	 * using loan = sender.loan(1024);
	 * if (loan) {
	 *   const { written } = new TextEncoder().encodeInto("a frame", loan.bytes);
	 *   loan.send(written);
	 * }
	 * console.log(receiver.recv()?.byteLength); // 7
	 */
	send(byteLength?: number): boolean;
	/** Gives the space back, unless the loan was sent. The end of a `using` block calls it. */
	[Symbol.dispose](): void;
}

/** What became of the receivers that {@link Sender.flush} waited for. */
export interface Flushed {
	/** Whether the wait is over: no receiver has to read any more. `false`: the time was up first. */
	readonly done: boolean;
	/** How many receivers have read everything that was sent before the call. Of a queue 0, because it counts messages, not receivers. */
	readonly read: number;
	/** How many were closed or killed before they had read it. Of a queue 0. */
	readonly left: number;
	/** How many have not read it yet: more than 0 only if the time was up. Of a queue 0. */
	readonly unread: number;
}

/** The sending end of a route, a channel or a queue. */
export interface Sender extends Endpoint {
	/**
	 * How many receivers are open, without observers. A killed receiver is counted for at most half a second: each read of this
	 * property looks for dead receivers if none has done so for that long, and so does each way to send.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`
	 */
	readonly receiverCount: number;
	/**
	 * How many observers are open: receivers with {@link ReceiverOptions.lossy}, for which no sender waits. With observers only,
	 * messages are sent, and never wait.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`
	 */
	readonly observerCount: number;
	/**
	 * The largest message in bytes: 2,147,483,647; of a queue, half of its capacity less 16; with `overflow: "drop-oldest"`, about
	 * seven eighths of the capacity, because the end of a larger message would overwrite its beginning.
	 */
	readonly maxMessageLength: number;
	/**
	 * Why the last {@link send}, {@link trySend}, {@link sendBatch}, {@link loan} or {@link Loan.send} of this object did not send
	 * everything. undefined if it did. It is the reason that the call itself found, so nothing that other processes do afterwards
	 * changes it. {@link sendAsync} does not change it: its promise has a `refusal` of its own.
	 *
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices", { capacity: 4096 });
	 * if (!sender.send("42.17")) console.log(sender.refusal); // no-receivers
	 * using receiver = Route.receiver("prices");
	 * while (sender.trySend("42.17"));
	 * console.log(sender.refusal, sender.receiverCount); // full 1
	 * if (!sender.send("42.17", { timeout: 10 })) console.log(sender.refusal); // timed-out
	 */
	readonly refusal: Refusal | undefined;

	/**
	 * Sends one message. With `overflow: "block"`, it blocks the thread while the ring is full; {@link sendAsync} does not. A
	 * message that is larger than half the ring is sent in fragments; messages of other senders may be sent between them.
	 *
	 * With `overflow: "drop-oldest"` it never waits and always returns true, even if no receiver is open. A message larger than
	 * {@link maxMessageLength} is an error there, because no receiver might ever get it.
	 *
	 * A sender that keeps sending notices within a second that all receivers were killed, also if the ring is not full. If it sends
	 * fewer than 64 messages in a second after it has sent faster, it notices at the latest at the 64th message.
	 *
	 * @returns true: every open receiver will get the message (of a queue: one receiver, which may open later). false: the message
	 * was not sent, because the time was up, no receiver is open, or `overflow` is `"drop-newest"` and the ring has no space for the
	 * message: {@link refusal} says which.
	 * @throws IpcError `ERR_IPC_MESSAGE_TOO_LARGE`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_REENTRANT` from the
	 * iterable of a batch on the same sender, `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`, `ERR_IPC_NO_SPACE`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * sender.send("42.17");
	 * sender.send(new Uint8Array([1, 2, 3]), { timeout: 100 });
	 * console.log(receiver.recv()?.byteLength); // 5
	 */
	send(message: Message, options?: WaitOptions): boolean;

	/**
	 * The same as {@link send}, but it never waits: it also returns false if the ring is full.
	 *
	 * @throws IpcError as {@link send}
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * console.log(sender.trySend("42.17")); // false
	 * using receiver = Route.receiver("prices");
	 * console.log(sender.trySend("42.17")); // true
	 */
	trySend(message: Message): boolean;

	/**
	 * The same as {@link send}, but the event loop continues while it waits. Calls are served in the order in which they were made;
	 * {@link send} and {@link trySend} do not wait for them. Do not change the bytes of the message until the promise settles; a
	 * string is copied. If the sender is closed, the promise rejects with `ERR_IPC_CLOSED`.
	 *
	 * @throws IpcError as {@link send}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("frames");
	 * using receiver = Route.receiver("frames");
	 * const sending = sender.sendAsync(new Uint8Array(1000), { timeout: 1000 });
	 * console.log(await sending); // true
	 * receiver.close();
	 * const refused = sender.sendAsync(new Uint8Array(1000));
	 * if (!(await refused)) console.log(refused.refusal); // no-receivers
	 */
	sendAsync(message: Message, options?: AsyncWaitOptions): Sending;

	/**
	 * Sends many messages, in order, and publishes many of them at once. This is the fastest way to send small messages. With
	 * `overflow: "block"`, it blocks the thread while the ring is full. The timeout applies to the whole batch.
	 *
	 * @returns How many messages were sent, counted from the first one. It is less than the number of messages if the time was up,
	 * no receiver is open, or the ring is full and `overflow` is `"drop-newest"`: {@link refusal} says which.
	 * @throws IpcError as {@link send}. The messages before the one that caused the error have been sent, if there was time.
	 * @example
	 * import { Channel } from "libipc";
	 *
	 * using sender = Channel.sender("log");
	 * using receiver = Channel.receiver("log");
	 * console.log(sender.sendBatch(["one", "two", "three"])); // 3
	 */
	sendBatch(messages: Iterable<Message>, options?: WaitOptions): number;

	/**
	 * Lends space for a message in the ring, and blocks the thread while there is none. The message is written where receivers read
	 * it, so it is not copied, whatever its size. Several loans may be open at once and may be sent in any order; the messages have
	 * the order in which the loans were taken. A loan that is garbage-collected, or that a closed sender or a killed process leaves
	 * open, is given back. While a loan is open, pass a timeout to take another one: if messages of other senders fill the ring
	 * behind the open loan, only its end makes space.
	 *
	 * A message that is larger than half the ring less 16 bytes, and every message with `overflow: "drop-oldest"`, is not lent in
	 * the ring. It is copied when it is sent, and its place in the order is that of {@link Loan.send}.
	 *
	 * @param byteLength - 0 to {@link maxMessageLength}; of a queue 8 less.
	 * @returns null if the time was up, no receiver is open, or the ring is full and `overflow` is `"drop-newest"`: {@link refusal}
	 * says which.
	 * @throws IpcError as {@link send}
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("frames", { capacity: 32 * 1024 * 1024 });
	 * using receiver = Route.receiver("frames");
	 * using loan = sender.loan(1920 * 1080 * 4);
	 * if (loan) {
	 *   loan.bytes.fill(255);
	 *   loan.send();
	 * }
	 * console.log(receiver.recv()?.byteLength); // 8294400
	 */
	loan(byteLength: number, options?: WaitOptions): Loan | null;

	/**
	 * Waits until every receiver that is open now has read all that was sent before, by all senders. Receivers that open later, and
	 * observers, do not count. A receiver that is closed or killed meanwhile is not waited for any more; a kill is noticed within a
	 * second. Of a queue, it waits until each message that was sent before is done, whichever receiver does it.
	 *
	 * A receiver has read a message when it has received it: when `recv` has returned, or the loop has got it, or the handler of
	 * `drain` has returned. What the program then does with it, only an answer of that program can say. While a flush waits,
	 * receivers tell senders of each message, which makes them slower.
	 *
	 * A loan that is open is waited for. A {@link sendAsync} that still waits for space is not: await it first. With
	 * `overflow: "drop-oldest"`, a receiver that has lost the messages counts as having read them.
	 *
	 * @returns `done: false` if the time was up first. With `timeout: 0` it says how it is now.
	 * @throws IpcError `ERR_IPC_CLOSED`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`; of a queue without receivers
	 * `ERR_IPC_ORPHANED`, if the name was removed; all as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using receiver = Route.receiver("prices");
	 * sender.send("42.17");
	 * console.log((await sender.flush({ timeout: 10 })).done); // false
	 * receiver.recv();
	 * const { done, read, left } = await sender.flush({ timeout: 1000 });
	 * console.log(done, read, left); // true 1 0
	 */
	flush(options?: AsyncWaitOptions): Promise<Flushed>;

	/**
	 * Waits until at least `count` receivers are open, and blocks the thread. Observers do not count.
	 *
	 * @returns false if the time was up first.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT` if `count` is more than `maxReceivers`; `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`,
	 * `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * console.log(sender.waitForReceivers(1, { timeout: 10 })); // false
	 */
	waitForReceivers(count: number, options?: WaitOptions): boolean;

	/**
	 * The same as {@link waitForReceivers}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link waitForReceivers}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * const ready = sender.receiversReady(1);
	 * using receiver = Route.receiver("prices");
	 * console.log(await ready); // true
	 */
	receiversReady(count: number, options?: AsyncWaitOptions): Promise<boolean>;

	/**
	 * A second sender of the same name, which is closed separately. On a channel or a queue it is another sender. A route has one
	 * sender: there, both objects are that sender, which leaves when the last of them is closed.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`, and on a channel or a queue what opening a sender throws
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * using second = sender.clone();
	 * sender.close();
	 * console.log(second.closed); // false
	 */
	clone(): Sender;
}
