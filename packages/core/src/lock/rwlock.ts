import { type Engine, type EngineRwLock, WaitBits } from "@libipc/protocol";
import { checkTimeout } from "../check/argument.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type HandleOptions } from "./handle.ts";
import { Guard, type Lock, type LockGuard, NamedLock } from "./lock.ts";

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
export interface RwLock extends Lock {
	/** Locks for reading, together with other readers. What the calls of {@link Lock} are for writing, these are for reading. */
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
}

/** What a package exports as `RwLock`. */
export interface RwLockFactory {
	/** Opens the lock of this name, which is made if nobody has it open. Throws what `Mutex.open` throws. */
	open(name: string, options?: HandleOptions): RwLock;
	/** Removes what the name has in the system: whoever has it open gets `ERR_IPC_ORPHANED`, the next open makes it anew. */
	clear(name: string, options?: { prefix?: string }): void;
}

class NamedRwLock extends NamedLock<EngineRwLock> implements RwLock {
	readonly #readers: WaitQueue;
	/** How many readers of this handle were let in by calls that block the thread. */
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
		if (!this.got(this.engine.lockShared(timeout))) return false;
		this.#threadReads++;
		this.serveSoon(this.#readers);
		return true;
	}

	acquireShared(): LockGuard;
	acquireShared(options: WaitOptions | undefined): LockGuard | null;
	acquireShared(options?: WaitOptions): LockGuard | null {
		return this.lockShared(options) ? this.#guard(true) : null;
	}

	#guard(isThreads: boolean): LockGuard {
		let isOpen = true;
		return new Guard(this.ownerDied, isThreads, () => {
			if (!isOpen || this.closed) return;
			isOpen = false;
			this.#unlockShared(isThreads);
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

	#wait<Result>(options: AsyncWaitOptions | undefined, got: () => Result, timedOut: Result): Promise<Result> {
		if (this.isThreads()) return Promise.reject(this.deadlock());
		return this.waitFor(this.#readers, WaitBits.shared, options, this.#tryForTask, got, timedOut);
	}

	readonly #tryForTask = (): number => this.engine.lockShared(0);

	unlockShared(): void {
		this.#unlockShared(this.#threadReads > 0);
	}

	#unlockShared(isThreads: boolean): void {
		this.given(this.engine.unlockShared(), " for reading");
		if (isThreads) this.#threadReads--;
	}

	protected override isThreads(): boolean {
		return this.#threadReads > 0 || super.isThreads();
	}

	protected override endWaits(): void {
		super.endWaits();
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
