import {
	type Engine,
	type EngineLock,
	type HandleKind,
	IpcError,
	OWNER_DIED,
	Status,
	WaitBits,
} from "@libipc/protocol";
import { checkTimeout } from "../check/call_options.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { type Handle, NamedHandle } from "./handle.ts";

/** Holds a lock until it is disposed of: `using guard = mutex.acquire()` unlocks at the end of the block. */
export interface LockGuard extends Disposable {
	/**
	 * Whether the last owner was killed, or closed its handle, while it held the lock: the data that the lock protects may be
	 * changed in part. Repair the data; if that is not possible, call {@link Lock.markUnusable}.
	 */
	readonly ownerDied: boolean;
	/**
	 * Unlocks, if this guard still holds the lock. The end of a `using` block calls it.
	 *
	 * @throws IpcError `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * const guard = mutex.acquire();
	 * guard.release();
	 * console.log(mutex.held); // false
	 */
	release(): void;
}

/** What a mutex and a reader-writer lock have in common: at most one owner. */
export interface Lock extends Handle {
	/**
	 * Locks. Blocks the thread while another owner holds the lock; {@link lockAsync} does not.
	 *
	 * @returns false if the time was up.
	 * @throws IpcError `ERR_IPC_DEADLOCK` if this thread holds the lock; `ERR_IPC_UNUSABLE` after {@link markUnusable};
	 * `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * if (mutex.lock({ timeout: 1000 })) {
	 *   console.log(mutex.held); // true
	 *   mutex.unlock();
	 * }
	 */
	lock(options?: WaitOptions): boolean;
	/**
	 * The same as {@link lock}, but it never waits.
	 *
	 * @throws IpcError as {@link lock}
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * using other = Mutex.open("accounts");
	 * console.log(mutex.tryLock()); // true
	 * console.log(other.tryLock()); // false
	 * mutex.unlock();
	 */
	tryLock(): boolean;
	/**
	 * The same as {@link lock}, but the event loop continues while it waits. Calls on one handle are served in the order in which
	 * they were made.
	 *
	 * @throws IpcError as {@link lock}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * console.log(await mutex.lockAsync({ timeout: 1000 })); // true
	 * mutex.unlock();
	 */
	lockAsync(options?: AsyncWaitOptions): Promise<boolean>;
	/**
	 * The same as {@link lock}, but it returns a guard that unlocks.
	 *
	 * @throws IpcError as {@link lock}
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * {
	 *   using guard = mutex.acquire();
	 *   console.log(guard.ownerDied); // false
	 * }
	 * console.log(mutex.held); // false
	 */
	acquire(): LockGuard;
	/**
	 * {@link acquire} with a timeout.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link lock}
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * using guard = mutex.acquire({ timeout: 1000 });
	 * if (guard) console.log("locked"); // locked
	 */
	acquire(options: WaitOptions | undefined): LockGuard | null;
	/**
	 * The same as {@link lockAsync}, but it returns a guard that unlocks.
	 *
	 * @throws IpcError as {@link lock}, as a rejection
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * using guard = await mutex.acquireAsync();
	 * console.log(guard.ownerDied); // false
	 */
	acquireAsync(): Promise<LockGuard>;
	/**
	 * {@link acquireAsync} with a timeout or a signal.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link lock}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * using guard = await mutex.acquireAsync({ timeout: 1000 });
	 * if (guard) console.log("locked"); // locked
	 */
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	/**
	 * Unlocks. If other handles wait, the one that has waited longest gets the lock.
	 *
	 * @throws IpcError `ERR_IPC_NOT_OWNER` if this handle does not hold the lock; `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`,
	 * `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * mutex.lock();
	 * mutex.unlock();
	 * console.log(mutex.held); // false
	 */
	unlock(): void;
	/** The {@link LockGuard.ownerDied} of the last time that this handle got the lock. */
	readonly ownerDied: boolean;
	/**
	 * Unlocks and makes the lock unusable: every later or waiting call to lock it gets `ERR_IPC_UNUSABLE`, until all handles are
	 * closed or the name is cleared. It is for an owner that cannot repair the data after {@link LockGuard.ownerDied}.
	 *
	 * @throws IpcError as {@link unlock}
	 * @example
	 * import { IpcError, Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts");
	 * mutex.lock();
	 * mutex.markUnusable();
	 * try {
	 *   mutex.lock();
	 * } catch (error) {
	 *   if (error instanceof IpcError) console.log(error.code); // ERR_IPC_UNUSABLE
	 * }
	 */
	markUnusable(): void;
}

/** The {@link LockGuard} of every engine. */
export class Guard implements LockGuard {
	readonly ownerDied: boolean;
	/** Whether a call that blocks the thread acquired the lock: the thread then cannot wait for itself. */
	readonly heldByThread: boolean;
	readonly #release: (guard: Guard) => void;

	constructor(ownerDied: boolean, heldByThread: boolean, release: (guard: Guard) => void) {
		this.ownerDied = ownerDied;
		this.heldByThread = heldByThread;
		this.#release = release;
	}

	release(): void {
		this.#release(this);
	}

	[Symbol.dispose](): void {
		this.#release(this);
	}
}

/** The holder of a lock that a handle owns: the thread that locked it, a task of that thread, or a guard. */
export type Holder = "none" | "thread" | "task" | Guard;

/** The {@link Lock} of every engine. */
export abstract class NamedLock<SomeEngine extends EngineLock> extends NamedHandle<SomeEngine> implements Lock {
	readonly #queue: WaitQueue;
	#holder: Holder = "none";
	#ownerDied = false;
	/** How error messages call holding the lock as its only owner. */
	protected readonly exclusively: string = "";

