/**
 * `@libipc/core`: the API of `libipc` in Bun, between processes.
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
}: Api = createApi(() => nativeEngine);

// Types that share a name with a value: the exports above hide the types of public_types.ts.
export type Mutex = api.Mutex;
export type Condition = api.Condition;
export type Semaphore = api.Semaphore;
export type RwLock = api.RwLock;
export type SharedMemory = api.SharedMemory;
export type Signal = api.Signal;
export type Latest = api.Latest;
