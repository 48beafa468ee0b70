import { checkBag, checkSignal, checkTimeout, invalid, show } from "./argument.ts";
import type { AsyncWaitOptions, WaitOptions } from "./endpoint.ts";
import { type Engine, type EngineMutex, EngineWait, OWNER_DIED, Status } from "./engine.ts";
import { IpcError } from "./error.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";
import { WaitLine } from "./wait_line.ts";

/** A lock that is held until the end of the block: `using guard = mutex.acquire()`. */
export interface LockGuard extends Disposable {
	/**
	 * Whether the last owner died, or closed its handle, while it held the lock: what the lock protects may be half
	 * changed. Put it right; if that cannot be done, `markUnusable()`.
	 */
	readonly ownerDied: boolean;
	/** Unlocks, if this guard still holds the lock. The end of a `using` block does so. */
	release(): void;
}

/**
 * One at a time, across processes and Workers. Robust: if its owner is killed, the next one gets it within a second and is
 * told. Free, and given back with nobody waiting, it makes no system call.
 *
 * The owner is the handle. It is not recursive: a second lock by a thread that holds it would never end, and throws
 * `ERR_IPC_DEADLOCK`. Of `lockAsync` and `acquireAsync` the owner is the task: other tasks of the same handle wait
 * their turn like everybody else.
 *
 * @example
 * using mutex = Mutex.open("accounts");
 * {
 *   using guard = mutex.acquire();
 *   if (guard.ownerDied) repair();
 *   transfer();
 * }
 */
export interface Mutex extends Handle {
	/**
	 * Locks, waiting while somebody else holds it.
	 *
	 * @returns false: the time was up.
	 * @throws IpcError `ERR_IPC_DEADLOCK`: this thread holds it; `ERR_IPC_UNUSABLE`, `ERR_IPC_ORPHANED`,
	 * `ERR_IPC_CLOSED`, `ERR_IPC_INVALID_ARGUMENT`
	 */
	lock(options?: WaitOptions): boolean;
	/** {@link lock} that never waits. */
	tryLock(): boolean;
	/** {@link lock} that lets the event loop go on while it waits. Calls of one handle are served in their order. */
	lockAsync(options?: AsyncWaitOptions): Promise<boolean>;
	/** {@link lock} with a guard that unlocks. null: the time was up. */
	acquire(): LockGuard;
	acquire(options: WaitOptions | undefined): LockGuard | null;
	/** {@link lockAsync} with a guard that unlocks. null: the time was up. */
	acquireAsync(): Promise<LockGuard>;
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	/**
	 * Gives it to the next.
	 *
	 * @throws IpcError `ERR_IPC_NOT_OWNER` if this handle does not hold it
	 */
	unlock(): void;
	/** Whether this handle holds it. */
	readonly held: boolean;
	/** Whether, when this handle got it last, the owner before had died: see {@link LockGuard.ownerDied}. */
	readonly ownerDied: boolean;
	/**
	 * Unlocks for good: everybody who locks from now on, or waits, gets `ERR_IPC_UNUSABLE`, until all have closed it or the
	 * name was cleared. For an owner that was told of a death and cannot put things right.
	 *
	 * @throws IpcError `ERR_IPC_NOT_OWNER` if this handle does not hold it
	 */
	markUnusable(): void;
}

/** What a package exports as `Mutex`. */
export interface MutexFactory {
	/**
	 * Opens the mutex of this name, which is made if nobody has it open.
	 *
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_OPTIONS_MISMATCH`,
	 * `ERR_IPC_TOO_MANY_HANDLES`, `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`, `ERR_IPC_CORRUPT`,
	 * `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`, `ERR_IPC_SYSTEM`
	 */
	open(name: string, options?: HandleOptions): Mutex;
	/** Removes what the name has in the system: whoever has it open gets `ERR_IPC_ORPHANED`, the next open makes it anew. */
	clear(name: string, options?: { prefix?: string }): void;
}

/** Who holds it through this handle: the thread that locked it, a task of it, or whoever has a guard. */
type Holder = "nobody" | "thread" | "task" | Guard;

/** What unlocks when it is disposed of. */
export class Guard implements LockGuard {
	readonly ownerDied: boolean;
	readonly #release: (guard: Guard) => void;
	/** Whether it was got by a call that blocked the thread, which then cannot wait for itself. */
	readonly isThreads: boolean;

	constructor(ownerDied: boolean, isThreads: boolean, release: (guard: Guard) => void) {
		this.ownerDied = ownerDied;
		this.isThreads = isThreads;
		this.#release = release;
	}

	release(): void {
		this.#release(this);
	}

	[Symbol.dispose](): void {
		this.#release(this);
	}
}

/** `ERR_IPC_DEADLOCK`. */
export function deadlock(name: string, what: string): IpcError {
	return new IpcError(
		"ERR_IPC_DEADLOCK",
		name,
		`This thread holds ${what} already, so waiting for it here would never end: locks are not recursive. Unlock it first; tasks of an event loop that take turns must all lock with lockAsync or acquireAsync.`,
	);
}