	constructor(engines: Engine, kind: HandleKind, prefix: string, name: string, engine: SomeEngine) {
		super(engines, kind, prefix, name, engine);
		this.#queue = new WaitQueue(this.loop, engine, WaitBits.lock);
	}

	get ownerDied(): boolean {
		return this.#ownerDied;
	}

	lock(options?: WaitOptions): boolean {
		return this.lockFor("thread", checkTimeout(this.name, options));
	}

	tryLock(): boolean {
		return this.lockFor("thread", 0);
	}

	acquire(): LockGuard;
	acquire(options: WaitOptions | undefined): LockGuard | null;
	acquire(options?: WaitOptions): LockGuard | null {
		return this.lockFor("thread", checkTimeout(this.name, options)) ? this.#guard(true) : null;
	}

	#guard(heldByThread: boolean): LockGuard {
		const guard = new Guard(this.#ownerDied, heldByThread, this.#release);
		this.#holder = guard;
		return guard;
	}

	readonly #release = (guard: Guard): void => {
		// Otherwise `unlock` was called, or the handle was closed.
		if (this.#holder === guard && !this.closed) this.unlock();
	};

	/** Locks, blocking the thread. */
	protected lockFor(holder: Holder, timeout: number): boolean {
		if (!this.checkAcquired(this.engine.lock(timeout, false))) return false;
		this.#holder = holder;
		this.serveSoon();
		return true;
	}

	lockAsync(options?: AsyncWaitOptions): Promise<boolean> {
		return this.#wait<boolean>(
			options,
			() => {
				this.#holder = "task";
				return true;
			},
			false,
		);
	}

	acquireAsync(): Promise<LockGuard>;
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	acquireAsync(options?: AsyncWaitOptions): Promise<LockGuard | null> {
		return this.#wait<LockGuard | null>(options, () => this.#guard(false), null);
	}

	#wait<Result>(options: AsyncWaitOptions | undefined, onAcquired: () => Result, timedOut: Result): Promise<Result> {
		if (this.isHeldByThread()) return Promise.reject(this.deadlock());
		return this.waitFor(this.#queue, WaitBits.lock, options, this.#tryForTask, onAcquired, timedOut);
	}

	readonly #tryForTask = (): number => this.engine.lock(0, true);

	/** Locks for a holder, while the event loop continues, even if the thread holds the lock meanwhile. */
	protected async lockForAsync(holder: Holder): Promise<void> {
		const onAcquired = (): void => {
			this.#holder = holder;
		};
		await this.waitFor(this.#queue, WaitBits.lock, undefined, this.#tryForTask, onAcquired, undefined);
	}

	/** Waits in a queue of this handle until `attempt`, a call that does not wait, has acquired the lock. */
	protected waitFor<Result>(
		queue: WaitQueue,
		what: number,
		options: AsyncWaitOptions | undefined,
		attempt: () => number,
		onAcquired: () => Result,
		timedOut: Result,
	): Promise<Result> {
		if (this.closed) return Promise.reject(this.closedError());
		const tryOnce = (): { result: Result } | undefined => {
			const status = attempt();
			// `deadlock`: another task of this handle holds the lock, and will unlock it.
			return status === Status.deadlock || !this.checkAcquired(status) ? undefined : { result: onAcquired() };
		};
		return queue
			.wait<{ result: Result }>(this.name, options, tryOnce, {
				timedOut: () => ({ result: timedOut }),
				closed: () => {
					throw this.closedError();
				},
				givenUp: () => this.engine.disarm(what),
			})
			.then(({ result }) => result);
	}

	/** Whether the status of a lock call means that the lock is held. Throws if it is an error. */
	protected checkAcquired(status: number): boolean {
		if (status < 0) {
			if (status === Status.timedOut) return false;
			throw status === Status.deadlock ? this.deadlock() : this.failure(status);
		}
		this.#ownerDied = status === OWNER_DIED;
		return true;
	}

	unlock(): void {
		this.checkReleased(this.engine.unlock(), this.exclusively);
		this.#holder = "none";
	}

	markUnusable(): void {
		this.checkReleased(this.engine.markUnusable(), this.exclusively);
		this.#holder = "none";
	}

	/** Checks the status of an unlock call. Throws if it is an error. */
	protected checkReleased(status: number, how = ""): void {
		if (status === 0) return;
		if (status !== Status.notOwner) throw this.failure(status);
		throw new IpcError(
			"ERR_IPC_NOT_OWNER",
			this.name,
			`This handle does not hold ${this.what}${how}: it was never locked here, or has been unlocked since. Nothing has changed.`,
		);
	}

	/** The holder of the lock. */
	protected get holder(): Holder {
		return this.#holder;
	}

	/** Whether a call that blocks the thread acquired the lock: the code that runs now may hold it, and cannot wait for itself. */
	protected isHeldByThread(): boolean {
		const holder = this.#holder;
		return holder === "thread" || (holder instanceof Guard && holder.heldByThread);
	}

	protected deadlock(): IpcError {
		return new IpcError(
			"ERR_IPC_DEADLOCK",
			this.name,
			`This thread holds ${this.what} already, so waiting for it here would never end: locks are not recursive. Unlock it first; tasks of one event loop that use the same lock must lock it with the ...Async calls.`,
		);
	}

	/** Locking has disarmed the handle: the queued waits must be served, so that they arm again. */
	protected serveSoon(queue = this.#queue): void {
		if (!queue.isEmpty) queueMicrotask(() => queue.serve());
	}

	protected endWaits(): void {
		this.#queue.close();
	}
}
