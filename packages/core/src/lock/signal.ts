import { type Engine, type EngineSignal, Status, WaitBits } from "@libipc/protocol";
import { checkCount, invalid, show } from "../check/argument.ts";
import { checkIteration, checkTimeout } from "../check/call_options.ts";
import type { AsyncWaitOptions, IterationOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitIterator } from "../wait/wait_iterator.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";

/** How a Signal is opened. */
export interface SignalOptions extends HandleOptions {
	/**
	 * Whether this handle is notified by others. A handle listens from its open on, also before its first wait. With `false`, it can
	 * only notify, and `notify` of other handles does not count it.
	 *
	 * @defaultValue `true`
	 */
	readonly listen?: boolean | undefined;
}

/**
 * A doorbell without a message: it wakes the other handles of the name, across processes and Workers, and says why, by one of 64
 * ids. It can be iterated with `for await`.
 *
 * Each handle has its own pending ids. {@link notify} adds ids to those of all other handles, and a wait takes one. If an id is
 * notified again before a handle has taken it, that handle gets it once. So a handle gets each id at least once after its last
 * notification, and what the notifier wrote before that is visible then. No handle waits for another one: a process that is stopped,
 * or never waits, delays nobody.
 *
 * @example
 * import { Signal } from "libipc";
 *
 * const RELOAD = 0;
 * const STOP = 1;
 *
 * using control = Signal.open("control", { listen: false }); // in one process
 * using signal = Signal.open("control"); // in each of the others
 * console.log(control.notify(RELOAD, STOP)); // 1
 * let reloads = 0;
 * for await (const id of signal) {
 *   if (id === RELOAD) reloads++;
 *   if (id === STOP) break;
 * }
 * console.log(reloads); // 1
 */
export interface Signal extends Handle, AsyncIterable<number> {
	/**
	 * Notifies all other handles of the name that listen. It never waits. If this process is killed during the call, some of the
	 * handles are notified, or none, or all.
	 *
	 * @param id - What the others get: 0 to 63.
	 * @param more - More ids.
	 * @returns How many handles it has notified. A handle whose process was killed counts until its death is noticed: within a second,
	 * if a handle of the name notifies or waits meanwhile.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control");
	 * using other = Signal.open("control");
	 * console.log(signal.notify(3)); // 1
	 * console.log(signal.tryWait(), other.tryWait()); // null 3
	 */
	notify(id: number, ...more: number[]): number;
	/**
	 * Takes a pending id. Blocks the thread while there is none; {@link waitAsync} does not. If several ids are pending, it takes
	 * them in turn, from the one after the id that was taken last.
	 *
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`, also if it was opened with `listen: false`; `ERR_IPC_ORPHANED` if the name was
	 * removed and no id is pending; `ERR_IPC_CLOSED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control");
	 * using other = Signal.open("control");
	 * other.notify(7);
	 * console.log(signal.wait()); // 7
	 */
	wait(): number;
	/**
	 * {@link wait} with a timeout.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link wait}
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control");
	 * console.log(signal.wait({ timeout: 10 })); // null
	 */
	wait(options: WaitOptions | undefined): number | null;
	/**
	 * The same as {@link wait}, but it never waits.
	 *
	 * @returns null if no id is pending.
	 * @throws IpcError as {@link wait}
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control");
	 * console.log(signal.tryWait()); // null
	 */
	tryWait(): number | null;
	/**
	 * The same as {@link wait}, but the event loop continues while it waits. Each id goes to one call: to the one that was made first.
	 *
	 * @throws IpcError as {@link wait}, as a rejection
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control");
	 * using other = Signal.open("control");
	 * const id = signal.waitAsync();
	 * other.notify(7);
	 * console.log(await id); // 7
	 */
	waitAsync(): Promise<number>;
	/**
	 * {@link waitAsync} with a timeout or a signal.
	 *
	 * @returns null if the time was up.
	 * @throws IpcError as {@link wait}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control");
	 * console.log(await signal.waitAsync({ timeout: 10 })); // null
	 */
	waitAsync(options: AsyncWaitOptions | undefined): Promise<number | null>;
	/**
	 * Iterates over the ids, as `for await` over the Signal itself does, until the handle is closed. An abort of the `signal` ends the
	 * iteration with its reason.
	 *
	 * @throws IpcError as {@link wait}; or the reason of the aborted `signal`
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control");
	 * try {
	 *   for await (const id of signal.ids({ signal: AbortSignal.timeout(10) })) console.log(id);
	 * } catch (error) {
	 *   if (error instanceof Error) console.log(error.name); // TimeoutError
	 * }
	 */
	ids(options?: IterationOptions): AsyncIterableIterator<number>;
	/**
	 * Has the waits of this handle keep the process alive again, after {@link unref}.
	 *
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control").unref();
	 * signal.ref();
	 */
	ref(): this;
	/**
	 * Lets the process end although this handle has asynchronous waits.
	 *
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control").unref();
	 */
	unref(): this;
}

