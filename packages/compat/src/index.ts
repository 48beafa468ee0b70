/**
 * `@libipc/compat`: the API of `@libipc/core` for Node.
 *
 * With Node 26.1 or newer that has its FFI, and the native library, messages pass between processes, also to and from those
 * of Bun. Else they pass between the threads of one process: then the main thread has to import this package before it makes
 * Workers, whether it uses it or not.
 *
 * @example
 * import { Worker } from "node:worker_threads";
 * import { Route } from "@libipc/compat"; // before Workers are made: they share its names then
 *
 * const sender = Route.sender("prices");
 * new Worker(new URL("./listen.js", import.meta.url));
 * sender.waitForReceivers(1);
 * sender.send("42.17");
 *
 * // listen.js
 * const receiver = Route.receiver("prices");
 * console.log(new TextDecoder().decode(receiver.recv() ?? undefined));
 *
 * @module
 */
import {
	type ConditionFactory,
	createConditionFactory,
	createEndpointFactory,
	createMutexFactory,
	createQueueFactory,
	createRwLockFactory,
	createSemaphoreFactory,
	createSharedMemoryFactory,
	type EndpointFactory,
	type MutexFactory,
	type Condition as NamedCondition,
	type Mutex as NamedMutex,
	type RwLock as NamedRwLock,
	type Semaphore as NamedSemaphore,
	type SharedMemory as NamedSharedMemory,
	type QueueReceiver,
	type RwLockFactory,
	type SemaphoreFactory,
	type SharedMemoryFactory,
} from "@libipc/protocol";
import { engine } from "./engine.ts";
import "./hub_offer.ts";

export {
	type AsyncWaitOptions,
	type Batch,
	type Endpoint,
	type EndpointFactory,
	type EndpointKind,
	type EndpointOptions,
	type Handle,
	type HandleKind,
	type HandleOptions,
	IpcError,
	type IpcErrorCode,
	type Lease,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	type ListOptions,
	type Loan,
	type Lock,
	type LockGuard,
	type Message,
	type Overflow,
	type PeerEvent,
	type Permit,
	type QueueReceiver,
	type Receiver,
	type ReceiverOptions,
	type SemaphoreOptions,
	type Sender,
	type SharedMemoryMode,
	type SharedMemoryOptions,
	type WaitOptions,
	type WordWait,
} from "@libipc/protocol";

/** One sender, many receivers; each receiver gets every message, in order. */
export const Route: EndpointFactory = createEndpointFactory(engine, "route");

/** Many senders, many receivers; each receiver gets every message, all in one same order. */
export const Channel: EndpointFactory = createEndpointFactory(engine, "channel");

/** Many senders, many receivers; each message goes to one receiver, the oldest first. */
export const Queue: EndpointFactory<QueueReceiver> = createQueueFactory(engine);

/** One at a time; robust. */
export type Mutex = NamedMutex;
export const Mutex: MutexFactory = createMutexFactory(engine);

/** Wait, with a mutex, until others say that something has changed. */
export type Condition = NamedCondition;
export const Condition: ConditionFactory = createConditionFactory(engine);

/** A number of permits. */
export type Semaphore = NamedSemaphore;
export const Semaphore: SemaphoreFactory = createSemaphoreFactory(engine);

/** Many readers or one writer; robust. */
export type RwLock = NamedRwLock;
export const RwLock: RwLockFactory = createRwLockFactory(engine);

/** Memory that processes share, and waiting on words in it. */
export type SharedMemory = NamedSharedMemory;
export const SharedMemory: SharedMemoryFactory = createSharedMemoryFactory(engine);

export { monotonicNs } from "./clock.ts";
export { clear, list } from "./list.ts";
