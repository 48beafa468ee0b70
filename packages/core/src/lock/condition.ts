import { type Engine, type EngineCondition, Status, WaitBits } from "@libipc/protocol";
import { checkAsyncWait, checkTimeout } from "../check/argument.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";
import { checkHeldMutex, type Mutex } from "./mutex.ts";

/**
 * Wait, across processes, until somebody says that something has changed. What changes is protected by a {@link Mutex}: it
 * is given back while one waits, and held again afterwards, so that no notification given in between is missed.
 *
 * A wait may also end without a notification: when a handle of the condition has died, which may have taken one with it.
 * So look at what you wait for in a loop.
 *
 * @example
 * using mutex = Mutex.open("box");
 * using filled = Condition.open("box-filled");
 * using guard = mutex.acquire();
 * while (box.isEmpty) filled.wait(mutex);
 * box.take();
 */
export interface Condition extends Handle {
	/**
	 * Gives `mutex`, which this thread holds, back, waits, and locks it again, however long that takes.
	 *
	 * @returns false: the time was up.
	 * @throws IpcError `ERR_IPC_NOT_OWNER`: the mutex is not held; what {@link Mutex.lock} throws: then it is not held
	 * afterwards; `ERR_IPC_TOO_MANY_WAITS`, `ERR_IPC_ORPHANED`, `ERR_IPC_CLOSED`, `ERR_IPC_INVALID_ARGUMENT`
	 */
	wait(mutex: Mutex, options?: WaitOptions): boolean;
	/** {@link wait} that lets the event loop go on. The mutex is held again when the promise settles, also when it was aborted. */
	waitAsync(mutex: Mutex, options?: AsyncWaitOptions): Promise<boolean>;
	/** Ends the wait that began first; the others sleep on. Answers how many there were: 0 or 1. Best called while the mutex is held. */
	notify(): number;
	/** Ends all waits and answers how many there were. */
	notifyAll(): number;
}

/** What a package exports as `Condition`. */
export interface ConditionFactory {
	/** Opens the condition of this name, which is made if nobody has it open. Throws what `Mutex.open` throws. */
	open(name: string, options?: HandleOptions): Condition;
	/** Removes what the name has in the system: waits end with `ERR_IPC_ORPHANED`, the next open makes it anew. */
	clear(name: string, options?: { prefix?: string }): void;
}

class NamedCondition extends NamedHandle<EngineCondition> implements Condition {
	readonly #line: WaitQueue;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineCondition) {
		super(engines, "condition", prefix, name, engine);
		this.#line = new WaitQueue(this.loop, engine, WaitBits.woken);
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
		checkAsyncWait(this.name, options)?.throwIfAborted();
		const held = checkHeldMutex(this.name, mutex);
		this.checkOpen();
		const wait = this.#check(this.engine.enter(this.loop.waker(this.engine)));
		const holder = held.suspend();
		const attempt = (): true | undefined => {
			const status = this.engine.sleep(wait, 0);
			return status === Status.timedOut ? undefined : this.#check(status) === 0 || undefined;
		};
		try {
			return await this.#line.wait<boolean>(this.name, options, attempt, {
				timedOut: false,
				closed: () => {
					throw this.closedError();
				},
				// Notified all the same: another is to have it.
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
		this.#line.close();
	}
}

/** Makes what a package exports as `Condition` out of its engine. */
export function createConditionFactory(engine: () => Engine): ConditionFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle(name, options);
			return new NamedCondition(engine(), prefix, name, engine().openCondition(prefix, name, checked));
		},
		clear: (name, options) => clearHandle(engine(), "condition", name, options),
	};
}
