import { type Engine, type EngineSemaphore, IpcError, limits, Status, WaitBits } from "@libipc/protocol";
import { checkCount, checkInteger, checkTimeout, invalid, show } from "../check/argument.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";

/** How a semaphore is opened. Whoever opens a name first fixes these, too. */
export interface SemaphoreOptions extends HandleOptions {
	/** How many permits there are at first: 0 to 2^31 - 1. Default 1. */
	readonly initial?: number | undefined;
	/**
	 * Whether the permits that a handle holds are given back when its process is killed (within a second) or when it is
	 * closed. In return only who holds permits can release them: such a semaphore limits, and cannot signal. Default false.
	 */
	readonly robust?: boolean | undefined;
}

/** A permit that was acquired: `using permit = semaphore.acquire()` releases it at the end of the block. */
export interface Permit extends Disposable {
	/** Releases it, once. */
	release(): void;
}

/**
 * A number of permits, across processes: how many may do something at once, or how many things are there.
 *
 * @example
 * using connections = Semaphore.open("connections", { initial: 10, robust: true });
 * using permit = await connections.acquireAsync();
 * await talkToTheDatabase();
 */
export interface Semaphore extends Handle {
	/**
	 * Takes a permit, waiting while there is none. It is released by what is answered, or by {@link release}, but not by both.
	 *
	 * @returns null: the time was up.
	 * @throws IpcError `ERR_IPC_ORPHANED`, `ERR_IPC_CLOSED`, `ERR_IPC_INVALID_ARGUMENT`
	 */
	acquire(): Permit;
	acquire(options: WaitOptions | undefined): Permit | null;
	/** {@link acquire} that never waits. */
	tryAcquire(): Permit | null;
	/** {@link acquire} that lets the event loop go on while it waits. Calls of one handle are served in their order. */
	acquireAsync(): Promise<Permit>;
	acquireAsync(options: AsyncWaitOptions | undefined): Promise<Permit | null>;
	/**
	 * Gives `count` permits, default 1, and lets as many go on that wait.
	 *
	 * @throws IpcError `ERR_IPC_OVERFLOW`: there would be more than 2^31 - 1; `ERR_IPC_NOT_OWNER`: it is robust and this handle
	 * holds fewer. Then nothing has changed.
	 */
	release(count?: number): void;
	/** How many are free now. */
	readonly permits: number;
	/** Of a robust one: how many permits were taken back from the dead since it was made. */
	readonly recovered: number;
}

/** What a package exports as `Semaphore`. */
export interface SemaphoreFactory {
	/** Opens the semaphore of this name, which is made if nobody has it open. Throws what `Mutex.open` throws. */
	open(name: string, options?: SemaphoreOptions): Semaphore;
	/** Removes what the name has in the system: whoever has it open gets `ERR_IPC_ORPHANED`, the next open makes it anew. */
	clear(name: string, options?: { prefix?: string }): void;
}

class NamedPermit implements Permit {
	#semaphore: NamedSemaphore | undefined;

	constructor(semaphore: NamedSemaphore) {
		this.#semaphore = semaphore;
	}

	release(): void {
		const semaphore = this.#semaphore;
		this.#semaphore = undefined;
		if (semaphore && !semaphore.closed) semaphore.release();
	}

	[Symbol.dispose](): void {
		this.release();
	}
}

class NamedSemaphore extends NamedHandle<EngineSemaphore> implements Semaphore {
	readonly #line: WaitQueue;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineSemaphore) {
		super(engines, "semaphore", prefix, name, engine);
		this.#line = new WaitQueue(this.loop, engine, WaitBits.lock);
	}

	get permits(): number {
		return this.engine.permits();
	}

	get recovered(): number {
		return this.engine.recovered();
	}

	acquire(): Permit;
	acquire(options: WaitOptions | undefined): Permit | null;
	acquire(options?: WaitOptions): Permit | null {
		return this.#acquire(checkTimeout(this.name, options));
	}

	tryAcquire(): Permit | null {
		return this.#acquire(0);
	}

	#acquire(timeout: number): Permit | null {
		const status = this.engine.acquire(timeout);
		if (status === Status.timedOut) return null;
		if (status < 0) throw this.failure(status);
		// What was armed for them is so no more: the permit was got without them.
		if (!this.#line.isEmpty) queueMicrotask(() => this.#line.serve());
		return new NamedPermit(this);
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
		return this.#line.wait<Permit | null>(this.name, options, attempt, {
			timedOut: null,
			closed: () => {
				throw this.closedError();
			},
			givenUp: () => this.engine.disarm(WaitBits.lock),
		});
	}

	release(count?: number): void {
		const permits = count === undefined ? 1 : checkCount(this.name, "count", count, 1, limits.maxPermits);
		const status = this.engine.release(permits);
		if (status === Status.notOwner)
			throw new IpcError(
				"ERR_IPC_NOT_OWNER",
				this.name,
				`This handle does not hold ${permits} permits of ${this.what}, which is robust: only who has acquired can release. Nothing has changed.`,
			);
		if (status === Status.overflow)
			throw new IpcError(
				"ERR_IPC_OVERFLOW",
				this.name,
				`${permits} more permits are too many for ${this.what}: it can have ${limits.maxPermits}. Nothing has changed.`,
			);
		if (status < 0) throw this.failure(status);
	}

	protected endWaits(): void {
		this.#line.close();
	}
}

function checkRobust(name: string, robust: unknown): number {
	if (robust === undefined) return 0;
	if (typeof robust === "boolean") return robust ? 1 : 2;
	throw invalid(name, `robust must be true or false, not ${show(robust)}.`);
}

/** Makes what a package exports as `Semaphore` out of its engine. */
export function createSemaphoreFactory(engine: () => Engine): SemaphoreFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle(name, options);
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
