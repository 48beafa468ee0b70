import type { IpcError } from "@libipc/protocol";
import type {
	AsyncWaitOptions,
	Endpoint,
	EndpointOptions,
	IterationOptions,
	ReceiverOptions,
	WaitOptions,
} from "../endpoint/endpoint_types.ts";
import type { DrainOptions, Lease, QueueReceiver, Receiver } from "../endpoint/receiver_types.ts";
import type { Sender, Sending } from "../endpoint/sender_types.ts";
import type { Codec } from "./codec.ts";
import type { StandardSchema } from "./standard_schema.ts";

/** How the messages of a name are turned into values: what senders and receivers have in common. */
export interface ValueOptions<Value, Sent = Value, Schema = StandardSchema> {
	/**
	 * Turns values into bytes, and back. Its id is set for the name by the first endpoint that has a codec. An endpoint with another
	 * codec fails with `ERR_IPC_OPTIONS_MISMATCH`. An endpoint without a codec sends and receives bytes.
	 *
	 * @defaultValue no codec: messages are bytes
	 */
	readonly codec: Codec<Value, Sent>;
	/**
	 * A Standard Schema, for example of zod, valibot or arktype, that checks what receivers get; it must be synchronous. What it
	 * returns is the value, so it may transform. A sender only takes its type from it: it sends what the schema accepts, and
	 * nothing is checked there.
	 *
	 * @defaultValue no schema: the type of a value is what the codec says
	 */
	readonly schema?: Schema | undefined;
}

/** The further options of receivers of values. */
export interface InvalidOptions {
	/**
	 * Called with the error (`ERR_IPC_INVALID_MESSAGE`) of each message that is not what the codec reads, or that the schema refuses;
	 * then the call goes on with the next message. Without it, the call throws the error, and the next call goes on. Leases do not use
	 * it: {@link ValueLease.value} throws, and the holder of the lease decides.
	 *
	 * @defaultValue the error is thrown
	 */
	readonly onInvalid?: ((error: IpcError) => void) | undefined;
}

/** How a sender of values is opened. */
export type ValueSenderOptions<Value, Sent = Value, Schema = StandardSchema> = EndpointOptions &
	ValueOptions<Value, Sent, Schema>;

/** How a receiver of values is opened. */
export type ValueReceiverOptions<Value, Sent = Value, Schema = StandardSchema> = ReceiverOptions &
	ValueOptions<Value, Sent, Schema> &
	InvalidOptions;

/**
 * A sender with a codec. It is a {@link Sender} whose messages are values. `undefined` is no value: it stands for "no message".
 *
 * @example
 * import { Channel } from "libipc";
 * import { json } from "libipc/codecs";
 *
 * using receiver = Channel.receiver("orders", { codec: json<{ id: number }>() });
 * using sender = Channel.sender("orders", { codec: json<{ id: number }>() });
 * sender.send({ id: 1 });
 * console.log(receiver.recv()?.id); // 1
 */
