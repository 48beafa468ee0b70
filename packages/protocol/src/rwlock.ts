import { checkTimeout } from "./argument.ts";
import type { AsyncWaitOptions, WaitOptions } from "./endpoint.ts";
import { type Engine, type EngineRwLock, EngineWait, OWNER_DIED, Status } from "./engine.ts";
import { IpcError } from "./error.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";
import { deadlock, Guard, type LockGuard } from "./mutex.ts";
import { WaitLine } from "./wait_line.ts";

/**
 * Many readers or one writer, across processes. A writer that waits keeps new readers out, so readers cannot starve it.
 * Robust: a killed reader is forgotten within a second; if a writer is killed inside, everybody who locks is told
 * (`ownerDied`) until a writer has unlocked.
 *
 * A thread that would have to wait for itself gets `ERR_IPC_DEADLOCK`. Tasks of an event loop wait for each other if they
 * lock with the `…Async` forms.
 *
 * @example
 * using lock = RwLock.open("catalogue");
 * {
 *   using guard = lock.acquireShared();
 *   lookUp();
 * }
 * {
 *   using guard = lock.acquire();
 *   if (guard.ownerDied) rebuild();
 *   update();
 * }
 */
export interface RwLock extends Handle {
	/**
	 * Locks for writing.
	 *
	 * @returns false: the time was up.
	 * @throws IpcError as `Mutex.lock`
	 */
	lock(options?: WaitOptions): boolean;
	/** {@link lock} that never waits. */
	tryLock(): boolean;
	/** {@link lock} that lets the event loop go on while it waits. */
	lockAsync(options?: AsyncWaitOptions): Promise<boolean>;
	/** {@link lock} with a guard that unlocks. null: the time was up. */
	acquire(): LockGuard;
	acquire(options: WaitOptions | undefined): LockGuard | null;
	acquireAsync(): Promise<LockGuard>;
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	/** Ends writing. Throws `ERR_IPC_NOT_OWNER` if this handle does not write. */
	unlock(): void;

	/** Locks for reading, together with other readers. What {@link lock} is for writing, the next four are for reading. */
	lockShared(options?: WaitOptions): boolean;
	tryLockShared(): boolean;
	lockSharedAsync(options?: AsyncWaitOptions): Promise<boolean>;
	acquireShared(): LockGuard;
	acquireShared(options: WaitOptions | undefined): LockGuard | null;
	acquireSharedAsync(): Promise<LockGuard>;
	acquireSharedAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	/** Ends reading, once for each time it was locked. Throws `ERR_IPC_NOT_OWNER` if this handle does not read. */
	unlockShared(): void;

	/** How this handle holds it. */
	readonly held: "exclusive" | "shared" | "none";
	/** Whether, when this handle got it last, a writer had died inside and no other had unlocked since. */
	readonly ownerDied: boolean;
	/** Ends writing for good: see `Mutex.markUnusable`. Readers inside are not disturbed. */
	markUnusable(): void;
}

/** What a package exports as `RwLock`. */
export interface RwLockFactory {
	/** Opens the lock of this name, which is made if nobody has it open. Throws what `Mutex.open` throws. */
	open(name: string, options?: HandleOptions): RwLock;
	/** Removes what the name has in the system: whoever has it open gets `ERR_IPC_ORPHANED`, the next open makes it anew. */
	clear(name: string, options?: { prefix?: string }): void;
}

