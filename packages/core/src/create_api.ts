import type { Engine, ListedName, ListOptions } from "@libipc/protocol";
import { createEndpointFactory, createQueueFactory } from "./endpoint/factory.ts";
import type { EndpointFactory, QueueReceiver } from "./endpoint/types.ts";
import { checkListOptions, compareListed } from "./listing.ts";
import { type ConditionFactory, createConditionFactory } from "./lock/condition.ts";
import { createMutexFactory, type MutexFactory } from "./lock/mutex.ts";
import { createRwLockFactory, type RwLockFactory } from "./lock/rwlock.ts";
import { createSemaphoreFactory, type SemaphoreFactory } from "./lock/semaphore.ts";
import { createSharedMemoryFactory, type SharedMemoryFactory } from "./lock/shared_memory.ts";

/** Everything that libipc exports, apart from types and `IpcError`: the same on every engine and in every runtime. */
export interface Api {
	/** One sender, many receivers; each receiver gets every message, in order. */
	readonly Route: EndpointFactory;
	/** Many senders, many receivers; each receiver gets every message, and all receivers get them in the same order. */
	readonly Channel: EndpointFactory;
	/** Many senders, many receivers; each message goes to one receiver, the oldest first. */
	readonly Queue: EndpointFactory<QueueReceiver>;
	/** A robust lock: one owner at a time; the next owner learns that the last one was killed while it held the lock. */
	readonly Mutex: MutexFactory;
	/** Waits, together with a mutex, until another handle notifies that something has changed. */
	readonly Condition: ConditionFactory;
	/** A number of permits. */
	readonly Semaphore: SemaphoreFactory;
	/** A robust lock for many readers or one writer. */
	readonly RwLock: RwLockFactory;
	/** Memory that processes share, and waiting for words in it to change. */
	readonly SharedMemory: SharedMemoryFactory;
	/**
	 * Lists the names in use and their endpoints, sorted by prefix, name and kind: those of this machine, or, on the engine
	 * between threads, those of this process, whose `path` is empty.
	 *
	 * It changes nothing and waits for no other process, not even for a stopped one. It lists what killed processes or threads
	 * left behind as `leftover`, and names that are damaged, foreign or owned by another user under those states.
	 *
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT` or `ERR_IPC_INVALID_NAME` for an invalid prefix; `ERR_IPC_SYSTEM`,
	 * `ERR_IPC_PERMISSION` or `ERR_IPC_NO_SPACE` if the system does not allow the listing; between threads `ERR_IPC_ENGINE` in a
	 * Worker that was started before the package was imported, `ERR_IPC_BUSY` if a thread that is opening a name is stopped
	 *
	 * @example
	 * import { list, Route } from "libipc";
	 *
	 * using receiver = Route.receiver("prices", { prefix: "shop" });
	 * for (const { kind, name, state, endpoints } of list({ prefix: "shop" })) {
	 *   console.log(`${kind} ${name}: ${state}`);
	 *   for (const { role, pid, lag, sleeping } of endpoints)
	 *     console.log(`  ${role} in process ${pid}, ${lag} bytes behind${sleeping ? ", asleep" : ""}`);
	 * }
	 */
	list(options?: ListOptions): ListedName[];
	/**
	 * Removes what killed processes or threads left behind, and returns what it removed, as `list` describes it.
	 *
	 * It is not needed for correctness: the next open of a name replaces a leftover. It frees the memory of names that no
	 * process will open again. Names that a live process has open or is opening stay. Files that are damaged, foreign or of
	 * another version stay too; `Route.clear(name)`, `Channel.clear(name)` and so on remove them by name.
	 *
	 * @throws IpcError as {@link list}
	 *
	 * @example
	 * import { clear } from "libipc";
	 *
	 * for (const { kind, name, byteLength } of clear({ prefix: "shop" }))
	 *   console.log(`${kind} ${name}: ${byteLength} bytes freed`);
	 */
	clear(options?: ListOptions): ListedName[];
	/**
	 * Nanoseconds on a monotonic clock, for time stamps in messages. All processes of this machine share it, in Bun and in
	 * Node. (In Bun, `process.hrtime` and `performance.now` start at zero in each process.) Exception: on the engine between
	 * threads in Bun, only the threads of one process share it, and a change of the system's clock between the starts of two
	 * threads shifts one against the other.
	 *
	 * @example
	 * import { monotonicNs, Route } from "libipc";
	 *
	 * using receiver = Route.receiver("times");
	 * using sender = Route.sender("times");
	 * sender.send(Float64Array.of(monotonicNs()));
	 * const [sent = 0] = new Float64Array(receiver.recv()?.buffer ?? new ArrayBuffer(0));
	 * console.log(`${monotonicNs() - sent} ns`);
	 */
	monotonicNs(): number;
}

/**
 * Builds the public API on an engine.
 *
 * @param engine - Returns the engine; called when it is first needed, so that importing the package loads no library.
 */
export function createApi(engine: () => Engine): Api {
	const sorted = (names: ListedName[]): ListedName[] => names.sort(compareListed);
	return {
		Route: createEndpointFactory(engine, "route"),
		Channel: createEndpointFactory(engine, "channel"),
		Queue: createQueueFactory(engine),
		Mutex: createMutexFactory(engine),
		Condition: createConditionFactory(engine),
		Semaphore: createSemaphoreFactory(engine),
		RwLock: createRwLockFactory(engine),
		SharedMemory: createSharedMemoryFactory(engine),
		list: (options) => sorted(engine().list(checkListOptions(options))),
		clear: (options) => sorted(engine().clearLeftovers(checkListOptions(options))),
		monotonicNs: () => engine().now(),
	};
}
