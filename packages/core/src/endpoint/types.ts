import type {
	EndpointOptions,
	ReceiverOptions,
	RouteSenderAsyncOptions,
	RouteSenderOptions,
} from "./endpoint_types.ts";
import type { Receiver } from "./receiver_types.ts";
import type { Sender } from "./sender_types.ts";

export type {
	AsyncWaitOptions,
	Endpoint,
	EndpointOptions,
	IterationOptions,
	Message,
	PeerEvent,
	ReceiverOptions,
	RouteSenderAsyncOptions,
	RouteSenderOptions,
	WaitOptions,
} from "./endpoint_types.ts";
export type { Batch, DrainOptions, Lease, QueueReceiver, Receiver } from "./receiver_types.ts";
export type { Loan, Refusal, Sender, Sending } from "./sender_types.ts";

/** Opens the endpoints of one kind: `Route`, `Channel` or `Queue`. */
export interface EndpointFactory<SomeReceiver extends Receiver = Receiver> {
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
	receiver(name: string, options?: ReceiverOptions): SomeReceiver;
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