class NamedRwLock extends NamedHandle<EngineRwLock> implements RwLock {
	readonly #writers: WaitLine;
	readonly #readers: WaitLine;
	/** Who writes through this handle, if it does; and how many of its readers were let in by calls that block the thread. */
	#writer: Guard | "thread" | "task" | undefined;
	#threadReads = 0;
	#ownerDied = false;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineRwLock) {
		super(engines, "rwlock", prefix, name, engine);
		this.#writers = new WaitLine(this.loop, engine, EngineWait.lock);
		this.#readers = new WaitLine(this.loop, engine, EngineWait.shared);
	}

	get held(): "exclusive" | "shared" | "none" {
		const held = this.engine.held();
		return held < 0 ? "exclusive" : held > 0 ? "shared" : "none";
	}

	get ownerDied(): boolean {
		return this.#ownerDied;
	}

	lock(options?: WaitOptions): boolean {
		return this.#lock(checkTimeout(this.name, options));
	}

	tryLock(): boolean {
		return this.#lock(0);
	}

	#lock(timeout: number): boolean {
		if (!this.#got(this.engine.lock(timeout, false))) return false;
		this.#writer = "thread";
		this.#serveSoon();
		return true;
	}

	acquire(): LockGuard;
	acquire(options: WaitOptions | undefined): LockGuard | null;
	acquire(options?: WaitOptions): LockGuard | null {
		return this.lock(options) ? this.#guardWriter(true) : null;
	}

	#guardWriter(isThreads: boolean): LockGuard {
		const guard = new Guard(this.#ownerDied, isThreads, this.#releaseWriter);
		this.#writer = guard;
		return guard;
	}

	readonly #releaseWriter = (guard: Guard): void => {
		// Unlocked by hand, or lost with the handle.
		if (this.#writer === guard && !this.closed) this.unlock();
	};

	lockAsync(options?: AsyncWaitOptions): Promise<boolean> {
		return this.#waitToWrite<boolean>(options, () => this.#setWriter("task"), false);
	}

	#setWriter(writer: "task"): true {
		this.#writer = writer;
		return true;
	}

	acquireAsync(): Promise<LockGuard>;
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	acquireAsync(options?: AsyncWaitOptions): Promise<LockGuard | null> {
		return this.#waitToWrite<LockGuard | null>(options, () => this.#guardWriter(false), null);
	}

	#waitToWrite<Result>(options: AsyncWaitOptions | undefined, got: () => Result, timedOut: Result): Promise<Result> {
		return this.#wait(this.#writers, EngineWait.lock, options, () => this.engine.lock(0, true), got, timedOut);
	}

	unlock(): void {
		this.#given(this.engine.unlock(), "write to");
		this.#writer = undefined;
	}

	markUnusable(): void {
		this.#given(this.engine.markUnusable(), "write to");
		this.#writer = undefined;
	}

	lockShared(options?: WaitOptions): boolean {
		return this.#lockShared(checkTimeout(this.name, options));
	}

	tryLockShared(): boolean {
		return this.#lockShared(0);
	}

	#lockShared(timeout: number): boolean {
		if (!this.#got(this.engine.lockShared(timeout))) return false;
		this.#threadReads++;
		this.#serveSoon();
		return true;
	}

	acquireShared(): LockGuard;
	acquireShared(options: WaitOptions | undefined): LockGuard | null;
	acquireShared(options?: WaitOptions): LockGuard | null {
		return this.lockShared(options) ? this.#guardReader(true) : null;
	}

	#guardReader(isThreads: boolean): LockGuard {
		let isOpen = true;
		return new Guard(this.#ownerDied, isThreads, () => {
			if (!isOpen || this.closed) return;
			isOpen = false;
			this.#unlockShared(isThreads);
		});
	}

	lockSharedAsync(options?: AsyncWaitOptions): Promise<boolean> {
		return this.#waitToRead<boolean>(options, () => true, false);
	}

	acquireSharedAsync(): Promise<LockGuard>;
	acquireSharedAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	acquireSharedAsync(options?: AsyncWaitOptions): Promise<LockGuard | null> {
		return this.#waitToRead<LockGuard | null>(options, () => this.#guardReader(false), null);
	}

	#waitToRead<Result>(options: AsyncWaitOptions | undefined, got: () => Result, timedOut: Result): Promise<Result> {
		return this.#wait(this.#readers, EngineWait.shared, options, () => this.engine.lockShared(0), got, timedOut);
	}

	unlockShared(): void {
		this.#unlockShared(this.#threadReads > 0);
	}

	#unlockShared(isThreads: boolean): void {
		this.#given(this.engine.unlockShared(), "read");
		if (isThreads) this.#threadReads--;
	}

	/** Whether the answer of a lock means that it is held. */
	#got(status: number): boolean {
		if (status === Status.timedOut) return false;
		if (status < 0) throw status === Status.deadlock ? deadlock(this.name, this.what) : this.failure(status);
		this.#ownerDied = status === OWNER_DIED;
		return true;
	}

	#given(status: number, what: "read" | "write to"): void {
		if (status === 0) return;
		if (status !== Status.notOwner) throw this.failure(status);
		throw new IpcError(
			"ERR_IPC_NOT_OWNER",
			this.name,
			`This handle does not hold ${this.what} to ${what === "read" ? "read" : "write"}: it was never locked so here, or has been unlocked since. Nothing has changed.`,
		);
	}

	/** A call that blocks the thread cannot wait for what the thread holds; nor can what it calls. */
	#isThreads(): boolean {
		const writer = this.#writer;
		return this.#threadReads > 0 || writer === "thread" || (writer instanceof Guard && writer.isThreads);
	}

	#wait<Result>(
		line: WaitLine,
		what: number,
		options: AsyncWaitOptions | undefined,
		lock: () => number,
		got: () => Result,
		timedOut: Result,
	): Promise<Result> {
		if (this.closed) return Promise.reject(this.closedError());
		if (this.#isThreads()) return Promise.reject(deadlock(this.name, this.what));
		const attempt = (): Result | undefined => {
			const status = lock();
			// Held by another task of this handle: that one will unlock.
			return status === Status.deadlock || !this.#got(status) ? undefined : got();
		};
		return line.wait<Result>(this.name, options, attempt, {
			timedOut,
			closed: () => {
				throw this.closedError();
			},
			givenUp: () => this.engine.disarm(what),
		});
	}

	/** Who waits in the event loop is no longer armed: the lock was got without them. */
	#serveSoon(): void {
		if (this.#writers.isEmpty && this.#readers.isEmpty) return;
		queueMicrotask(() => {
			if (!this.#writers.isEmpty) this.#writers.serve();
			if (!this.#readers.isEmpty) this.#readers.serve();
		});
	}

	protected endWaits(): void {
		this.#writers.close();
		this.#readers.close();
	}
}

/** Makes what a package exports as `RwLock` out of its engine. */
export function createRwLockFactory(engine: () => Engine): RwLockFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle(name, options);
			return new NamedRwLock(engine(), prefix, name, engine().openRwLock(prefix, name, checked));
		},
		clear: (name, options) => clearHandle(engine(), "rwlock", name, options),
	};
}