export interface ValueSender<Value>
	extends Endpoint,
		Pick<
			Sender,
			| "receiverCount"
			| "observerCount"
			| "maxMessageLength"
			| "refusal"
			| "flush"
			| "waitForReceivers"
			| "receiversReady"
		> {
	/** This sender without its codec, for messages that are bytes already. It is the same endpoint: closing one closes both. */
	readonly bytes: Sender;

	/**
	 * Sends a value: {@link Sender.send} of its bytes.
	 *
	 * @throws IpcError as {@link Sender.send}; `ERR_IPC_INVALID_ARGUMENT` for `undefined`, or if the codec does not keep its contract
	 * (what `into.size` said was too little); `ERR_IPC_REENTRANT` from `into.write` of the codec; and what the codec throws. Nothing was
	 * sent then
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("log", { codec: text() });
	 * using sender = Channel.sender("log", { codec: text() });
	 * sender.send("started", { timeout: 100 });
	 * console.log(receiver.recv()); // started
	 */
	send(value: Value, options?: WaitOptions): boolean;
	/**
	 * The same as {@link send}, but it never waits.
	 *
	 * @throws IpcError as {@link send}
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using sender = Channel.sender("log", { codec: text() });
	 * console.log(sender.trySend("started")); // false
	 */
	trySend(value: Value): boolean;
	/**
	 * The same as {@link send}, but the event loop continues while it waits: {@link Sender.sendAsync}. The value is encoded at
	 * once, so it may change afterwards.
	 *
	 * @throws IpcError as {@link send}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("log", { codec: text() });
	 * using sender = Channel.sender("log", { codec: text() });
	 * console.log(await sender.sendAsync("started")); // true
	 */
	sendAsync(value: Value, options?: AsyncWaitOptions): Sending;
	/**
	 * Sends many values, in order: {@link Sender.sendBatch}. Each is encoded when it is its turn.
	 *
	 * @returns How many were sent, counted from the first one.
	 * @throws IpcError as {@link send}. The values before the one that caused the error have been sent, if there was time.
	 * @example
	 * import { Channel } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("numbers", { codec: json<number>() });
	 * using sender = Channel.sender("numbers", { codec: json<number>() });
	 * console.log(sender.sendBatch([1, 2, 3])); // 3
	 */
	sendBatch(values: Iterable<Value>, options?: WaitOptions): number;
	/**
	 * Another sender of the same name and with the same codec: {@link Sender.clone}.
	 *
	 * @throws IpcError as {@link Sender.clone}
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using sender = Channel.sender("log", { codec: text() });
	 * using second = sender.clone();
	 * console.log(second.closed); // false
	 */
	clone(): ValueSender<Value>;
}

/**
 * A receiver with a codec. It is a {@link Receiver} whose messages are values. It can be iterated with `for await`.
 *
 * A message that is not what the codec reads, or that the schema refuses, is `ERR_IPC_INVALID_MESSAGE`. It counts as received,
 * and the next call goes on with the next message, as does the next call of the same iterator. `onInvalid` keeps a loop going.
 *
 * @example
 * import { Channel } from "libipc";
 * import { json } from "libipc/codecs";
 *
 * using receiver = Channel.receiver("orders", { codec: json<{ id: number }>() });
 * using sender = Channel.sender("orders", { codec: json<{ id: number }>() });
 * sender.send({ id: 1 });
 * for await (const { id } of receiver) {
 *   console.log(id); // 1
 *   break;
 * }
 */
