import {
	type ClearOptions,
	type Engine,
	type EngineInfo,
	hideFramesBeside,
	type ListedName,
	type ListOptions,
} from "@libipc/protocol";
import { createChannelFactory, createQueueFactory, createRouteFactory } from "./endpoint/factory.ts";
import type { EndpointFactory, QueueReceiver, QueueReceiverOptions, RouteFactory } from "./endpoint/types.ts";
import type { LatestFactory } from "./latest/latest_factory.ts";
import { createLatestFactory } from "./latest/open_latest.ts";
import { checkClearOptions, checkListOptions, compareListed, warnOfOthers } from "./listing.ts";
import { type ConditionFactory, createConditionFactory } from "./lock/condition.ts";
import { createMutexFactory, type MutexFactory } from "./lock/mutex.ts";
import { createRwLockFactory, type RwLockFactory } from "./lock/rwlock.ts";
import { createSemaphoreFactory, type SemaphoreFactory } from "./lock/semaphore.ts";
import { createSharedMemoryFactory, type SharedMemoryFactory } from "./lock/shared_memory.ts";
import { createSignalFactory, type SignalFactory } from "./lock/signal.ts";
import { createDefineChannel, createDefineQueue, createDefineRoute } from "./value/define.ts";
import type { DefineChannel, DefineQueue, DefineRoute } from "./value/define_types.ts";

hideFramesBeside(import.meta.url, "create_api");

/**
 * The values that libipc exports, apart from `IpcError`. They are the same on every engine and in every runtime.
 */
