import type {
	EndpointOptions,
	NameWaitAsyncOptions,
	NameWaitOptions,
	QueueReceiverOptions,
	ReceiverOptions,
	RouteSenderAsyncOptions,
	RouteSenderOptions,
} from "../endpoint/endpoint_types.ts";
import type { QueueReceiver, Receiver } from "../endpoint/receiver_types.ts";
import type { Sender } from "../endpoint/sender_types.ts";
import type { SchemaInput, SchemaOutput, StandardSchema } from "./standard_schema.ts";
import type { InvalidOptions, ValueOptions, ValueQueueReceiver, ValueReceiver, ValueSender } from "./value_types.ts";

/** What a definition fixes: no open can change it. */
type Fixed = "capacity" | "maxReceivers" | "overflow" | "stamp";

/** What is defined about a name: the options that all its endpoints share. */
export interface DefinitionOptions extends Omit<ReceiverOptions, "onPeer"> {}

/** What is defined about a queue. */
export interface QueueDefinitionOptions extends Omit<QueueReceiverOptions, "onPeer"> {}

/** What a single open adds to a definition. */
export type OpenOptions<Options extends EndpointOptions> = Omit<Options, Fixed>;

/** A name with everything that its endpoints have in common: {@link Definition} has what it opens. */
export interface Definition<SomeSender, SomeReceiver, SomeReceiverOptions extends ReceiverOptions = ReceiverOptions> {
	/** The name, without its prefix. */
	readonly name: string;
	/**
	 * Opens a sender of the name.
	 *
	 * @param options - What this sender adds, for example `onPeer`. A `prefix` or `permissions` here replace those of the definition.
	 * @throws IpcError as `sender` of the factory
	 * @example
	 * import { defineChannel } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * const orders = defineChannel("orders", { codec: json<{ id: number }>(), capacity: 65536 });
	 * using sender = orders.sender();
	 * console.log(sender.send({ id: 1 })); // false
	 */
	sender(options?: OpenOptions<EndpointOptions>): SomeSender;
	/**
	 * Opens a receiver of the name.
	 *
	 * @param options - What this receiver adds, for example `from` or `onInvalid`.
	 * @throws IpcError as `receiver` of the factory
	 * @example
	 * import { defineChannel } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * const orders = defineChannel("orders", { codec: json<{ id: number }>() });
	 * using receiver = orders.receiver({ from: "oldest" });
	 * using sender = orders.sender();
	 * sender.send({ id: 1 });
	 * console.log(receiver.recv()?.id); // 1
	 */
	receiver(options?: OpenOptions<SomeReceiverOptions> & InvalidOptions): SomeReceiver;
	/**
	 * Waits until at least `count` receivers of the name are open, and blocks the thread: `waitForReceivers` of the factory. It opens
	 * nothing.
	 *
	 * @param options - The timeout. A `prefix` here replaces that of the definition.
	 * @returns false if the time was up first.
	 * @throws IpcError as `waitForReceivers` of the factory
	 * @example
	 * import { defineChannel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * const log = defineChannel("log", { codec: text() });
	 * console.log(log.waitForReceivers(1, { timeout: 10 })); // false
	 */
	waitForReceivers(count: number, options?: NameWaitOptions): boolean;
	/**
	 * The same, but the event loop continues while it waits: `receiversReady` of the factory.
	 *
	 * @throws IpcError as `receiversReady` of the factory, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { defineChannel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * const log = defineChannel("log", { codec: text() });
	 * const ready = log.receiversReady(1, { timeout: 5000 });
	 * using receiver = log.receiver();
	 * console.log(await ready); // true
	 */
	receiversReady(count: number, options?: NameWaitAsyncOptions): Promise<boolean>;
	/**
	 * Removes the shared memory of the name: `clear` of the factory.
	 *
	 * @throws IpcError as `clear` of the factory
	 * @example
	 * import { defineChannel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * const log = defineChannel("log", { codec: text() });
	 * log.clear();
	 */
	clear(): void;
}

/** A route with everything that its endpoints have in common. */
export interface RouteDefinition<SomeSender, SomeReceiver> extends Definition<SomeSender, SomeReceiver> {
	/**
	 * Opens the sender of the route.
	 *
	 * @param options - What this sender adds, for example `wait`.
	 * @throws IpcError as `Route.sender`
	 * @example
	 * import { defineRoute } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * const prices = defineRoute("prices", { codec: json<number>() });
	 * using sender = prices.sender({ wait: 1000 });
	 * console.log(sender.send(42.17)); // false
	 */
	sender(options?: OpenOptions<RouteSenderOptions>): SomeSender;
	/**
	 * Opens the sender of the route without blocking the event loop.
	 *
	 * @param options - What this sender adds, for example `wait`.
	 * @throws IpcError as `Route.senderAsync`
	 * @example
	 * import { defineRoute } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * const prices = defineRoute("prices", { codec: json<number>() });
	 * using sender = await prices.senderAsync({ wait: 1000 });
	 * console.log(sender.send(42.17)); // false
	 */
	senderAsync(options?: OpenOptions<RouteSenderAsyncOptions>): Promise<SomeSender>;
}

/** Options of a definition with a schema, which gives the types. */
export type SchemaDefinitionOptions<Schema extends StandardSchema, Options = DefinitionOptions> = Options &
	ValueOptions<unknown, NoInfer<SchemaInput<Schema>>, Schema> & {
		/** It gives the types. */
		readonly schema: Schema;
	};

