import { type Engine, type EngineRwLock, WaitBits } from "@libipc/protocol";
import { checkTimeout } from "../check/call_options.ts";
import { warnOfOtherKind } from "../check/other_kind.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type HandleOptions } from "./handle.ts";
import { Guard, type Lock, type LockGuard, NamedLock } from "./lock.ts";

/**
 * A lock for many readers or one writer, across processes and Workers. A waiting writer keeps new readers out, so readers cannot
 * starve it. It is robust: a killed reader is removed within a second; if a writer is killed while it holds the lock, every
 * later owner learns of it ({@link LockGuard.ownerDied}) until a writer has unlocked.
 *
 * A thread that would have to wait for itself gets `ERR_IPC_DEADLOCK`. Tasks of an event loop wait for each other if they use the
 * calls that end in `Async`. The calls of {@link Lock} lock for writing.
 *
 * @example
 * import { RwLock } from "libipc";
 *
 * using lock = RwLock.open("catalogue");
 * {
 *   using guard = lock.acquireShared();
 *   console.log(lock.held); // shared
 * }
 * {
 *   using guard = lock.acquire();
 *   console.log(lock.held); // exclusive
 * }
 */
export interface RwLock extends Lock {
	/**
	 * Locks for reading. Blocks the thread while a writer holds the lock or waits for it; {@link lockSharedAsync} does not.
	 *
	 * @returns false if the time was up.
	 * @throws IpcError as {@link Lock.lock}
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * if (lock.lockShared({ timeout: 1000 })) lock.unlockShared();
	 */
	lockShared(options?: WaitOptions): boolean;
	/**
	 * The same as {@link lockShared}, but it never waits.
	 *
	 * @throws IpcError as {@link Lock.lock}
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * using writer = RwLock.open("catalogue");
	 * using guard = writer.acquire();
	 * console.log(lock.tryLockShared()); // false
	 */
	tryLockShared(): boolean;
	/**
	 * The same as {@link lockShared}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link Lock.lock}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * console.log(await lock.lockSharedAsync()); // true
	 * lock.unlockShared();
	 */
	lockSharedAsync(options?: AsyncWaitOptions): Promise<boolean>;
	/**
	 * The same as {@link lockShared}, but it returns a guard that unlocks.
	 *
	 * @throws IpcError as {@link Lock.lock}
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * using guard = lock.acquireShared();
	 * console.log(guard.ownerDied); // false
	 */
	acquireShared(): LockGuard;
	/**
	 * {@link acquireShared} with a timeout.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link Lock.lock}
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * using guard = lock.acquireShared({ timeout: 1000 });
	 * if (guard) console.log(lock.held); // shared
	 */
	acquireShared(options: WaitOptions | undefined): LockGuard | null;
	/**
	 * The same as {@link lockSharedAsync}, but it returns a guard that unlocks.
	 *
	 * @throws IpcError as {@link Lock.lock}, as a rejection
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * using guard = await lock.acquireSharedAsync();
	 * console.log(lock.held); // shared
	 */
	acquireSharedAsync(): Promise<LockGuard>;
	/**
	 * {@link acquireSharedAsync} with a timeout or a signal.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link Lock.lock}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * using guard = await lock.acquireSharedAsync({ timeout: 1000 });
	 * if (guard) console.log(lock.held); // shared
	 */
	acquireSharedAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	/**
	 * Ends one `lockShared`. Call it once for each time that the handle was locked for reading.
	 *
	 * @throws IpcError `ERR_IPC_NOT_OWNER` if this handle does not hold the lock for reading; otherwise as {@link Lock.unlock}
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * lock.lockShared();
	 * lock.unlockShared();
	 * console.log(lock.held); // none
	 */
	unlockShared(): void;

	/** How this handle holds the lock. */
	readonly held: "exclusive" | "shared" | "none";
}

