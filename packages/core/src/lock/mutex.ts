import type { Engine, EngineMutex } from "@libipc/protocol";
import { IpcError } from "@libipc/protocol";
import { invalid, show } from "../check/argument.ts";
import { warnOfOtherKind } from "../check/other_kind.ts";
import { checkHandle, clearHandle, type HandleOptions } from "./handle.ts";
import { type Holder, type Lock, NamedLock } from "./lock.ts";

/**
 * A lock with one owner at a time, across processes and Workers. It is robust: if the owner is killed, the next one gets the lock
 * within a second and learns of it ({@link LockGuard.ownerDied}). Locking a free mutex, and unlocking one that no other handle waits
 * for, makes no system call.
 *
 * The owner is the handle. The mutex is not recursive: if a thread that holds it locks it again, it gets `ERR_IPC_DEADLOCK`. With
 * `lockAsync` and `acquireAsync` the owner is the task: other tasks of the same handle wait until it unlocks.
 *
 * @example
 * import { Mutex, SharedMemory } from "libipc";
 *
 * using memory = SharedMemory.open("accounts", { size: 4096 });
 * using mutex = Mutex.open("accounts");
 * {
 *   using guard = mutex.acquire();
 *   if (guard.ownerDied) memory.words.fill(0); // repair what the killed owner left
 *   memory.words[0] = 10;
 * }
 */
export interface Mutex extends Lock {
	/** Whether this handle holds the lock. */
	readonly held: boolean;
}

/** Opens mutexes. */
export interface MutexFactory {
	/**
	 * Opens the mutex of this name. It is created if no handle is open on it.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_OPTIONS_MISMATCH`, `ERR_IPC_TOO_MANY_HANDLES`,
	 * `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`, `ERR_IPC_CORRUPT`, `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`,
	 * `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * using mutex = Mutex.open("accounts", { prefix: "shop" });
	 * console.log(mutex.held); // false
	 */
	open(name: string, options?: HandleOptions): Mutex;
	/**
	 * Removes the shared memory of a name. It does nothing if the name does not exist. Open handles get `ERR_IPC_ORPHANED`, and the
	 * next open creates the name again.
	 *
	 * @param options - `prefix`: as in {@link HandleOptions.prefix}.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_PERMISSION`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`,
	 * `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * Mutex.clear("accounts");
	 */
	clear(name: string, options?: { prefix?: string }): void;
}

/** The {@link Mutex} of every engine. */
export class NamedMutex extends NamedLock<EngineMutex> implements Mutex {
	readonly #isMutex = true;

	/** Not `instanceof`, which also accepts a Proxy of a mutex, and what has its prototype. */
	static is(value: unknown): value is NamedMutex {
		return value !== null && typeof value === "object" && #isMutex in value && value.#isMutex;
	}

	get held(): boolean {
		return this.engine.isHeld();
	}

	/** For a condition: unlocks. Returns the holder for {@link resume}. */
	suspend(): Holder {
		const holder = this.holder;
		this.unlock();
		return holder;
	}

	/** Locks again for the holder that {@link suspend} returned. */
	resume(holder: Holder): void {
		this.lockFor(holder, -1);
	}

	/** {@link resume}, but the event loop continues while it waits. */
	resumeAsync(holder: Holder): Promise<void> {
		return this.lockForAsync(holder);
	}
}

/** Checks that an argument is a mutex of this package, and that its handle holds the lock. */
export function checkHeldMutex(name: string, mutex: unknown): NamedMutex {
	if (!NamedMutex.is(mutex))
		throw invalid(
			name,
			`A condition waits with a mutex, as Mutex.open() of the same copy of libipc returns it, not with ${show(mutex)}.`,
		);
	if (mutex.held) return mutex;
	throw new IpcError(
		mutex.closed ? "ERR_IPC_CLOSED" : "ERR_IPC_NOT_OWNER",
		name,
		`The mutex "${mutex.name}" is not held by the handle that was passed. Lock it before you check what you wait for, and wait while you hold it.`,
	);
}

/** Makes `Mutex` of an API from its engine. */
export function createMutexFactory(engine: () => Engine): MutexFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle("mutex", name, options);
			const native = engine().openMutex(prefix, name, checked);
			warnOfOtherKind(engine(), "mutex", prefix, name);
			return new NamedMutex(engine(), "mutex", prefix, name, native);
		},
		clear: (name, options) => clearHandle(engine(), "mutex", name, options),
	};
}