/** Options of a definition with a codec, which gives the types. */
export type ValueDefinitionOptions<Value, Sent, Options = DefinitionOptions> = Options &
	ValueOptions<Value, Sent> & {
		/** None. */
		readonly schema?: undefined;
	};

/** Defines a channel. */
export interface DefineChannel {
	/**
	 * Defines a channel: one module exports the definition, and the programs on both sides import it, so that name, options, codec and
	 * types are the same. It opens nothing.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { defineChannel } from "libipc";
	 * import { json } from "libipc/codecs";
	 * import { z } from "zod";
	 *
	 * const schema = z.object({ id: z.number(), item: z.string() });
	 * const orders = defineChannel("orders", { codec: json(), schema, capacity: 65536 });
	 *
	 * using receiver = orders.receiver();
	 * using sender = orders.sender();
	 * sender.send({ id: 1, item: "espresso" });
	 * console.log(receiver.recv()?.item); // espresso
	 */
	<Schema extends StandardSchema>(
		name: string,
		options: SchemaDefinitionOptions<Schema>,
	): Definition<ValueSender<SchemaInput<Schema>>, ValueReceiver<SchemaOutput<Schema>>>;
	/**
	 * The same with the types of the codec.
	 *
	 * @example
	 * import { defineChannel } from "libipc";
	 * import { text } from "libipc/codecs";
	 *
	 * export const log = defineChannel("log", { codec: text(), overflow: "drop-oldest" });
	 */
	<Value, Sent = Value>(
		name: string,
		options: ValueDefinitionOptions<Value, Sent>,
	): Definition<ValueSender<Sent>, ValueReceiver<Value>>;
	/**
	 * The same for bytes.
	 *
	 * @example
	 * import { defineChannel } from "libipc";
	 *
	 * export const frames = defineChannel("frames", { capacity: 32 * 1024 * 1024 });
	 */
	(name: string, options?: DefinitionOptions): Definition<Sender, Receiver>;
}

/** Defines a route: as {@link DefineChannel}. */
export interface DefineRoute {
	/**
	 * Defines a route, as `defineChannel` defines a channel.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { defineRoute } from "libipc";
	 * import { json } from "libipc/codecs";
	 * import { z } from "zod";
	 *
	 * const prices = defineRoute("prices", { codec: json(), schema: z.number() });
	 * using receiver = prices.receiver();
	 * using sender = prices.sender();
	 * sender.send(42.17);
	 * console.log(receiver.recv()); // 42.17
	 */
	<Schema extends StandardSchema>(
		name: string,
		options: SchemaDefinitionOptions<Schema>,
	): RouteDefinition<ValueSender<SchemaInput<Schema>>, ValueReceiver<SchemaOutput<Schema>>>;
	/**
	 * The same with the types of the codec.
	 *
	 * @example
	 * import { defineRoute } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * export const prices = defineRoute("prices", { codec: json<number>() });
	 */
	<Value, Sent = Value>(
		name: string,
		options: ValueDefinitionOptions<Value, Sent>,
	): RouteDefinition<ValueSender<Sent>, ValueReceiver<Value>>;
	/**
	 * The same for bytes.
	 *
	 * @example
	 * import { defineRoute } from "libipc";
	 *
	 * export const frames = defineRoute("frames", { capacity: 32 * 1024 * 1024 });
	 */
	(name: string, options?: DefinitionOptions): RouteDefinition<Sender, Receiver>;
}

/** Defines a queue: as {@link DefineChannel}. */
export interface DefineQueue {
	/**
	 * Defines a queue, as `defineChannel` defines a channel.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { defineQueue } from "libipc";
	 * import { json } from "libipc/codecs";
	 * import { z } from "zod";
	 *
	 * const jobs = defineQueue("jobs", { codec: json(), schema: z.object({ resize: z.string() }) });
	 * using sender = jobs.sender();
	 * using receiver = jobs.receiver();
	 * sender.send({ resize: "cat.png" });
	 * using lease = receiver.take();
	 * console.log(lease?.value.resize); // cat.png
	 * lease?.done();
	 */
	<Schema extends StandardSchema>(
		name: string,
		options: SchemaDefinitionOptions<Schema, QueueDefinitionOptions>,
	): Definition<ValueSender<SchemaInput<Schema>>, ValueQueueReceiver<SchemaOutput<Schema>>, QueueReceiverOptions>;
	/**
	 * The same with the types of the codec.
	 *
	 * @example
	 * import { defineQueue } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * export const jobs = defineQueue("jobs", { codec: json<{ resize: string }>() });
	 */
	<Value, Sent = Value>(
		name: string,
		options: ValueDefinitionOptions<Value, Sent, QueueDefinitionOptions>,
	): Definition<ValueSender<Sent>, ValueQueueReceiver<Value>, QueueReceiverOptions>;
	/**
	 * The same for bytes.
	 *
	 * @example
	 * import { defineQueue } from "libipc";
	 *
	 * export const jobs = defineQueue("jobs", { maxReceivers: 8 });
	 */
	(name: string, options?: QueueDefinitionOptions): Definition<Sender, QueueReceiver, QueueReceiverOptions>;
}