export interface Api {
	/**
	 * One sender, many receivers. Each receiver gets every message, in order.
	 *
	 * @example
	 * import { Route } from "libipc";
	 *
	 * using sender = Route.sender("prices"); // in one process
	 * using receiver = Route.receiver("prices"); // in other processes
	 * sender.send("42.17");
	 * console.log(new TextDecoder().decode(receiver.recv() ?? undefined)); // 42.17
	 */
	readonly Route: RouteFactory;
	/**
	 * Many senders, many receivers. Each receiver gets every message, and all receivers get them in the same order.
	 *
	 * @example
	 * import { Channel } from "libipc";
	 *
	 * using first = Channel.sender("log");
	 * using second = Channel.sender("log");
	 * using receiver = Channel.receiver("log");
	 * first.send("one");
	 * second.send("three");
	 * console.log(receiver.recv()?.byteLength, receiver.recv()?.byteLength); // 3 5
	 */
	readonly Channel: EndpointFactory;
	/**
	 * Many senders, many receivers. Each message goes to one receiver, the oldest message first.
	 *
	 * @example
	 * import { Queue } from "libipc";
	 *
	 * using sender = Queue.sender("jobs");
	 * using first = Queue.receiver("jobs");
	 * using second = Queue.receiver("jobs");
	 * sender.sendBatch(["resize", "crop"]);
	 * console.log(first.recv()?.byteLength, second.recv()?.byteLength); // 6 4
	 */
	readonly Queue: EndpointFactory<QueueReceiver, QueueReceiverOptions>;
	/** Defines a route for several programs: name, options, codec, schema and types in one place. */
	readonly defineRoute: DefineRoute;
	/** Defines a channel for several programs: name, options, codec, schema and types in one place. */
	readonly defineChannel: DefineChannel;
	/** Defines a queue for several programs: name, options, codec, schema and types in one place. */
	readonly defineQueue: DefineQueue;
	/** A lock with one owner at a time. Robust: the next owner learns that the last one was killed while it held the lock. */
	readonly Mutex: MutexFactory;
	/** Waits, together with a mutex, until another handle notifies that something has changed. */
	readonly Condition: ConditionFactory;
	/** A number of permits: it limits how many tasks may do something at once. */
	readonly Semaphore: SemaphoreFactory;
	/** A lock for many readers or one writer. Robust, as a mutex. */
	readonly RwLock: RwLockFactory;
	/** Memory that processes share, and waits on words in it. */
	readonly SharedMemory: SharedMemoryFactory;
	/** A doorbell without a message: it wakes the other handles of the name, and says why, by one of 64 ids. */
	readonly Signal: SignalFactory;
	/** One named value, replaced as a whole, that any process reads without waiting. */
	readonly Latest: LatestFactory;
	/**
	 * Lists the names in use and their endpoints, sorted by prefix, name and kind: the names of this machine, or, on the engine
	 * between threads, of this process.
	 *
	 * It changes nothing and waits for no other process, not even for a stopped one. What killed processes or threads left is
	 * listed as `leftover`. Names that are damaged, foreign or owned by another user are listed under these states.
	 *
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT` or `ERR_IPC_INVALID_NAME` for an invalid prefix; `ERR_IPC_SYSTEM`,
	 * `ERR_IPC_PERMISSION` or `ERR_IPC_NO_SPACE` if the system does not allow the listing; `ERR_IPC_LIBRARY`; on the engine between
	 * threads `ERR_IPC_ENGINE` in a Worker that was started before the package was imported, `ERR_IPC_BUSY` if a thread that is opening
	 * a name is stopped
	 * @example
	 * import { list, Route } from "libipc";
	 *
	 * using receiver = Route.receiver("prices", { prefix: "shop" });
	 * for (const { kind, name, state, endpoints } of list({ prefix: "shop" })) {
	 *   console.log(kind, name, state); // route prices live
	 *   for (const { role, lag, sleeping } of endpoints) console.log(role, lag, sleeping); // receiver 0 false
	 * }
	 */
	list(options?: ListOptions): ListedName[];
	/**
	 * Removes what killed processes or threads left, and returns what it removed, as {@link list} describes it. Of another version
	 * of libipc, it removes what no process has open.
	 *
	 * It is not needed for correctness: the next open of a name replaces what was left. It frees the memory of names that no
	 * process will open again. It does not remove names that a live process has open or is opening, nor files that are damaged
	 * or foreign; `Route.clear(name)`, `Channel.clear(name)` and so on remove those.
	 *
	 * Without a prefix, neither as an option nor in `LIBIPC_PREFIX`, it concerns the names of all programs. It then keeps a lock that
	 * was left locked, and a robust semaphore with permits that were not given back, because their next owner has to learn of that.
	 * If it has removed a name, it gives a process warning (`IPC_CLEARED_ALL`), once in each thread. With `all: true` it removes them,
	 * too, and gives no warning. With `filter` a program decides for each name; it gets no warning either.
	 *
	 * @throws IpcError as {@link list}
	 * @example
	 * import { clear } from "libipc";
	 *
	 * for (const { kind, name, byteLength } of clear({ prefix: "shop" }))
	 *   console.log(`${kind} ${name}: ${byteLength} bytes freed`);
	 */
	clear(options?: ClearOptions): ListedName[];
	/**
	 * Which engine this process uses, and why: whether its names reach other processes. In Node this is decided when the first
	 * name is opened or this is called first, and the same for all threads.
	 *
	 * @throws IpcError `ERR_IPC_ENGINE` if `LIBIPC_ENGINE` or `LIBIPC_LIBRARY` asks for an engine that is not possible here;
	 * `ERR_IPC_LIBRARY`
	 * @example
	 * import { engine } from "libipc";
	 *
	 * const { name, reason } = engine();
	 * if (name !== "native") throw new Error(`no other process can be reached: ${reason}`);
	 * console.log(name); // native
	 */
	engine(): EngineInfo;
	/**
	 * Nanoseconds on a monotonic clock, for time stamps in messages. All processes of this machine share it, in Bun and in
	 * Node. (In Bun, `process.hrtime` and `performance.now` start at zero in each process.) On the engine between threads in Bun,
	 * only the threads of one process share it, and a change of the system clock between the starts of two threads shifts the
	 * clock of one against that of the other.
	 *
	 * @throws IpcError `ERR_IPC_LIBRARY`
	 * @example
	 * import { monotonicNs, Route } from "libipc";
	 *
	 * using receiver = Route.receiver("times");
	 * using sender = Route.sender("times");
	 * sender.send(Float64Array.of(monotonicNs()));
	 * const [sent = 0] = new Float64Array(receiver.recv()?.buffer ?? new ArrayBuffer(0));
	 * console.log(monotonicNs() >= sent); // true
	 */
	monotonicNs(): number;
}

/**
 * Builds the public API on an engine.
 *
 * @param engine - Returns the engine. It is called when the engine is first needed, so that an import loads no library.
 */
export function createApi(engine: () => Engine): Api {
	const sorted = (names: ListedName[]): ListedName[] => names.sort(compareListed);
	const Route = createRouteFactory(engine);
	const Channel = createChannelFactory(engine);
	const Queue = createQueueFactory(engine);
	return {
		Route,
		Channel,
		Queue,
		defineRoute: createDefineRoute(Route),
		defineChannel: createDefineChannel(Channel),
		defineQueue: createDefineQueue(Queue),
		Mutex: createMutexFactory(engine),
		Condition: createConditionFactory(engine),
		Semaphore: createSemaphoreFactory(engine),
		RwLock: createRwLockFactory(engine),
		SharedMemory: createSharedMemoryFactory(engine),
		Signal: createSignalFactory(engine),
		Latest: createLatestFactory(engine),
		list: (options) => sorted(engine().list(checkListOptions(options))),
		clear(options) {
			const { prefix, isUnasked, filter } = checkClearOptions(options);
			const removed = sorted(engine().clearLeftovers(prefix, isUnasked, (name) => filter?.(name) !== false));
			if (isUnasked && !filter) warnOfOthers(removed);
			return removed;
		},
		engine: () => engine().info(),
		monotonicNs: () => engine().now(),
	};
}