/** The {@link Mutex} of every engine. */
export class NamedMutex extends NamedHandle<EngineMutex> implements Mutex {
	readonly #line: WaitLine;
	#holder: Holder = "nobody";
	#ownerDied = false;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineMutex) {
		super(engines, "mutex", prefix, name, engine);
		this.#line = new WaitLine(this.loop, engine, EngineWait.lock);
	}

	get held(): boolean {
		return this.engine.isHeld();
	}

	get ownerDied(): boolean {
		return this.#ownerDied;
	}

	lock(options?: WaitOptions): boolean {
		return this.#lock(checkTimeout(this.name, options), "thread");
	}

	tryLock(): boolean {
		return this.#lock(0, "thread");
	}

	acquire(): LockGuard;
	acquire(options: WaitOptions | undefined): LockGuard | null;
	acquire(options?: WaitOptions): LockGuard | null {
		if (!this.#lock(checkTimeout(this.name, options), "thread")) return null;
		return this.#guard(true);
	}

	#guard(isThreads: boolean): LockGuard {
		const guard = new Guard(this.#ownerDied, isThreads, this.#release);
		this.#holder = guard;
		return guard;
	}

	readonly #release = (guard: Guard): void => {
		// Unlocked by hand, or lost with the handle.
		if (this.#holder === guard && !this.closed) this.unlock();
	};

	#lock(timeout: number, holder: Holder): boolean {
		const status = this.engine.lock(timeout);
		if (status < 0) {
			if (status === Status.timedOut) return false;
			throw status === Status.deadlock ? deadlock(this.name, this.what) : this.failure(status);
		}
		this.#got(status, holder);
		// Who waits in the event loop is no longer armed: the lock was got without them.
		if (!this.#line.isEmpty) queueMicrotask(() => this.#line.serve());
		return true;
	}

	#got(status: number, holder: Holder): true {
		this.#holder = holder;
		this.#ownerDied = status === OWNER_DIED;
		return true;
	}

	lockAsync(options?: AsyncWaitOptions): Promise<boolean> {
		return this.#wait(options, (status) => this.#got(status, "task"), false);
	}

	acquireAsync(): Promise<LockGuard>;
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	acquireAsync(options?: AsyncWaitOptions): Promise<LockGuard | null> {
		return this.#wait<LockGuard | null>(
			options,
			(status) => {
				this.#got(status, "task");
				return this.#guard(false);
			},
			null,
		);
	}

	#isThreads(): boolean {
		const holder = this.#holder;
		return holder === "thread" || (holder instanceof Guard && holder.isThreads);
	}

	#wait<Result>(options: AsyncWaitOptions | undefined, got: (status: number) => Result, timedOut: Result) {
		if (this.#isThreads() && this.held) return Promise.reject(deadlock(this.name, this.what));
		return this.#waitInLine(options, got, timedOut);
	}

	#waitInLine<Result>(options: AsyncWaitOptions | undefined, got: (status: number) => Result, timedOut: Result) {
		if (this.closed) return Promise.reject(this.closedError());
		const attempt = (): Result | undefined => {
			const status = this.engine.lock(0);
			if (status >= 0) return got(status);
			// Held by another task of this handle: that one will unlock.
			if (status === Status.timedOut || status === Status.deadlock) return undefined;
			throw this.failure(status);
		};
		return this.#line.wait<Result>(this.name, options, attempt, {
			timedOut,
			closed: () => {
				throw this.closedError();
			},
			givenUp: () => this.engine.disarm(EngineWait.lock),
		});
	}

	unlock(): void {
		const status = this.engine.unlock();
		if (status !== 0) throw this.#notOwner(status);
		this.#holder = "nobody";
	}

	markUnusable(): void {
		const status = this.engine.markUnusable();
		if (status !== 0) throw this.#notOwner(status);
		this.#holder = "nobody";
	}

	#notOwner(status: number): IpcError {
		if (status !== Status.notOwner) return this.failure(status);
		return new IpcError(
			"ERR_IPC_NOT_OWNER",
			this.name,
			`This handle does not hold ${this.what}: it was never locked here, or has been unlocked since. Nothing has changed.`,
		);
	}

	/** For a condition: unlocks, and answers who is to have it again. */
	suspend(): unknown {
		const holder = this.#holder;
		this.unlock();
		return holder;
	}

	/** Locks again for whom {@link suspend} answered. */
	resume(holder: unknown): void {
		this.#lock(-1, holder as Holder);
	}

	/** {@link resume} that lets the event loop go on. */
	async resumeAsync(holder: unknown): Promise<void> {
		await this.#waitInLine(undefined, (status) => this.#got(status, holder as Holder), true);
	}

	protected endWaits(): void {
		this.#line.close();
	}
}

/** Checks that an argument is a mutex of this package that this handle holds. */
export function checkHeldMutex(name: string, mutex: unknown): NamedMutex {
	if (!(mutex instanceof NamedMutex))
		throw invalid(name, `A condition waits with a mutex, as Mutex.open() answers it, not with ${show(mutex)}.`);
	if (mutex.held) return mutex;
	throw new IpcError(
		mutex.closed ? "ERR_IPC_CLOSED" : "ERR_IPC_NOT_OWNER",
		name,
		`The mutex "${mutex.name}" is not held by the handle it was given as. Lock it before you look at what you wait for, and wait while you hold it.`,
	);
}

/** Checks the options of an asynchronous wait that has something to undo; answers the signal. */
export function checkAsyncWait(name: string, options: AsyncWaitOptions | undefined): AbortSignal | undefined {
	checkTimeout(name, checkBag(name, options, "{ timeout: 100, signal }"));
	return checkSignal(name, options?.signal);
}

/** Makes what a package exports as `Mutex` out of its engine. */
export function createMutexFactory(engine: () => Engine): MutexFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle(name, options);
			return new NamedMutex(engine(), prefix, name, engine().openMutex(prefix, name, checked));
		},
		clear: (name, options) => clearHandle(engine(), "mutex", name, options),
	};
}