export interface ValueReceiver<Value>
	extends Endpoint,
		AsyncIterable<Value>,
		Pick<Receiver, "lost" | "skipped" | "lastStamp" | "latency"> {
	/** This receiver without its codec. It is the same endpoint: each message goes to one of the two, and closing one closes both. */
	readonly bytes: Receiver;

	/**
	 * Receives the next value. Blocks the thread while there is none; {@link recvAsync} does not. The value belongs to the caller.
	 *
	 * @returns `undefined` if the time was up. (`null` may be a value.)
	 * @throws IpcError as {@link Receiver.recv}; `ERR_IPC_INVALID_MESSAGE`; `ERR_IPC_INVALID_ARGUMENT` if the schema is asynchronous (the
	 * message counts as received); and what `onInvalid` throws
	 * @example
	 * import { Channel, IpcError } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("orders", { codec: json<{ id: number }>() });
	 * using bytes = Channel.sender("orders");
	 * bytes.sendBatch(["{", '{"id":2}']);
	 * try {
	 *   receiver.recv();
	 * } catch (error) {
	 *   if (error instanceof IpcError) console.log(error.code, error.bytes?.byteLength); // ERR_IPC_INVALID_MESSAGE 1
	 * }
	 * console.log(receiver.recv()?.id, receiver.recv({ timeout: 10 })); // 2 undefined
	 */
	recv(options?: WaitOptions): Value | undefined;
	/**
	 * The same as {@link recv}, but it never waits.
	 *
	 * @throws IpcError as {@link recv}
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("log", { codec: text() });
	 * console.log(receiver.tryRecv()); // undefined
	 */
	tryRecv(): Value | undefined;
	/**
	 * The same as {@link recv}, but the event loop continues while it waits: {@link Receiver.recvAsync}.
	 *
	 * @throws IpcError as {@link recv}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("log", { codec: text() });
	 * using sender = Channel.sender("log", { codec: text() });
	 * sender.send("started");
	 * console.log(await receiver.recvAsync({ timeout: 1000 })); // started
	 */
	recvAsync(options?: AsyncWaitOptions): Promise<Value | undefined>;
	/**
	 * Receives the newest value, and passes over those before it, which are not decoded: {@link Receiver.recvLatest}.
	 *
	 * @returns `undefined` if the time was up.
	 * @throws IpcError as {@link recv} and {@link Receiver.recvLatest}
	 * @example
	 * import { Channel } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using sender = Channel.sender("state", { codec: json<{ step: number }>() });
	 * using viewer = Channel.receiver("state", { codec: json<{ step: number }>(), lossy: true });
	 * sender.sendBatch([{ step: 1 }, { step: 2 }, { step: 3 }]);
	 * console.log(viewer.recvLatest()?.step); // 3
	 */
	recvLatest(options?: WaitOptions): Value | undefined;
	/**
	 * The same as {@link recvLatest}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link recvLatest}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using sender = Channel.sender("status", { codec: text() });
	 * using viewer = Channel.receiver("status", { codec: text(), lossy: true });
	 * sender.sendBatch(["starting", "ready"]);
	 * console.log(await viewer.recvLatestAsync({ timeout: 1000 })); // ready
	 */
	recvLatestAsync(options?: AsyncWaitOptions): Promise<Value | undefined>;
	/**
	 * The values as they arrive, for `for await`: {@link Receiver.messages}. If one is invalid and there is no `onInvalid`, the
	 * loop is left with the error; another loop goes on with the next message.
	 *
	 * @throws IpcError as {@link recv}; or the reason of the aborted `signal`
	 * @example
	 * import { Channel } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("numbers", {
	 *   codec: json<number>(),
	 *   onInvalid(error) {
	 *     console.log(error.code); // ERR_IPC_INVALID_MESSAGE
	 *   },
	 * });
	 * using bytes = Channel.sender("numbers");
	 * bytes.sendBatch(["no number", "42"]);
	 * for await (const value of receiver.messages({ signal: AbortSignal.timeout(5000) })) {
	 *   console.log(value); // 42
	 *   break;
	 * }
	 */
	messages(options?: IterationOptions): AsyncIterableIterator<Value>;
	/**
	 * Calls `handler` with the value of each message that is in the ring; waits only if there is none: {@link Receiver.drain}. The
	 * value belongs to the handler, and may be kept. The handler must not be asynchronous, because nothing waits for its promise.
	 *
	 * @returns How many messages were read, invalid ones included; 0 if the time was up.
	 * @throws IpcError as {@link recv}; `ERR_IPC_INVALID_ARGUMENT` if the handler is asynchronous; and what the handler throws. The message
	 * counts as received then; of a queue, it is put back if the handler throws
	 * @example
	 * import { Channel } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("numbers", { codec: json<number>() });
	 * using sender = Channel.sender("numbers", { codec: json<number>() });
	 * sender.sendBatch([1, 2, 3]);
	 * let sum = 0;
	 * receiver.drain((value) => {
	 *   sum += value;
	 * });
	 * console.log(sum); // 6
	 */
	drain(handler: (value: Value) => void, options?: DrainOptions): number;
	/**
	 * A waiting call keeps the process alive. This is the state of a new receiver.
	 *
	 * @returns this receiver
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("log", { codec: text() }).unref();
	 * receiver.ref();
	 */
	ref(): this;
	/**
	 * A waiting call does not keep the process alive.
	 *
	 * @returns this receiver
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("log", { codec: text() }).unref();
	 * receiver.recvAsync().catch(() => {}); // the process may exit while this waits
	 */
	unref(): this;
	/**
	 * Another receiver of the same name, with the same codec, schema and `onInvalid`: {@link Receiver.clone}.
	 *
	 * @throws IpcError as {@link Receiver.clone}
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("log", { codec: text() });
	 * using second = receiver.clone();
	 * console.log(second.closed); // false
	 */
	clone(): ValueReceiver<Value>;
}

