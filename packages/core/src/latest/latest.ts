import { type Engine, type EngineLatest, IpcError, Status, WaitBits } from "@libipc/protocol";
import { checkCount, checkFunction, checkOptionsObject, invalid } from "../check/argument.ts";
import { bytesOf, plainLength, uint8ArrayOf } from "../check/bytes.ts";
import { checkIteration, checkSignal, checkTimeout, timeoutOf } from "../check/call_options.ts";
import { notAMessage, notATarget } from "../check/message.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { throwIfAborted } from "../check/signal.ts";
import type { IterationOptions, Message, WaitOptions } from "../endpoint/endpoint_types.ts";
import { MessageEncoder } from "../endpoint/message_encoder.ts";
import { viewOf } from "../endpoint/view.ts";
import { NamedHandle } from "../lock/handle.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { ChangeIterator, ChangeWait } from "./change_wait.ts";
import type { Latest, LatestWaitAsyncOptions, LatestWaitOptions } from "./latest_types.ts";

const SCRATCH_BYTES = 4096;
/** Passed for an empty value: an empty view has no address for an FFI. */
const NOTHING = new Uint8Array(1);

const HIGHEST_VERSION = 2 ** 53 - 1;

/** The {@link Latest} of every engine. */
export class NamedLatest extends NamedHandle<EngineLatest> implements Latest {
	readonly maxLength: number;
	readonly #encoder = new MessageEncoder();
	readonly #queue: WaitQueue;
	/** Where values are copied to before their length is known; `undefined` while a decoder reads it. */
	#scratch: Uint8Array<ArrayBuffer> | undefined;
	/** {@link update} is calling the function of the caller. */
	#updating = false;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineLatest) {
		super(engines, "latest", prefix, name, engine);
		this.#queue = new WaitQueue(this.loop, engine, WaitBits.woken);
		this.maxLength = engine.maxLength;
	}

	/** How error messages name it. */
	get description(): string {
		return this.what;
	}

	get version(): number {
		return this.#checkVersion(this.engine.version());
	}

	get seen(): number {
		return this.#checkVersion(this.engine.seen());
	}

	#checkVersion(version: number): number {
		if (version < 0) throw this.failure(version);
		return version;
	}

	set(value: Message, options?: WaitOptions): boolean {
		return this.put(value, checkTimeout(this.name, options));
	}

	/** {@link set} with a timeout that was checked. */
	put(value: Message, timeout: number): boolean {
		if (this.#updating) throw this.#reentrantError();
		return this.#put(value, timeout);
	}

	#put(value: Message, timeout: number): boolean {
		let bytes: Uint8Array;
		let length: number;
		if (typeof value === "string") {
			length = this.#encoder.encode(value);
			({ bytes } = this.#encoder);
		} else {
			length = plainLength(value);
			if (length > 0) bytes = value as Uint8Array;
			else {
				const view = bytesOf(value);
				if (!view) throw notAMessage(this.name, value);
				length = view.byteLength;
				bytes = length === 0 ? NOTHING : view;
			}
		}
		if (length > this.maxLength) throw this.#tooLargeError(length);
		const status = this.engine.set(bytes, length, timeout);
		if (status === 0) return true;
		if (status === Status.timedOut) return false;
		throw this.#writeError(status);
	}

	/** Sets the new value of an {@link updateBy}, which holds the lock. */
	putUpdated(value: Message): void {
		this.#put(value, 0);
	}

	update(change: (value: Uint8Array<ArrayBuffer> | null) => Message | undefined, options?: WaitOptions): boolean {
		return this.updateBy(
			() => change(this.get()),
			(value) => this.putUpdated(value),
			change,
			options,
		);
	}

	/** `change` returns the new value, which `put` sets; `given`: what the caller has passed. */
	updateBy<Value>(
		change: () => Value | undefined,
		put: (value: Value) => void,
		given: unknown,
		options: WaitOptions | undefined,
	): boolean {
		checkFunction(this.name, "The argument of update", given);
		const timeout = checkTimeout(this.name, options);
		if (this.#updating) throw this.#reentrantError();
		const status = this.engine.lock(timeout);
		if (status === Status.timedOut) return false;
		if (status < 0) throw this.#writeError(status);
		this.#updating = true;
		try {
			const value = change();
			if (value === undefined) return true;
			if (isPromise(value))
				throw invalid(
					this.name,
					`The function that update calls must not be asynchronous: other writers of ${this.what} wait while it runs. The value has not changed.`,
				);
			put(value);
			return true;
		} finally {
			this.#updating = false;
			this.engine.unlock();
		}
	}

	get(): Uint8Array<ArrayBuffer> | null {
		const scratch = this.#takeScratch();
		this.#scratch = scratch;
		const length = this.engine.get(scratch, scratch.byteLength);
		if (length >= 0) return scratch.slice(0, length);
		return length === Status.bufferTooSmall ? this.#getLarge() : this.#notGot(length);
	}

	#notGot(status: number): null {
		if (status === Status.notSet) return null;
		throw this.failure(status);
	}

	/** A value that is longer than the scratch. The next one may be longer still. */
	#getLarge(): Uint8Array<ArrayBuffer> | null {
		let most = this.engine.length();
		for (;;) {
			if (most < 0) return this.#notGot(most);
			const value = new Uint8Array(Math.max(most, 1));
			const length = this.engine.get(value, value.byteLength);
			if (length >= 0) return length === value.byteLength ? value : value.slice(0, length);
			if (length !== Status.bufferTooSmall) return this.#notGot(length);
			most = this.maxLength;
		}
	}

	#takeScratch(): Uint8Array<ArrayBuffer> {
		const scratch = this.#scratch;
		this.#scratch = undefined;
		// A decoder may have transferred it.
		return scratch === undefined || scratch.byteLength === 0
			? new Uint8Array(Math.min(SCRATCH_BYTES, this.maxLength))
			: scratch;
	}

	/**
	 * Copies the present value, and returns what calls a decoder with it; `undefined`: it was never set. The decoder is code of the
	 * caller, which may use the handle: the scratch is not used again before it has returned.
	 */
	read<Value>(decode: (bytes: Uint8Array) => Value): (() => Value) | undefined {
		const scratch = this.#takeScratch();
		const length = this.engine.get(scratch, scratch.byteLength);
		if (length < 0) {
			this.#scratch = scratch;
			const bytes = length === Status.bufferTooSmall ? this.#getLarge() : this.#notGot(length);
			return bytes === null ? undefined : () => decode(bytes);
		}
		return () => {
			try {
				return decode(viewOf(scratch, 0, length));
			} finally {
				this.#scratch = scratch;
			}
		};
	}

	getInto(target: Uint8Array): number {
		const capacity = plainLength(target);
		const length = capacity > 0 ? this.engine.get(target, capacity) : this.#getIntoUnusual(target);
		return length >= 0 ? length : this.#notGotInto(length, target);
	}

	#getIntoUnusual(target: unknown): number {
		const view = uint8ArrayOf(target);
		if (!view) throw notATarget(this.name, target, "getInto", "value");
		return this.engine.get(view.byteLength > 0 ? view : NOTHING, view.byteLength);
	}

	#notGotInto(status: number, target: Uint8Array): number {
		if (status === Status.notSet) return -1;
		if (status === Status.bufferTooSmall)
			throw new IpcError(
				"ERR_IPC_BUFFER_TOO_SMALL",
				this.name,
				`The value of ${this.what} has ${this.engine.length()} bytes, the target ${uint8ArrayOf(target)?.byteLength}. Use a target of maxLength bytes (${this.maxLength}), or get().`,
			);
		throw this.failure(status);
	}

	wait(options?: LatestWaitOptions): Uint8Array<ArrayBuffer> | null {
		return this.waitFor(copy, options) ?? null;
	}

	/** {@link wait} for what a decoder makes of the value; `undefined`: the time was up. */
	waitFor<Value>(
		decode: (bytes: Uint8Array<ArrayBuffer>) => Value,
		options: LatestWaitOptions | undefined,
	): Value | undefined {
		const { timeout, since } = this.#checkWait(options);
		const deadline = timeout > 0 ? performance.now() + timeout : 0;
		let version = since ?? this.seen;
		for (let left = timeout; ; left = timeout > 0 ? Math.max(0, Math.ceil(deadline - performance.now())) : timeout) {
			const wait = this.engine.enter(version, undefined);
			if (wait === Status.notEqual) {
				const found = this.read((bytes) => decode(bytes as Uint8Array<ArrayBuffer>));
				if (found) return found();
				version = 0; // it was never set
				continue;
			}
			if (wait < 0) throw this.failure(wait);
			const status = this.engine.sleep(wait, left);
			if (status === Status.timedOut) {
				// It may have been set since.
				if (!this.engine.leave(wait)) return undefined;
			} else if (status < 0) throw this.failure(status);
		}
	}

	waitAsync(options?: LatestWaitAsyncOptions): Promise<Uint8Array<ArrayBuffer> | null> {
		return this.waitForAsync(copy, options, null);
	}

	/** The same as {@link waitFor}; `none`: the result when the time was up. */
	async waitForAsync<Value, None>(
		decode: (bytes: Uint8Array<ArrayBuffer>) => Value,
		options: LatestWaitAsyncOptions | undefined,
		none: None,
	): Promise<Value | None> {
		const { since, ...checked } = this.#checkWait(options);
		throwIfAborted(checked.signal);
		this.checkOpen();
		const wait = this.#changeWait(since ?? this.seen, decode);
		return await this.#queue.waitChecked<Value | None>(checked, wait.attempt, {
			timedOut: () => none,
			closed: () => {
				throw this.closedError();
			},
			givenUp: wait.giveUp,
		});
	}

	#changeWait<Value>(since: number, decode: (bytes: Uint8Array<ArrayBuffer>) => Value): ChangeWait<Value> {
		return new ChangeWait(
			this.engine,
			this.loop.waker(this.engine),
			since,
			() => this.read((bytes) => decode(bytes as Uint8Array<ArrayBuffer>)),
			(status) => this.failure(status),
		);
	}

	changed(options?: IterationOptions): AsyncIterableIterator<Uint8Array<ArrayBuffer>> {
		return this.changesOf(copy, options);
	}

	/** {@link changed} of what a decoder makes of the values. */
	changesOf<Value>(
		decode: (bytes: Uint8Array<ArrayBuffer>) => Value,
		options: IterationOptions | undefined,
	): AsyncIterableIterator<Value> {
		const signal = checkIteration(this.name, options);
		this.checkOpen();
		return new ChangeIterator(this.name, this.#queue, this.#changeWait(0, decode), signal);
	}

	[Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>> {
		return this.changed();
	}

	#checkWait(options: LatestWaitAsyncOptions | undefined) {
		if (options === undefined) return { timeout: -1, signal: undefined, since: undefined };
		const timeout = timeoutOf(this.name, checkOptionsObject(this.name, options, "{ timeout: 100, since: 1 }"));
		checkOptionNames(this.name, "this call", options, optionNames.latestWait);
		const { since } = options;
		return {
			timeout,
			signal: checkSignal(this.name, options.signal),
			since: since === undefined ? undefined : checkCount(this.name, "since", since, 0, HIGHEST_VERSION),
		};
	}

	ref(): this {
		this.#queue.keepsAlive = true;
		return this;
	}

	unref(): this {
		this.#queue.keepsAlive = false;
		return this;
	}

	#tooLargeError(length: number): IpcError {
		return new IpcError(
			"ERR_IPC_MESSAGE_TOO_LARGE",
			this.name,
			`A value of ${length} bytes is longer than ${this.what} has room for: ${this.maxLength} bytes. The process that opens the name first decides (maxLength). The value has not changed.`,
		);
	}

	#reentrantError(): IpcError {
		return new IpcError(
			"ERR_IPC_REENTRANT",
			this.name,
			`The function that update calls for ${this.what} must not set it by the same handle: it returns the new value.`,
		);
	}

	#writeError(status: number): IpcError {
		if (this.closed) return this.closedError();
		switch (status) {
			case Status.deadlock:
				return new IpcError(
					"ERR_IPC_DEADLOCK",
					this.name,
					`Another handle of this thread is updating ${this.what}, so waiting for it would never end. Set it after that update.`,
				);
			case Status.messageTooLarge:
				return this.#tooLargeError(this.maxLength + 1);
			case Status.noSpace:
				return new IpcError(
					"ERR_IPC_NO_SPACE",
					this.name,
					`There is no memory for another value of ${this.what}: readers are stopped while they read, each of which keeps one value of up to ${this.maxLength} bytes. Continue them (SIGCONT) or end them. The value has not changed.`,
				);
			case Status.busy:
				return new IpcError(
					"ERR_IPC_BUSY",
					this.name,
					`No memory for another value of ${this.what} could be had within 5 s: another process that is opening or closing it seems to be stopped. Continue it (SIGCONT) or end it. The value has not changed.`,
				);
			default:
				return this.failure(status);
		}
	}

	protected endWaits(): void {
		this.#queue.close();
	}
}

/** A value as the caller gets it: memory of its own. */
function copy(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
	return bytes.slice();
}

function isPromise(value: unknown): boolean {
	if (value === null || typeof value !== "object" || !("then" in value) || typeof value.then !== "function")
		return false;
	value.then(undefined, () => {}); // its failure is reported here already
	return true;
}
