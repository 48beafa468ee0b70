import type { IpcError } from "@libipc/protocol";
import { checkTimeout, checkWaitOptions } from "../check/call_options.ts";
import { ADVICE_FOR_VALUES, checkHandled, checkHandler } from "../check/handler.ts";
import type { ReceiverEndpoint } from "../endpoint/receiver.ts";
import type { AsyncWaitOptions, DrainOptions, IterationOptions, Receiver, WaitOptions } from "../endpoint/types.ts";
import type { Latency, Stamp } from "../stamp/stamp_types.ts";
import { type Decoding, isInvalidMessage } from "./decoding.ts";
import { ValueEndpoint } from "./value_endpoint.ts";
import type { ValueReceiver } from "./value_types.ts";

const DO_NOT_WAIT: WaitOptions = { timeout: 0 };

/** Called with the error of each invalid message. */
export type OnInvalid = (error: IpcError) => void;

/** An invalid message, among values. */
export class Invalid {
	readonly error: IpcError;

	constructor(error: IpcError) {
		this.error = error;
	}
}

/** The {@link ValueReceiver} of every engine. */
export class ValueReceiverEndpoint<Value> extends ValueEndpoint<Receiver> implements ValueReceiver<Value> {
	readonly #bytes: ReceiverEndpoint;
	readonly #decoding: Decoding;
	readonly #onInvalid: OnInvalid | undefined;

	constructor(bytes: ReceiverEndpoint, decoding: Decoding, onInvalid: OnInvalid | undefined) {
		super(bytes);
		this.#bytes = bytes;
		this.#decoding = decoding;
		this.#onInvalid = onInvalid;
	}

	get lost(): number {
		return this.#bytes.lost;
	}

	get skipped(): number {
		return this.#bytes.skipped;
	}

	get lastStamp(): Stamp | undefined {
		return this.#bytes.lastStamp;
	}

	get latency(): Latency | undefined {
		return this.#bytes.latency;
	}

	recv(options?: WaitOptions): Value | undefined {
		const timeout = options === undefined ? -1 : checkTimeout(this.name, options);
		return this.#onInvalid ? this.#recv(timeout) : (this.#bytes.receive(this.#decoding, timeout) as Value | undefined);
	}

	recvLatest(options?: WaitOptions): Value | undefined {
		return this.#recv(checkTimeout(this.name, options), true);
	}

	recvLatestAsync(options?: AsyncWaitOptions): Promise<Value | undefined> {
		return this.#recvAsync(this.#onInvalid, options, true);
	}

	tryRecv(): Value | undefined {
		return this.recv(DO_NOT_WAIT);
	}

	#recv(timeout: number, latest = false): Value | undefined {
		const deadline = timeout > 0 ? performance.now() + timeout : 0;
		for (let left = timeout; ; left = timeout > 0 ? Math.max(0, Math.ceil(deadline - performance.now())) : timeout) {
			const value = this.#take(left, latest);
			if (!(value instanceof Invalid)) return value;
			this.report(value);
		}
	}

	/** The next value, also if it is invalid. */
	#take(timeout: number, latest = false): Value | Invalid | undefined {
		try {
			const receive = latest ? this.#bytes.receiveLatest : this.#bytes.receive;
			return receive.call(this.#bytes, this.#decoding, timeout) as Value | undefined;
		} catch (error) {
			if (isInvalidMessage(error)) return new Invalid(error);
			throw error;
		}
	}

	recvAsync(options?: AsyncWaitOptions): Promise<Value | undefined> {
		if (!this.#onInvalid)
			return this.#bytes.receiveAsync(() => this.#bytes.receive(this.#decoding, 0) as Value | undefined, options);
		return this.#recvAsync(this.#onInvalid, options);
	}

	async #recvAsync(
		onInvalid: OnInvalid | undefined,
		options: AsyncWaitOptions | undefined,
		latest = false,
	): Promise<Value | undefined> {
		const { timeout, signal } = checkWaitOptions(this.name, options);
		const deadline = performance.now() + timeout;
		for (let left = timeout; ; left = Math.max(0, Math.ceil(deadline - performance.now()))) {
			const value = await this.#bytes.receiveAsync(() => this.#take(0, latest), {
				timeout: timeout < 0 ? undefined : left,
				signal,
			});
			if (!(value instanceof Invalid)) return value;
			if (!onInvalid) throw value.error;
			onInvalid(value.error);
		}
	}

	messages(options?: IterationOptions): AsyncIterableIterator<Value> {
		if (!this.#onInvalid)
			return this.#bytes.eachOf(() => this.#bytes.receive(this.#decoding, 0) as Value | undefined, options);
		return new ValidValues(
			this.#bytes.eachOf(() => this.#take(0), options),
			this.#onInvalid,
		);
	}

	[Symbol.asyncIterator](): AsyncIterator<Value> {
		return this.messages();
	}

	drain(handler: (value: Value) => void, options?: DrainOptions): number {
		checkHandler(this.name, "drain", handler, ADVICE_FOR_VALUES);
		return this.#bytes.drain((view) => {
			const value = this.decode(view);
			if (value instanceof Invalid) this.report(value);
			else this.handle(handler, value, "The message counts as received.");
		}, options);
	}

	/** The value of a message that is valid during the call. */
	protected decode(view: Uint8Array): Value | Invalid {
		try {
			return this.#decoding.fromBytes(view) as Value;
		} catch (error) {
			if (isInvalidMessage(error)) return new Invalid(error);
			throw error;
		}
	}

	/** `after`: what has become of the message if the handler returns a promise. */
	protected handle(handler: (value: Value) => void, value: Value, after: string): void {
		checkHandled(this.name, "drain", handler(value), after, ADVICE_FOR_VALUES);
	}

	/** Calls `onInvalid`, or throws. */
	protected report({ error }: Invalid): void {
		if (!this.#onInvalid) throw error;
		this.#onInvalid(error);
	}

	ref(): this {
		this.#bytes.ref();
		return this;
	}

	unref(): this {
		this.#bytes.unref();
		return this;
	}

	clone(): ValueReceiver<Value> {
		const decoding = this.#decoding.renew();
		return new ValueReceiverEndpoint<Value>(this.#bytes.clone() as ReceiverEndpoint, decoding, this.#onInvalid);
	}
}

/** The values of an iteration without the invalid ones. */
class ValidValues<Value> implements AsyncIterableIterator<Value> {
	readonly #all: AsyncIterableIterator<Value | Invalid, undefined>;
	readonly #onInvalid: OnInvalid;

	constructor(all: AsyncIterableIterator<Value | Invalid, undefined>, onInvalid: OnInvalid) {
		this.#all = all;
		this.#onInvalid = onInvalid;
	}

	async next(): Promise<IteratorResult<Value, undefined>> {
		for (;;) {
			const { value, done } = await this.#all.next();
			if (done) return { value: undefined, done };
			if (!(value instanceof Invalid)) return { value, done: false };
			this.#onInvalid(value.error);
		}
	}

	async return(): Promise<IteratorResult<Value, undefined>> {
		await this.#all.return?.();
		return { value: undefined, done: true };
	}

	[Symbol.asyncIterator](): this {
		return this;
	}
}
