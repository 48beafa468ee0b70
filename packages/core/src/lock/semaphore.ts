import { type Engine, type EngineSemaphore, IpcError, limits, Status, WaitBits } from "@libipc/protocol";
import { checkCount, checkInteger, invalid, show } from "../check/argument.ts";
import { checkTimeout } from "../check/call_options.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";

/** How a semaphore is opened. The process that opens a name first sets `initial` and `robust`, too. */
export interface SemaphoreOptions extends HandleOptions {
	/**
	 * How many permits the semaphore has at first: 0 to 2,147,483,647.
	 *
	 * @defaultValue `1`
	 */
	readonly initial?: number | undefined;
	/**
	 * Whether the permits of a handle come back when its process is killed (within a second) or when it is closed. A handle of a
	 * robust semaphore can release only permits that it holds. So a robust semaphore can limit, but it cannot signal.
	 *
	 * @defaultValue `false`
	 */
	readonly robust?: boolean | undefined;
}

/** A permit that was acquired: `using permit = semaphore.acquire()` releases it at the end of the block. */
export interface Permit extends Disposable {
	/**
	 * Releases the permit. A second call does nothing.
	 *
	 * @throws IpcError as {@link Semaphore.release}
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * using semaphore = Semaphore.open("connections", { initial: 10 });
	 * const permit = semaphore.acquire();
	 * permit.release();
	 * console.log(semaphore.permits); // 10
	 */
	release(): void;
}

/**
 * A number of permits, across processes and Workers. It limits how many tasks may do something at once, or counts how many things
 * there are.
 *
 * @example
 * import { Semaphore } from "libipc";
 *
 * using connections = Semaphore.open("connections", { initial: 10, robust: true });
 * using permit = await connections.acquireAsync();
 * console.log(connections.permits); // 9
 */
export interface Semaphore extends Handle {
	/**
	 * Takes a permit. Blocks the thread while there is none; {@link acquireAsync} does not. Release it with the returned object, or
	 * with {@link release}, but not with both.
	 *
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * using semaphore = Semaphore.open("connections", { initial: 10 });
	 * using permit = semaphore.acquire();
	 * console.log(semaphore.permits); // 9
	 */
	acquire(): Permit;
	/**
	 * {@link acquire} with a timeout.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link acquire}
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * using semaphore = Semaphore.open("connections", { initial: 0 });
	 * console.log(semaphore.acquire({ timeout: 10 })); // null
	 */
	acquire(options: WaitOptions | undefined): Permit | null;
	/**
	 * The same as {@link acquire}, but it never waits.
	 *
	 * @returns null if there is no permit.
	 * @throws IpcError as {@link acquire}
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * using semaphore = Semaphore.open("connections", { initial: 0 });
	 * console.log(semaphore.tryAcquire()); // null
	 */
	tryAcquire(): Permit | null;
	/**
	 * The same as {@link acquire}, but the event loop continues while it waits. Calls on one handle are served in the order in which
	 * they were made.
	 *
	 * @throws IpcError as {@link acquire}, as a rejection
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * using semaphore = Semaphore.open("connections", { initial: 10 });
	 * using permit = await semaphore.acquireAsync();
	 * console.log(semaphore.permits); // 9
	 */
	acquireAsync(): Promise<Permit>;
	/**
	 * {@link acquireAsync} with a timeout or a signal.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link acquire}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * using semaphore = Semaphore.open("connections", { initial: 0 });
	 * console.log(await semaphore.acquireAsync({ timeout: 10 })); // null
	 */
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<Permit | null>;
	/**
	 * Adds permits. As many waiting calls as there are permits continue.
	 *
	 * @param count - How many permits to add. Default: 1.
	 * @throws IpcError `ERR_IPC_OVERFLOW` if there would be more than 2,147,483,647 permits; `ERR_IPC_NOT_OWNER` if the semaphore is
	 * robust and this handle holds fewer than `count`: then nothing has changed; otherwise as {@link acquire}
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * using items = Semaphore.open("items", { initial: 0 });
	 * items.release(3);
	 * console.log(items.permits); // 3
	 */
	release(count?: number): void;
	/** How many permits are free now. */
	readonly permits: number;
	/**
	 * Of a robust semaphore: how many permits of killed processes have come back since it was created. The open that creates it
	 * counts those that a killed process held while no other handle was open.
	 */
	readonly recovered: number;
}

/** Opens semaphores. */
export interface SemaphoreFactory {
	/**
	 * Opens the semaphore of this name. It is created if no handle is open on it.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_OPTIONS_MISMATCH`, `ERR_IPC_TOO_MANY_HANDLES`,
	 * `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`, `ERR_IPC_CORRUPT`, `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`,
	 * `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * using semaphore = Semaphore.open("connections", { initial: 10, robust: true });
	 * console.log(semaphore.permits); // 10
	 */
	open(name: string, options?: SemaphoreOptions): Semaphore;
	/**
	 * Removes the shared memory of a name. It does nothing if the name does not exist. Open handles get `ERR_IPC_ORPHANED`, and the
	 * next open creates the name again.
	 *
	 * @param options - `prefix`: as in {@link HandleOptions.prefix}.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_PERMISSION`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`,
	 * `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Semaphore } from "libipc";
	 *
	 * Semaphore.clear("connections");
	 */
	clear(name: string, options?: { prefix?: string }): void;
}

