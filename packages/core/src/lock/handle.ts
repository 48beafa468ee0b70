import {
	type Engine,
	type EngineHandle,
	type EngineHandleOptions,
	type HandleKind,
	type IpcError,
	limits,
} from "@libipc/protocol";
import { checkInteger, checkOptionsObject, describe, FACTORIES } from "../check/argument.ts";
import { closedError, failure } from "../check/failure.ts";
import { checkClear, checkName } from "../check/name.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { checkPermissions } from "../check/permissions.ts";
import { type EventLoop, eventLoopOf } from "../wait/event_loop.ts";

/**
 * How a lock, a semaphore, a condition, a Signal or shared memory is opened. The process that opens a name first sets
 * `maxHandles` and `permissions`. A later open that passes another value fails with `ERR_IPC_OPTIONS_MISMATCH`. A later open that
 * leaves `maxHandles` out accepts the value that was set.
 */
export interface HandleOptions {
	/**
	 * A namespace: the same name under two prefixes is two names. At most 64 bytes of UTF-8.
	 *
	 * @defaultValue the environment variable `LIBIPC_PREFIX`; if it is not set, or empty, `""`
	 */
	readonly prefix?: string | undefined;
	/**
	 * File mode bits of the shared memory. To share a name with other users, pass the same value in every process, for example
	 * 0o660. Without it, an open accepts only a name that belongs to this user alone, and fails with `ERR_IPC_PERMISSION`
	 * otherwise. A class of users (the group, or all others) that may not write gets no right to read either: such users cannot
	 * open the name, and with that right they could hold its lock.
	 *
	 * @defaultValue `0o600` (this user only)
	 */
	readonly permissions?: number | undefined;
	/**
	 * How many handles may be open at the same time, in all processes together: 1 to 1,024.
	 *
	 * @defaultValue `64`
	 */
	readonly maxHandles?: number | undefined;
}

/**
 * What locks, semaphores, conditions, Signals and shared memory have in common. A handle belongs to the thread that opened it.
 * `using` closes it at the end of the block. The shared memory of a name exists from the first open to the last close. If only
 * killed processes had the name open, the next open creates it again.
 */
export interface Handle extends Disposable, AsyncDisposable {
	/** The name it was opened with, without the prefix. */
	readonly name: string;
	/** Whether {@link close} was called. */
	readonly closed: boolean;
	/**
	 * Closes the handle. When the last handle of a name is closed, its shared memory is removed. A second call does nothing.
	 *
	 * @example
	 * import { Mutex } from "libipc";
	 *
	 * const mutex = Mutex.open("accounts");
	 * mutex.close();
	 * console.log(mutex.closed); // true
	 */
	close(): void;
}

const EXAMPLE = '{ prefix: "app" }';

/** The checked options of an open. */
export interface CheckedHandle {
	readonly prefix: string;
	readonly options: EngineHandleOptions;
}

/** Which options a kind has. */
function optionNamesOf(kind: HandleKind): readonly string[] {
	if (kind === "semaphore" || kind === "signal" || kind === "latest") return optionNames[kind];
	return kind === "memory" ? optionNames.sharedMemory : optionNames.handle;
}

/** Checks a name, the names of the options, and the values of those that all handles have. */
export function checkHandle(kind: HandleKind, name: string, options: HandleOptions | undefined): CheckedHandle {
	const given = checkOptionsObject(name, options, EXAMPLE) ?? {};
	const prefix = checkName(name, given.prefix);
	checkOptionNames(name, `${FACTORIES[kind]}.open`, given, optionNamesOf(kind));
	return {
		prefix,
		options: {
			maxHandles: checkInteger(name, "maxHandles", given.maxHandles, 1, limits.maxHandles),
			permissions: checkPermissions(name, given.permissions),
			initial: 0,
			robust: 0,
			mode: 0,
			size: 0,
		},
	};
}

/** `clear` of each kind: see {@link MutexFactory}. */
export function clearHandle(engine: Engine, kind: HandleKind, name: string, options: { prefix?: string } | undefined) {
	engine.clear(kind, checkClear(FACTORIES[kind], name, options), name);
}

/** What the handles of all kinds have in common. */
export abstract class NamedHandle<SomeEngine extends EngineHandle> implements Handle {
	readonly name: string;
	/** How error messages name it. */
	protected readonly what: string;
	protected readonly engine: SomeEngine;
	protected readonly loop: EventLoop;
	#closed = false;

	constructor(engines: Engine, kind: HandleKind, prefix: string, name: string, engine: SomeEngine) {
		this.name = name;
		this.what = describe(kind, prefix, name);
		this.engine = engine;
		this.loop = eventLoopOf(engines);
	}

	get closed(): boolean {
		return this.#closed;
	}

	/** Ends the waits: called once, before the engine's handle is closed. */
	protected abstract endWaits(): void;

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.endWaits();
		this.loop.release(this.engine);
		this.engine.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
	}

	/** The error for a status of the engine. */
	protected failure(status: number): IpcError {
		return this.#closed ? this.closedError() : failure(status, this.name, this.what);
	}

	protected closedError(): IpcError {
		return closedError(this.name, this.what, "handle");
	}

	protected checkOpen(): void {
		if (this.#closed) throw this.closedError();
	}
}
