import type { SchemaInput, SchemaOutput, StandardSchema } from "../value/standard_schema.ts";
import type {
	ValueQueueReceiver,
	ValueReceiver,
	ValueReceiverOptions,
	ValueSender,
	ValueSenderOptions,
} from "../value/value_types.ts";
import type {
	EndpointOptions,
	NameWaitAsyncOptions,
	NameWaitOptions,
	ReceiverOptions,
	RouteSenderAsyncOptions,
	RouteSenderOptions,
} from "./endpoint_types.ts";
import type { QueueReceiver, Receiver } from "./receiver_types.ts";
import type { Sender } from "./sender_types.ts";

export type {
	AsyncWaitOptions,
	Endpoint,
	EndpointOptions,
	IterationOptions,
	Message,
	NameWaitAsyncOptions,
	NameWaitOptions,
	PeerEvent,
	QueueReceiverOptions,
	ReceiverOptions,
	RouteSenderAsyncOptions,
	RouteSenderOptions,
	WaitOptions,
} from "./endpoint_types.ts";
export type { Batch, DrainOptions, Lease, QueueReceiver, Receiver, RetryOptions } from "./receiver_types.ts";
export type { Flushed, Loan, Refusal, Sender, Sending } from "./sender_types.ts";

/** The receiver of values beside a receiver of bytes. */
export type ValueReceiverOf<SomeReceiver extends Receiver, Value> = SomeReceiver extends QueueReceiver
	? ValueQueueReceiver<Value>
	: ValueReceiver<Value>;

/** Opens the endpoints of one kind: `Route`, `Channel` or `Queue`. */
export interface EndpointFactory<
	SomeReceiver extends Receiver = Receiver,
	SomeReceiverOptions extends ReceiverOptions = ReceiverOptions,