class NamedPermit implements Permit {
	#semaphore: NamedSemaphore | undefined;

	constructor(semaphore: NamedSemaphore) {
		this.#semaphore = semaphore;
	}

	release(): void {
		const semaphore = this.#semaphore;
		if (semaphore === undefined) return;
		this.#semaphore = undefined;
		semaphore.releasePermit();
	}

	[Symbol.dispose](): void {
		this.release();
	}
}

class NamedSemaphore extends NamedHandle<EngineSemaphore> implements Semaphore {
	readonly #queue: WaitQueue;
	/** Whether the queue ever had waits: to ask the queue itself takes 0.8 ns more. */
	#wasQueued = false;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineSemaphore) {
		super(engines, "semaphore", prefix, name, engine);
		this.#queue = new WaitQueue(this.loop, engine, WaitBits.lock);
	}

	get permits(): number {
		return this.engine.permits();
	}

	get recovered(): number {
		return this.engine.recovered();
	}

	acquire(): Permit;
	acquire(options: WaitOptions | undefined): Permit | null;
	/**
	 * Without options there is always a permit. That path has no `null` in it: otherwise JavaScriptCore would allocate a permit
	 * also where the compiled code of `acquire().release()` and of `using` needs none, which takes 3 ns.
	 */
	acquire(options?: WaitOptions): Permit | null {
		if (options !== undefined) return this.#acquireWithin(checkTimeout(this.name, options));
		const status = this.engine.acquire(-1);
		if (status !== 0) throw this.failure(status);
		return this.#acquired();
	}

	tryAcquire(): Permit | null {
		return this.#acquireWithin(0);
	}

	#acquireWithin(timeout: number): Permit | null {
		const status = this.engine.acquire(timeout);
		if (status === Status.timedOut) return null;
		if (status !== 0) throw this.failure(status);
		return this.#acquired();
	}

	#acquired(): Permit {
		if (this.#wasQueued) this.#serveSoon();
		return new NamedPermit(this);
	}

	/** Of a permit. It does nothing if the handle is closed. */
	releasePermit(): void {
		const status = this.engine.release(1);
		if (status !== 0 && !this.closed) this.#notReleased(status, 1);
	}

	acquireAsync(): Promise<Permit>;
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<Permit | null>;
	acquireAsync(options?: AsyncWaitOptions): Promise<Permit | null> {
		if (this.closed) return Promise.reject(this.closedError());
		const attempt = (): Permit | undefined => {
			const status = this.engine.acquire(0);
			if (status === Status.timedOut) return undefined;
			if (status < 0) throw this.failure(status);
			return new NamedPermit(this);
		};
		this.#wasQueued = true;
		return this.#queue.wait<Permit | null>(this.name, options, attempt, {
			timedOut: () => null,
			closed: () => {
				throw this.closedError();
			},
			givenUp: () => this.engine.disarm(WaitBits.lock),
		});
	}

	release(count?: number): void {
		const permits = count === undefined ? 1 : checkCount(this.name, "count", count, 1, limits.maxPermits);
		const status = this.engine.release(permits);
		if (status !== 0) this.#notReleased(status, permits);
	}

	/** Acquiring has disarmed the handle: the queued waits must be served, so that they arm again. */
	#serveSoon(): void {
		if (!this.#queue.isEmpty) queueMicrotask(() => this.#queue.serve());
	}

	#notReleased(status: number, permits: number): never {
		if (status === Status.notOwner)
			throw new IpcError(
				"ERR_IPC_NOT_OWNER",
				this.name,
				`This handle does not hold ${permits} permits of ${this.what}, which is robust: a handle can release only permits that it holds. Nothing has changed.`,
			);
		if (status === Status.overflow)
			throw new IpcError(
				"ERR_IPC_OVERFLOW",
				this.name,
				`${permits} more permits are too many for ${this.what}: it can have ${limits.maxPermits}. Nothing has changed.`,
			);
		throw this.failure(status);
	}

	protected endWaits(): void {
		this.#queue.close();
	}
}

function checkRobust(name: string, robust: unknown): number {
	if (robust === undefined) return 0;
	if (typeof robust === "boolean") return robust ? 1 : 2;
	throw invalid(name, `robust must be true or false, not ${show(robust)}.`);
}

/** Makes `Semaphore` of an API from its engine. */
export function createSemaphoreFactory(engine: () => Engine): SemaphoreFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle("semaphore", name, options);
			const initial = options?.initial;
			const all = {
				...checked,
				initial: initial === undefined ? 0 : 1 + checkInteger(name, "initial", initial, 0, limits.maxPermits),
				robust: checkRobust(name, options?.robust),
			};
			return new NamedSemaphore(engine(), prefix, name, engine().openSemaphore(prefix, name, all));
		},
		clear: (name, options) => clearHandle(engine(), "semaphore", name, options),
	};
}