/** Opens Signals. */
export interface SignalFactory {
	/**
	 * Opens the Signal of this name. It is created if no handle is open on it. What was notified before is not pending.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_OPTIONS_MISMATCH`, `ERR_IPC_TOO_MANY_HANDLES`,
	 * `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`, `ERR_IPC_CORRUPT`, `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`,
	 * `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * using signal = Signal.open("control");
	 * console.log(signal.tryWait()); // null
	 */
	open(name: string, options?: SignalOptions): Signal;
	/**
	 * Removes the shared memory of a name. It does nothing if the name does not exist. Open handles get `ERR_IPC_ORPHANED` when
	 * they have taken what is pending, and the next open creates the name again.
	 *
	 * @param options - `prefix`: as in {@link HandleOptions.prefix}.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_PERMISSION`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`,
	 * `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { Signal } from "libipc";
	 *
	 * Signal.clear("control");
	 */
	clear(name: string, options?: { prefix?: string }): void;
}

const LAST_ID = 63;

class NamedSignal extends NamedHandle<EngineSignal> implements Signal {
	readonly #queue: WaitQueue;
	readonly #listens: boolean;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineSignal, listens: boolean) {
		super(engines, "signal", prefix, name, engine);
		this.#queue = new WaitQueue(this.loop, engine, WaitBits.lock);
		this.#listens = listens;
	}

	notify(id: number, ...more: number[]): number {
		if (more.length > 0 || typeof id !== "number" || (id | 0) !== id || id < 0 || id > LAST_ID)
			return this.#notifyEach([id, ...more]);
		// One id, without a loop: the loop takes longer than all the rest.
		return this.#notified(id < 32 ? this.engine.notify(1 << id, 0) : this.engine.notify(0, 1 << id));
	}

	#notifyEach(ids: readonly unknown[]): number {
		let low = 0;
		let high = 0;
		for (const id of ids) {
			const checked = checkCount(this.name, "id", id, 0, LAST_ID);
			if (checked < 32) low |= 1 << checked;
			else high |= 1 << checked;
		}
		return this.#notified(this.engine.notify(low, high));
	}

	#notified(status: number): number {
		if (status < 0) throw this.failure(status);
		return status;
	}

	wait(): number;
	wait(options: WaitOptions | undefined): number | null;
	wait(options?: WaitOptions): number | null {
		return this.#waitFor(checkTimeout(this.name, options));
	}

	tryWait(): number | null {
		return this.#waitFor(0);
	}

	#waitFor(timeout: number): number | null {
		const id = this.engine.wait(timeout);
		if (id >= 0) return id;
		if (id === Status.timedOut) return null;
		throw this.#waitFailure(id);
	}

	readonly #take = (): number | undefined => {
		const id = this.engine.wait(0);
		if (id >= 0) return id;
		if (id === Status.timedOut) return undefined;
		throw this.#waitFailure(id);
	};

	#waitFailure(status: number): Error {
		if (this.#listens || this.closed) return this.failure(status);
		return invalid(
			this.name,
			`This handle of ${this.what} was opened with { listen: false }: it can only notify. To wait, open another one without that.`,
		);
	}

	waitAsync(): Promise<number>;
	waitAsync(options: AsyncWaitOptions | undefined): Promise<number | null>;
	waitAsync(options?: AsyncWaitOptions): Promise<number | null> {
		if (this.closed) return Promise.reject(this.closedError());
		return this.#queue.wait<number | null>(this.name, options, this.#take, {
			timedOut: () => null,
			closed: () => {
				throw this.closedError();
			},
			givenUp: () => this.engine.disarm(WaitBits.lock),
		});
	}

	ids(options?: IterationOptions): AsyncIterableIterator<number> {
		this.checkOpen();
		return new WaitIterator(this.name, this.#queue, this.#take, checkIteration(this.name, options));
	}

	[Symbol.asyncIterator](): AsyncIterator<number> {
		return this.ids();
	}

	ref(): this {
		this.#queue.keepsAlive = true;
		return this;
	}

	unref(): this {
		this.#queue.keepsAlive = false;
		return this;
	}

	protected endWaits(): void {
		this.#queue.close();
	}
}

function checkListen(name: string, listen: unknown): boolean {
	if (listen === undefined || typeof listen === "boolean") return listen !== false;
	throw invalid(name, `listen must be true or false, not ${show(listen)}.`);
}

/** Makes `Signal` of an API from its engine. */
export function createSignalFactory(engine: () => Engine): SignalFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle("signal", name, options);
			const listens = checkListen(name, options?.listen);
			const all = { ...checked, notifyOnly: !listens };
			return new NamedSignal(engine(), prefix, name, engine().openSignal(prefix, name, all), listens);
		},
		clear: (name, options) => clearHandle(engine(), "signal", name, options),
	};
}