> {
	/**
	 * Opens a sender of values, whose type is what a schema accepts. Nothing is checked here: receivers check what arrives.
	 *
	 * @throws IpcError as the sender of bytes; `ERR_IPC_OPTIONS_MISMATCH` if the name has another codec
	 * @example
	 * import { Channel } from "libipc";
	 * import { json } from "libipc/codecs";
	 * import { z } from "zod";
	 *
	 * const schema = z.object({ id: z.number() });
	 * using receiver = Channel.receiver("orders", { codec: json(), schema });
	 * using sender = Channel.sender("orders", { codec: json(), schema });
	 * sender.send({ id: 1 });
	 * console.log(receiver.recv()?.id); // 1
	 */
	sender<Schema extends StandardSchema>(
		name: string,
		options: ValueSenderOptions<unknown, NoInfer<SchemaInput<Schema>>, Schema> & { readonly schema: Schema },
	): ValueSender<SchemaInput<Schema>>;
	/**
	 * Opens a sender of values, which a codec turns into bytes.
	 *
	 * @throws IpcError as the sender of bytes; `ERR_IPC_OPTIONS_MISMATCH` if the name has another codec
	 * @example
	 * import { Channel } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("orders", { codec: json<{ id: number }>() });
	 * using sender = Channel.sender("orders", { codec: json<{ id: number }>() });
	 * sender.send({ id: 1 });
	 * console.log(receiver.recv()?.id); // 1
	 */
	sender<Value, Sent = Value>(
		name: string,
		options: ValueSenderOptions<Value, Sent> & { readonly schema?: undefined },
	): ValueSender<Sent>;
	/**
	 * Opens a sender. The name is created if it does not exist.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`; `ERR_IPC_HAS_SENDER` if a route has a sender already;
	 * `ERR_IPC_TOO_MANY_SENDERS` (1,024), `ERR_IPC_OPTIONS_MISMATCH`, `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`,
	 * `ERR_IPC_CORRUPT`, `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices", { prefix: "shop", capacity: 65536 });
	 * console.log(sender.receiverCount); // 0
	 */
	sender(name: string, options?: EndpointOptions): Sender;
	/**
	 * Opens a receiver of values that a schema has checked.
	 *
	 * @throws IpcError as the receiver of bytes; `ERR_IPC_OPTIONS_MISMATCH` if the name has another codec
	 * @example
	 * import { Channel } from "libipc";
	 * import { json } from "libipc/codecs";
	 * import { z } from "zod";
	 *
	 * const schema = z.object({ id: z.number() });
	 * using receiver = Channel.receiver("orders", {
	 *   codec: json(),
	 *   schema,
	 *   onInvalid(error) {
	 *     console.log(error.issues?.[0]?.path?.[0]); // id
	 *   },
	 * });
	 * using sender = Channel.sender("orders");
	 * sender.sendBatch(['{"id":"one"}', '{"id":2}']);
	 * console.log(receiver.recv()?.id); // 2
	 */
	receiver<Schema extends StandardSchema>(
		name: string,
		options: SomeReceiverOptions &
			ValueReceiverOptions<unknown, NoInfer<SchemaInput<Schema>>, Schema> & { readonly schema: Schema },
	): ValueReceiverOf<SomeReceiver, SchemaOutput<Schema>>;
	/**
	 * Opens a receiver of values, which a codec makes of bytes. The type of the values is what the codec claims; a `schema` checks it.
	 *
	 * @throws IpcError as the receiver of bytes; `ERR_IPC_OPTIONS_MISMATCH` if the name has another codec
	 * @example
	 * import { Channel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * using receiver = Channel.receiver("log", { codec: text() });
	 * using sender = Channel.sender("log", { codec: text() });
	 * sender.send("started");
	 * console.log(receiver.recv()); // started
	 */
	receiver<Value, Sent = Value>(
		name: string,
		options: SomeReceiverOptions & ValueReceiverOptions<Value, Sent> & { readonly schema?: undefined },
	): ValueReceiverOf<SomeReceiver, Value>;
	/**
	 * Opens a receiver. The name is created if it does not exist.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_TOO_MANY_RECEIVERS` if `maxReceivers` receivers are open; otherwise as {@link sender}, without
	 * `ERR_IPC_HAS_SENDER` and `ERR_IPC_TOO_MANY_SENDERS`
	 * @example
	 * import { Channel } from "libipc";
	 *
	 * using sender = Channel.sender("log");
	 * using first = Channel.receiver("log");
	 * sender.send("started");
	 * using second = Channel.receiver("log", { from: "oldest" });
	 * console.log(second.recv()?.byteLength); // 7
	 */
	receiver(name: string, options?: SomeReceiverOptions): SomeReceiver;
	/**
	 * Waits until at least `count` receivers of a name are open, and blocks the thread. Observers do not count. It opens nothing: the name
	 * is not created, and no slot is taken. A name that does not exist yet is waited for. {@link Sender.waitForReceivers} does the same for
	 * an open sender, and notices a new receiver at once.
	 *
	 * Other programs cannot signal one without an endpoint, so it looks at the name every 20 ms. A look costs one system call while the name does
	 * not exist, and some 50 µs once it does: less than half a percent of a processor.
	 *
	 * @returns false if the time was up first.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, also if `count` is more than the `maxReceivers` of the name;
	 * `ERR_IPC_PERMISSION`, `ERR_IPC_VERSION`, `ERR_IPC_FOREIGN`, `ERR_IPC_CORRUPT`, `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * console.log(Route.waitForReceivers("prices", 1, { timeout: 10 })); // false
	 * using receiver = Route.receiver("prices");
	 * console.log(Route.waitForReceivers("prices", 1)); // true
	 */
	waitForReceivers(name: string, count: number, options?: NameWaitOptions): boolean;
	/**
	 * The same as {@link waitForReceivers}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link waitForReceivers}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Channel } from "libipc";
	 *
	 * const ready = Channel.receiversReady("log", 1, { timeout: 5000 });
	 * using receiver = Channel.receiver("log");
	 * console.log(await ready); // true
	 */
	receiversReady(name: string, count: number, options?: NameWaitAsyncOptions): Promise<boolean>;
	/**
	 * Removes the shared memory of a name. It does nothing if the name does not exist. A receiver that is open on it can read
	 * everything that was sent before and then gets `ERR_IPC_ORPHANED`; a sender gets `ERR_IPC_ORPHANED` at once. It is not needed after
	 * a crash: the next open of the name replaces what killed processes left.
	 *
	 * @param options - `prefix`: as in {@link EndpointOptions.prefix}.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_PERMISSION`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`,
	 * `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { IpcError, Route } from "libipc";
	 *
	 * using sender = Route.sender("prices");
	 * Route.clear("prices");
	 * try {
	 *   sender.send("42.17");
	 * } catch (error) {
	 *   if (error instanceof IpcError) console.log(error.code); // ERR_IPC_ORPHANED
	 * }
	 */
	clear(name: string, options?: { readonly prefix?: string | undefined }): void;
}

