import {
	type Engine,
	type EngineHandle,
	type EngineHandleOptions,
	type HandleKind,
	type IpcError,
	limits,
} from "@libipc/protocol";
import { checkInteger, checkName, checkOptionsObject, checkPermissions, describe } from "../check/argument.ts";
import { closedError, failure } from "../check/failure.ts";
import { type EventLoop, eventLoopOf } from "../wait/event_loop.ts";

/**
 * How a lock, a semaphore, a condition or shared memory is opened. Whoever opens a name first fixes `permissions` and
 * `maxHandles`; whoever comes later and asks for another value gets `ERR_IPC_OPTIONS_MISMATCH`.
 */
export interface HandleOptions {
	/** A namespace: the same name under two prefixes is two names. Up to 64 bytes of UTF-8. Default "". */
	readonly prefix?: string | undefined;
	/**
	 * With whom it is shared, as file mode bits. Default 0o600: this user only. To share a name with other users give the same
	 * `permissions` everywhere (for example 0o660): who gives none opens only what is this user's own and private, and
	 * gets `ERR_IPC_PERMISSION` otherwise.
	 */
	readonly permissions?: number | undefined;
	/** How many handles, in all processes, may be open at once: 1 to 1024. Default 64. */
	readonly maxHandles?: number | undefined;
}

/**
 * What every handle has. `using` closes it at the end of the block. It belongs to the thread that opened it. Its name's
 * storage lives from the first open to the last close; what only killed processes had open is made anew by the next open.
 */
export interface Handle extends Disposable, AsyncDisposable {
	/** The name it was opened with, without the prefix. */
	readonly name: string;
	/** Whether {@link close} was called. */
	readonly closed: boolean;
	/** Gives it up. Closing twice is allowed. */
	close(): void;
}

const EXAMPLE = '{ prefix: "app" }';

/** What an open was asked for, checked. */
export interface CheckedHandle {
	readonly prefix: string;
	readonly options: EngineHandleOptions;
}

/** Checks what all handles are opened with. */
export function checkHandle(name: string, options: HandleOptions | undefined): CheckedHandle {
	const bag = checkOptionsObject(name, options, EXAMPLE) ?? {};
	return {
		prefix: checkName(name, bag.prefix),
		options: {
			maxHandles: checkInteger(name, "maxHandles", bag.maxHandles, 1, limits.maxHandles),
			permissions: checkPermissions(name, bag.permissions),
			initial: 0,
			robust: 0,
			mode: 0,
			size: 0,
		},
	};
}

/** `clear` of each kind: see {@link MutexFactory}. */
export function clearHandle(engine: Engine, kind: HandleKind, name: string, options: { prefix?: string } | undefined) {
	engine.clear(kind, checkName(name, checkOptionsObject(name, options, EXAMPLE)?.prefix), name);
}

/** What the handles of all kinds have in common. */
export abstract class NamedHandle<SomeEngine extends EngineHandle> implements Handle {
	readonly name: string;
	/** How messages name it. */
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

	/** The error for what the engine answered. */
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