/** A message of a queue, which only this receiver has, with its value. */
export interface ValueLease<Value> extends Lease {
	/**
	 * The value of the message. It is decoded when this is first read, and belongs to the caller.
	 *
	 * If this throws because the message is invalid (`ERR_IPC_INVALID_MESSAGE`), the lease is still open: `bytes` has the message,
	 * and {@link Lease.done} removes it, or {@link Lease.reject} moves it to the dead letters. At the end of a `using` block it is
	 * put back, as after any other exception.
	 */
	readonly value: Value;
}

/**
 * The receiving end of a queue with a codec: a {@link QueueReceiver} whose messages are values. The calls that it shares with
 * {@link ValueReceiver} take a message and remove it at once, also if it is invalid. `take` and `leases` leave an invalid message to
 * the caller.
 */
export interface ValueQueueReceiver<Value> extends ValueReceiver<Value> {
	/** This receiver without its codec. It is the same endpoint: each message goes to one of the two, and closing one closes both. */
	readonly bytes: QueueReceiver;
	/**
	 * Takes the next message and keeps it for this receiver until the lease ends: {@link QueueReceiver.take}.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link Receiver.recv}
	 * @example
	 * import { Queue } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using sender = Queue.sender("jobs", { codec: json<{ resize: string }>() });
	 * using receiver = Queue.receiver("jobs", { codec: json<{ resize: string }>() });
	 * sender.send({ resize: "cat.png" });
	 * using lease = receiver.take();
	 * console.log(lease?.value.resize); // cat.png
	 * lease?.done();
	 */
	take(options?: WaitOptions): ValueLease<Value> | null;
	/**
	 * The same as {@link take}, but it never waits.
	 *
	 * @throws IpcError as {@link Receiver.recv}
	 * @example
	 * import { Queue } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Queue.receiver("jobs", { codec: text() });
	 * console.log(receiver.tryTake()); // null
	 */
	tryTake(): ValueLease<Value> | null;
	/**
	 * The same as {@link take}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link Receiver.recv}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Queue } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using sender = Queue.sender("jobs", { codec: text() });
	 * using receiver = Queue.receiver("jobs", { codec: text() });
	 * sender.send("resize cat.png");
	 * using lease = await receiver.takeAsync({ timeout: 1000 });
	 * console.log(lease?.value); // resize cat.png
	 * lease?.done();
	 */
	takeAsync(options?: AsyncWaitOptions): Promise<ValueLease<Value> | null>;
	/**
	 * The leases as messages arrive, for `for await`.
	 *
	 * @throws IpcError as {@link Receiver.recv}; or the reason of the aborted `signal`
	 * @example
	 * import { Queue } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using sender = Queue.sender("jobs", { codec: text() });
	 * using receiver = Queue.receiver("jobs", { codec: text() });
	 * sender.send("resize cat.png");
	 * for await (const lease of receiver.leases()) {
	 *   console.log(lease.value); // resize cat.png
	 *   lease.done();
	 *   break;
	 * }
	 */
	leases(options?: IterationOptions): AsyncIterableIterator<ValueLease<Value>>;
	/**
	 * Another receiver of the same queue, which takes messages beside this one.
	 *
	 * @throws IpcError as {@link Receiver.clone}
	 * @example
	 * import { Queue } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Queue.receiver("jobs", { codec: text() });
	 * using second = receiver.clone();
	 * console.log(second.closed); // false
	 */
	clone(): ValueQueueReceiver<Value>;
}
