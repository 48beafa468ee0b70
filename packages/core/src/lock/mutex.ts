import type { Engine, EngineMutex } from "@libipc/protocol";
import { IpcError } from "@libipc/protocol";
import { invalid, show } from "../check/argument.ts";
import { checkHandle, clearHandle, type HandleOptions } from "./handle.ts";
import { type Holder, type Lock, NamedLock } from "./lock.ts";

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
export interface Mutex extends Lock {
	/** Whether this handle holds it. */
	readonly held: boolean;
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

/** The {@link Mutex} of every engine. */
export class NamedMutex extends NamedLock<EngineMutex> implements Mutex {
	get held(): boolean {
		return this.engine.isHeld();
	}

	/** For a condition: unlocks, and answers who is to have it again. */
	suspend(): Holder {
		const holder = this.holder;
		this.unlock();
		return holder;
	}

	/** Locks again for whom {@link suspend} answered. */
	resume(holder: Holder): void {
		this.lockFor(holder, -1);
	}

	/** {@link resume} that lets the event loop go on. */
	resumeAsync(holder: Holder): Promise<void> {
		return this.lockForAsync(holder);
	}
}

/** Checks that an argument is a mutex of this package that its handle holds. */
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

/** Makes what a package exports as `Mutex` out of its engine. */
export function createMutexFactory(engine: () => Engine): MutexFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle(name, options);
			return new NamedMutex(engine(), "mutex", prefix, name, engine().openMutex(prefix, name, checked));
		},
		clear: (name, options) => clearHandle(engine(), "mutex", name, options),
	};
}
