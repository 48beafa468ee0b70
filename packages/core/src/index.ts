/**
 * `@libipc/core`: messages between Bun processes through shared memory.
 *
 * @example
 * import { Route } from "@libipc/core";
 *
 * // one process
 * using sender = Route.sender("prices");
 * sender.waitForReceivers(1);
 * sender.send("42.17");
 *
 * // any number of others
 * using receiver = Route.receiver("prices");
 * console.log(new TextDecoder().decode(receiver.recv() ?? undefined));
 *
 * @module
 */
import { createEndpointFactory, createQueueFactory, type EndpointFactory, type QueueReceiver } from "@libipc/protocol";
import { nativeEngine } from "./native_engine.ts";

export {
	type AsyncWaitOptions,
	type Batch,
	type Endpoint,
	type EndpointFactory,
	type EndpointKind,
	type EndpointOptions,
	IpcError,
	type IpcErrorCode,
	type Lease,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	type ListOptions,
	type Loan,
	type Message,
	type Overflow,
	type PeerEvent,
	type QueueReceiver,
	type Receiver,
	type ReceiverOptions,
	type Sender,
	type WaitOptions,
} from "@libipc/protocol";

const engine = () => nativeEngine;

/** One sender, many receivers; each receiver gets every message, in order. */
export const Route: EndpointFactory = createEndpointFactory(engine, "route");

/** Many senders, many receivers; each receiver gets every message, all in one same order. */
export const Channel: EndpointFactory = createEndpointFactory(engine, "channel");

/** Many senders, many receivers; each message goes to one receiver, the oldest first. */
export const Queue: EndpointFactory<QueueReceiver> = createQueueFactory(engine);

export { monotonicNs } from "./clock.ts";
export { clear, list } from "./list.ts";
