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
import { nativeEngine } from "./bun/engine.ts";
import { type Api, createApi } from "./create_api.ts";
import type * as api from "./public_types.ts";

export * from "./public_types.ts";

export const {
	Route,
	Channel,
	Queue,
	Mutex,
	Condition,
	Semaphore,
	RwLock,
	SharedMemory,
	list,
	clear,
	monotonicNs,
}: Api = createApi(() => nativeEngine);

// A value and a type of the same name: what the exports above hide of the types.
export type Mutex = api.Mutex;
export type Condition = api.Condition;
export type Semaphore = api.Semaphore;
export type RwLock = api.RwLock;
export type SharedMemory = api.SharedMemory;
