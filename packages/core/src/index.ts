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
import { createEndpointFactory, type EndpointFactory } from "@libipc/protocol";
import { nativeEngine } from "./native_engine.ts";

export {
	type Endpoint,
	type EndpointFactory,
	type EndpointOptions,
	IpcError,
	type IpcErrorCode,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	type ListOptions,
	type Loan,
	type Message,
	type Receiver,
	type Sender,
	type WaitOptions,
} from "@libipc/protocol";

const engine = () => nativeEngine;

/** One sender, many receivers; each receiver gets every message, in order. */
export const Route: EndpointFactory = createEndpointFactory(engine, "route");

/** Many senders, many receivers; each receiver gets every message, all in one same order. */
export const Channel: EndpointFactory = createEndpointFactory(engine, "channel");

export { monotonicNs } from "./clock.ts";
export { clear, list } from "./list.ts";
