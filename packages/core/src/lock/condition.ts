import { type Engine, type EngineCondition, Status, WaitBits } from "@libipc/protocol";
import { checkTimeout, checkWaitOptions } from "../check/call_options.ts";
import { throwIfAborted } from "../check/signal.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";
import { checkHeldMutex, type Mutex } from "./mutex.ts";

/**
 * Waits, together with a {@link Mutex}, until another handle notifies that something has changed, across processes and Workers.
 * The mutex protects the data that changes. A wait unlocks the mutex and locks it again at the end, so that no notification
 * between the check and the wait is missed.
 *
 * A wait may end without a notification if a handle of the condition has died: its process may have been killed with a
 * notification that was meant for another wait. So check the data in a loop.
 *
 * @example
 * import { Condition, Mutex, SharedMemory } from "libipc";
 *
 * using box = SharedMemory.open("box", { size: 4096 });
 * using mutex = Mutex.open("box");
 * using filled = Condition.open("box-filled");
 *
 * const take = async () => {
 *   using guard = await mutex.acquireAsync();
 *   while (box.words[0] === 0) await filled.waitAsync(mutex);
 *   return box.words[0];
 * };
 * const taken = take();
 * {
 *   using guard = await mutex.acquireAsync();
 *   box.words[0] = 42;
 *   filled.notify();
 * }
 * console.log(await taken); // 42
 */
export interface Condition extends Handle {
	/**
	 * Unlocks `mutex`, which this thread holds, blocks the thread until a notification, and locks `mutex` again. The timeout
	 * applies to the notification, not to the lock.
	 *
	 * @returns false if the time was up.
	 * @throws IpcError `ERR_IPC_NOT_OWNER` if the mutex is not held; what {@link Lock.lock} throws, and then the mutex is not held;
	 * `ERR_IPC_TOO_MANY_WAITS`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Condition, Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("box");
	 * using filled = Condition.open("box-filled");
	 * using guard = mutex.acquire();
	 * console.log(filled.wait(mutex, { timeout: 10 })); // false
	 */
	wait(mutex: Mutex, options?: WaitOptions): boolean;
	/**
	 * The same as {@link wait}, but the event loop continues while it waits. The mutex is held again when the promise settles, even if
	 * the wait was aborted.
	 *
	 * @throws IpcError as {@link wait}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Condition, Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("box");
	 * using filled = Condition.open("box-filled");
	 * using guard = await mutex.acquireAsync();
	 * const woken = filled.waitAsync(mutex, { timeout: 5000 });
	 * filled.notify();
	 * console.log(await woken); // true
	 */
	waitAsync(mutex: Mutex, options?: AsyncWaitOptions): Promise<boolean>;
	/**
	 * Ends the wait that began first. Call it while the mutex is held.
	 *
	 * @returns How many waits it ended: 0 or 1.
	 * @throws IpcError `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Condition } from "libipc";
	 *
	 * using filled = Condition.open("box-filled");
	 * console.log(filled.notify()); // 0
	 */
	notify(): number;
	/**
	 * Ends all waits. Call it while the mutex is held.
	 *
	 * @returns How many waits it ended.
	 * @throws IpcError as {@link notify}
	 * @example
	 * import { Condition } from "libipc";
	 *
	 * using filled = Condition.open("box-filled");
	 * console.log(filled.notifyAll()); // 0
	 */
	notifyAll(): number;
}

/** Opens conditions. */
export interface ConditionFactory {
	/**
	 * Opens the condition of this name. It is created if no handle is open on it.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_OPTIONS_MISMATCH`, `ERR_IPC_TOO_MANY_HANDLES`,
	 * `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`, `ERR_IPC_CORRUPT`, `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`,
	 * `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Condition } from "libipc";
	 *
	 * using filled = Condition.open("box-filled");
	 * console.log(filled.closed); // false
	 */
	open(name: string, options?: HandleOptions): Condition;
	/**
	 * Removes the shared memory of a name. It does nothing if the name does not exist. Waits end with `ERR_IPC_ORPHANED`, and the next
	 * open creates the name again.
	 *
	 * @param options - `prefix`: as in {@link HandleOptions.prefix}.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_PERMISSION`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`,
	 * `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Condition } from "libipc";
	 *
	 * Condition.clear("box-filled");
	 */
	clear(name: string, options?: { prefix?: string }): void;
}

class NamedCondition extends NamedHandle<EngineCondition> implements Condition {
	readonly #queue: WaitQueue;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineCondition) {
		super(engines, "condition", prefix, name, engine);
		this.#queue = new WaitQueue(this.loop, engine, WaitBits.woken);
	}

	wait(mutex: Mutex, options?: WaitOptions): boolean {
		const timeout = checkTimeout(this.name, options);
		const held = checkHeldMutex(this.name, mutex);
		const wait = this.#check(this.engine.enter(undefined));
		const holder = held.suspend();
		try {
			const status = this.engine.sleep(wait, timeout);
			return status === Status.timedOut ? this.engine.leave(wait) : this.#check(status) === 0;
		} finally {
			held.resume(holder);
		}
	}

	async waitAsync(mutex: Mutex, options?: AsyncWaitOptions): Promise<boolean> {
		const checked = checkWaitOptions(this.name, options);
		throwIfAborted(checked.signal);
		const held = checkHeldMutex(this.name, mutex);
		this.checkOpen();
		const wait = this.#check(this.engine.enter(this.loop.waker(this.engine)));
		const holder = held.suspend();
		const attempt = (): true | undefined => {
			const status = this.engine.sleep(wait, 0);
			return status === Status.timedOut ? undefined : this.#check(status) === 0 || undefined;
		};
		try {
			return await this.#queue.waitChecked<boolean>(checked, attempt, {
				timedOut: () => false,
				closed: () => {
					throw this.closedError();
				},
				// The wait was notified before it ended: pass the notification on to another wait.
				givenUp: () => {
					if (this.engine.leave(wait)) this.engine.notify();
				},
			});
		} finally {
			await held.resumeAsync(holder);
		}
	}

	notify(): number {
		return this.#check(this.engine.notify());
	}

	notifyAll(): number {
		return this.#check(this.engine.notifyAll());
	}

	#check(status: number): number {
		if (status < 0) throw this.failure(status);
		return status;
	}

	protected endWaits(): void {
		this.#queue.close();
	}
}

/** Makes `Condition` of an API from its engine. */
export function createConditionFactory(engine: () => Engine): ConditionFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle("condition", name, options);
			return new NamedCondition(engine(), prefix, name, engine().openCondition(prefix, name, checked));
		},
		clear: (name, options) => clearHandle(engine(), "condition", name, options),
	};
}