/** Opens reader-writer locks. */
export interface RwLockFactory {
	/**
	 * Opens the reader-writer lock of this name. It is created if no handle is open on it.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_OPTIONS_MISMATCH`, `ERR_IPC_TOO_MANY_HANDLES`,
	 * `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`, `ERR_IPC_CORRUPT`, `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`,
	 * `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * using lock = RwLock.open("catalogue");
	 * console.log(lock.held); // none
	 */
	open(name: string, options?: HandleOptions): RwLock;
	/**
	 * Removes the shared memory of a name. It does nothing if the name does not exist. Open handles get `ERR_IPC_ORPHANED`, and the
	 * next open creates the name again.
	 *
	 * @param options - `prefix`: as in {@link HandleOptions.prefix}.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_PERMISSION`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`,
	 * `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { RwLock } from "libipc";
	 *
	 * RwLock.clear("catalogue");
	 */
	clear(name: string, options?: { prefix?: string }): void;
}

class NamedRwLock extends NamedLock<EngineRwLock> implements RwLock {
	readonly #readers: WaitQueue;
	/** How often calls that block the thread have locked this handle for reading. */
	#threadReads = 0;
	protected override readonly exclusively = " for writing";

	constructor(engines: Engine, prefix: string, name: string, engine: EngineRwLock) {
		super(engines, "rwlock", prefix, name, engine);
		this.#readers = new WaitQueue(this.loop, engine, WaitBits.shared);
	}

	get held(): "exclusive" | "shared" | "none" {
		const held = this.engine.held();
		return held < 0 ? "exclusive" : held > 0 ? "shared" : "none";
	}

	lockShared(options?: WaitOptions): boolean {
		return this.#lockShared(checkTimeout(this.name, options));
	}

	tryLockShared(): boolean {
		return this.#lockShared(0);
	}

	#lockShared(timeout: number): boolean {
		if (!this.checkAcquired(this.engine.lockShared(timeout))) return false;
		this.#threadReads++;
		this.serveSoon(this.#readers);
		return true;
	}

	acquireShared(): LockGuard;
	acquireShared(options: WaitOptions | undefined): LockGuard | null;
	acquireShared(options?: WaitOptions): LockGuard | null {
		return this.lockShared(options) ? this.#guard(true) : null;
	}

	#guard(heldByThread: boolean): LockGuard {
		let isOpen = true;
		return new Guard(this.ownerDied, heldByThread, () => {
			if (!isOpen || this.closed) return;
			isOpen = false;
			this.#unlockShared(heldByThread);
		});
	}

	lockSharedAsync(options?: AsyncWaitOptions): Promise<boolean> {
		return this.#wait<boolean>(options, () => true, false);
	}

	acquireSharedAsync(): Promise<LockGuard>;
	acquireSharedAsync(options: AsyncWaitOptions | undefined): Promise<LockGuard | null>;
	acquireSharedAsync(options?: AsyncWaitOptions): Promise<LockGuard | null> {
		return this.#wait<LockGuard | null>(options, () => this.#guard(false), null);
	}

	#wait<Result>(options: AsyncWaitOptions | undefined, onAcquired: () => Result, timedOut: Result): Promise<Result> {
		if (this.isHeldByThread()) return Promise.reject(this.deadlock());
		return this.waitFor(this.#readers, WaitBits.shared, options, this.#tryForTask, onAcquired, timedOut);
	}

	readonly #tryForTask = (): number => this.engine.lockShared(0);

	unlockShared(): void {
		this.#unlockShared(this.#threadReads > 0);
	}

	#unlockShared(heldByThread: boolean): void {
		this.checkReleased(this.engine.unlockShared(), " for reading");
		if (heldByThread) this.#threadReads--;
	}

	protected override isHeldByThread(): boolean {
		return this.#threadReads > 0 || super.isHeldByThread();
	}

	protected override endWaits(): void {
		super.endWaits();
		this.#readers.close();
	}
}

/** Makes `RwLock` of an API from its engine. */
export function createRwLockFactory(engine: () => Engine): RwLockFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle("rwlock", name, options);
			const native = engine().openRwLock(prefix, name, checked);
			warnOfOtherKind(engine(), "rwlock", prefix, name);
			return new NamedRwLock(engine(), prefix, name, native);
		},
		clear: (name, options) => clearHandle(engine(), "rwlock", name, options),
	};
}