/** Opens the endpoints of routes. */
export interface RouteFactory extends EndpointFactory {
	/**
	 * Opens the sender of a route for values, whose type is what a schema accepts.
	 *
	 * @throws IpcError as the sender of bytes; `ERR_IPC_OPTIONS_MISMATCH` if the route has another codec
	 * @example
	 * import { Route } from "libipc";
	 * import { json } from "libipc/codecs";
	 * import { z } from "zod";
	 *
	 * using sender = Route.sender("prices", { codec: json(), schema: z.object({ price: z.number() }), wait: 1000 });
	 * console.log(sender.send({ price: 42.17 })); // false
	 */
	sender<Schema extends StandardSchema>(
		name: string,
		options: RouteSenderOptions &
			ValueSenderOptions<unknown, NoInfer<SchemaInput<Schema>>, Schema> & { readonly schema: Schema },
	): ValueSender<SchemaInput<Schema>>;
	/**
	 * Opens the sender of a route for values.
	 *
	 * @throws IpcError as the sender of bytes; `ERR_IPC_OPTIONS_MISMATCH` if the route has another codec
	 * @example
	 * import { Route } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using sender = Route.sender("prices", { codec: json<{ price: number }>(), wait: 1000 });
	 * console.log(sender.send({ price: 42.17 })); // false
	 */
	sender<Value, Sent = Value>(
		name: string,
		options: RouteSenderOptions & ValueSenderOptions<Value, Sent> & { readonly schema?: undefined },
	): ValueSender<Sent>;
	/**
	 * Opens the sender of a route, as that of a channel.
	 *
	 * @throws IpcError as {@link EndpointFactory.sender}
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices", { capacity: 65536 });
	 * console.log(sender.receiverCount); // 0
	 */
	sender(name: string, options?: EndpointOptions): Sender;
	/**
	 * Opens the sender of a route. The name is created if it does not exist. A route has one sender. With `wait`, the call blocks the
	 * thread until the present sender has left, also if it is killed; the new sender continues after its last message.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_HAS_SENDER` if the route has a sender, with `wait` if it has not left in time, or at once if it
	 * belongs to the thread that would wait; otherwise as {@link EndpointFactory.sender}
	 * @example
	 * import { Route } from "libipc";
	 *
	 * // A new version of a service takes over from the old one, which is about to end.
	 * using sender = Route.sender("prices", { wait: 10_000 });
	 * console.log(sender.receiverCount); // 0
	 */
	sender(name: string, options?: RouteSenderOptions): Sender;
	/**
	 * As {@link sender} with `wait`, for values whose type is what a schema accepts.
	 *
	 * @throws IpcError as {@link sender}; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 * import { json } from "libipc/codecs";
	 * import { z } from "zod";
	 *
	 * using sender = await Route.senderAsync("prices", { codec: json(), schema: z.object({ price: z.number() }) });
	 * console.log(sender.send({ price: 42.17 })); // false
	 */
	senderAsync<Schema extends StandardSchema>(
		name: string,
		options: RouteSenderAsyncOptions &
			ValueSenderOptions<unknown, NoInfer<SchemaInput<Schema>>, Schema> & { readonly schema: Schema },
	): Promise<ValueSender<SchemaInput<Schema>>>;
	/**
	 * As {@link sender} with `wait`, for values.
	 *
	 * @throws IpcError as {@link sender}; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using sender = await Route.senderAsync("prices", { codec: json<{ price: number }>() });
	 * console.log(sender.send({ price: 42.17 })); // false
	 */
	senderAsync<Value, Sent = Value>(
		name: string,
		options: RouteSenderAsyncOptions & ValueSenderOptions<Value, Sent> & { readonly schema?: undefined },
	): Promise<ValueSender<Sent>>;
	/**
	 * As {@link sender} with `wait`, but the event loop runs while it waits. Without `wait`, it waits without a limit.
	 *
	 * @throws IpcError as {@link sender}; or the reason of the aborted `signal`
	 * @example
	 * import { Route } from "libipc";
	 *
	 * const old = Route.sender("prices");
	 * const taking = Route.senderAsync("prices", { wait: 10_000, signal: AbortSignal.timeout(60_000) });
	 * old.close();
	 * using sender = await taking;
	 * console.log(sender.closed); // false
	 */
	senderAsync(name: string, options?: RouteSenderAsyncOptions): Promise<Sender>;
}
