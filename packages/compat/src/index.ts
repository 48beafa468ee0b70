/**
 * `@libipc/compat`: the API of `@libipc/core` for Node.
 *
 * With the native library and its Node-API addon, messages pass between processes, also to and from Bun. Otherwise they pass
 * between the threads of one process. Then the main thread must import this package before it creates Workers, even if it does not
 * use it itself.
 *
 * @example
 * import { Worker } from "node:worker_threads";
 * import { Route } from "@libipc/compat"; // before Workers are created, so that they share its names
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
import { type Api, createApi } from "@libipc/core/api";
import type * as api from "@libipc/core/types";
import { engineOfProcess } from "./engine.ts";
import "./sab/create_hub_on_import.ts";

export * from "@libipc/core/types";

export const {
	Route,
	Channel,
	Queue,
	defineRoute,
	defineChannel,
	defineQueue,
	Mutex,
	Condition,
	Semaphore,
	RwLock,
	SharedMemory,
	Signal,
	Latest,
	list,
	clear,
	engine,
	monotonicNs,
}: Api = createApi(engineOfProcess);

// A value and a type of the same name: what the exports above hide of the types.
export type Mutex = api.Mutex;
export type Condition = api.Condition;
export type Semaphore = api.Semaphore;
export type RwLock = api.RwLock;
export type SharedMemory = api.SharedMemory;
export type Signal = api.Signal;
export type Latest = api.Latest;
