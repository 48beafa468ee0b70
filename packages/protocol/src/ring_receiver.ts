import { checkCount, checkTimeout, limits } from "./argument.ts";
import type { Receiver, WaitOptions } from "./endpoint.ts";
import { type EngineReceiver, Status } from "./engine.ts";
import { IpcError } from "./error.ts";
import { closedError, failure } from "./failure.ts";

const SCRATCH_BYTES = 4096;
const DEFAULT_MAX = 1024;

/** The {@link Receiver} of every engine. */
export class RingReceiver implements Receiver {
	readonly name: string;
	readonly #endpoint: string;
	readonly #engine: EngineReceiver;
	readonly #reopen: () => Receiver;
	/** Where small messages land before `recv` knows their size. */
	readonly #scratch = new Uint8Array(SCRATCH_BYTES);
	/** What `drain` peeks into; made when it is first called. */
	#spans = new Uint32Array(0);
	#closed = false;
	#draining = false;
	/** `#closed || #draining`: one check for both on the hot path. */
	#unavailable = false;

	constructor(name: string, endpoint: string, engine: EngineReceiver, reopen: () => Receiver) {
		this.name = name;
		this.#endpoint = endpoint;
		this.#engine = engine;
		this.#reopen = reopen;
	}

	get closed(): boolean {
		return this.#closed;
	}

	recv(options?: WaitOptions): Uint8Array<ArrayBuffer> | null {
		return this.#recv(checkTimeout(this.name, options));
	}

	tryRecv(): Uint8Array<ArrayBuffer> | null {
		return this.#recv(0);
	}

	#recv(timeout: number): Uint8Array<ArrayBuffer> | null {
		if (this.#unavailable) throw this.#unavailableError();
		let length = this.#engine.recv(this.#scratch, timeout);
		if (length >= 0) return this.#scratch.slice(0, length);
		if (length === Status.bufferTooSmall) {
			const message = new Uint8Array(this.#engine.nextLength());
			length = this.#engine.recv(message, 0);
			if (length === message.byteLength) return message;
		}
		if (length === Status.timedOut) return null;
		throw failure(length, this.name, this.#endpoint);
	}

	recvInto(target: Uint8Array, options?: WaitOptions): number {
		if (this.#unavailable) throw this.#unavailableError();
		if (!(target instanceof Uint8Array && ArrayBuffer.isView(target)))
			throw new IpcError(
				"ERR_IPC_INVALID_ARGUMENT",
				this.name,
				"recvInto needs a Uint8Array to copy the message into.",
			);
		const timeout = checkTimeout(this.name, options);
		// An empty view has no address to give to native code: the engine is told of its length by a view that has one.
		const length = target.byteLength > 0 ? this.#engine.recv(target, timeout) : this.#recvIntoNothing(timeout);
		return length >= 0 ? length : this.#recvIntoRefused(length, target.byteLength);
	}

	#recvIntoNothing(timeout: number): number {
		const found = this.#engine.peek(this.#spansFor(1), 1, timeout);
		if (found < 0) return found;
		return this.#spans[1] === 0 ? this.#engine.consume(1) : Status.bufferTooSmall;
	}

	#recvIntoRefused(status: number, capacity: number): number {
		if (status === Status.timedOut) return -1;
		if (status === Status.bufferTooSmall)
			throw new IpcError(
				"ERR_IPC_BUFFER_TOO_SMALL",
				this.name,
				`The next message of ${this.#endpoint} has ${this.#engine.nextLength()} bytes, the target ${capacity}. The message stays: call again with a larger target, or use recv().`,
			);
		throw failure(status, this.name, this.#endpoint);
	}

	drain(
		handler: (view: Uint8Array<ArrayBuffer>) => void,
		options?: WaitOptions & { readonly max?: number | undefined },
	): number {
		if (this.#unavailable) throw this.#unavailableError();
		if (typeof handler !== "function")
			throw new IpcError("ERR_IPC_INVALID_ARGUMENT", this.name, "drain needs a function to hand the messages to.");
		const timeout = checkTimeout(this.name, options);
		const max =
			options?.max === undefined ? DEFAULT_MAX : checkCount(this.name, "max", options.max, 1, limits.drainMax);
		const spans = this.#spansFor(max);
		const count = this.#engine.peek(spans, max, timeout);
		if (count === Status.timedOut) return 0;
		if (count < 0) throw failure(count, this.name, this.#endpoint);
		const ring = this.#engine.ring();
		let handled = 0;
		this.#draining = this.#unavailable = true;
		try {
			while (handled < count && !this.#closed) {
				const view = new Uint8Array(ring, spans[2 * handled] as number, spans[2 * handled + 1] as number);
				handled++;
				handler(view);
			}
		} finally {
			this.#draining = false;
			this.#unavailable = this.#closed;
			if (this.#closed) this.#engine.close();
			else this.#engine.consume(handled);
		}
		return handled;
	}

	#spansFor(max: number): Uint32Array {
		if (this.#spans.length < 2 * max) this.#spans = new Uint32Array(2 * max);
		return this.#spans;
	}

	clone(): Receiver {
		if (this.#closed) throw this.#unavailableError();
		return this.#reopen();
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = this.#unavailable = true;
		// Inside a drain handler a view is in use: drain closes when the handler returns.
		if (!this.#draining) this.#engine.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
	}

	#unavailableError(): IpcError {
		if (this.#closed) return closedError(this.name, this.#endpoint, "receiver");
		return new IpcError(
			"ERR_IPC_REENTRANT",
			this.name,
			`A drain handler of ${this.#endpoint} tried to receive from the receiver that is calling it. Let the handler return first.`,
		);
	}
}
