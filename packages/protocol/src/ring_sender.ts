import { checkCount, checkIterable, checkTimeout, limits } from "./argument.ts";
import type { Message, Sender, WaitOptions } from "./endpoint.ts";
import { type EngineSender, Status } from "./engine.ts";
import { IpcError } from "./error.ts";
import { closedError, failure } from "./failure.ts";
import { MessageEncoder } from "./message_encoder.ts";

/** An engine's sender with the number of handles that use it: more than one only on a route. */
export interface SharedSender {
	readonly engine: EngineSender;
	handles: number;
	/** A batch is being gathered: its iterable may run any code, which must not send in between. */
	batching: boolean;
}

/** The {@link Sender} of every engine. */
export class RingSender implements Sender {
	readonly name: string;
	readonly #endpoint: string;
	readonly #reopen: (shared: SharedSender) => Sender;
	readonly #shared: SharedSender;
	readonly #engine: EngineSender;
	readonly #encoder = new MessageEncoder();
	#closed = false;

	constructor(name: string, endpoint: string, shared: SharedSender, reopen: (shared: SharedSender) => Sender) {
		this.name = name;
		this.#endpoint = endpoint;
		this.#shared = shared;
		this.#engine = shared.engine;
		this.#reopen = reopen;
		shared.handles++;
	}

	get closed(): boolean {
		return this.#closed;
	}

	get receiverCount(): number {
		this.#checkOpen();
		return this.#engine.receiverCount();
	}

	get maxMessageLength(): number {
		return this.#engine.maxMessageLength;
	}

	send(message: Message, options?: WaitOptions): boolean {
		return this.#send(message, checkTimeout(this.name, options));
	}

	trySend(message: Message): boolean {
		return this.#send(message, 0);
	}

	#send(message: Message, timeout: number): boolean {
		if (this.#closed || this.#shared.batching) throw this.#unavailableError();
		let bytes: Uint8Array;
		let length: number;
		// The fast case: no view is made. An empty view could be a detached one, so it goes the other way.
		if (message instanceof Uint8Array && message.byteLength > 0) {
			bytes = message;
			length = message.byteLength;
		} else {
			length = this.#encoder.encode(message, this.name);
			bytes = this.#encoder.bytes;
		}
		const status = this.#engine.send(bytes, length, timeout);
		return status === 0 || this.#refused(status, length);
	}

	/** false for the answers that are no failures. */
	#refused(status: number, length: number): false {
		if (status === Status.timedOut || status === Status.noReceivers) return false;
		throw this.#failure(status, length);
	}

	#failure(status: number, length: number): IpcError {
		if (status !== Status.messageTooLarge) return failure(status, this.name, this.#endpoint);
		const limit = this.#engine.maxMessageLength;
		return new IpcError(
			"ERR_IPC_MESSAGE_TOO_LARGE",
			this.name,
			`A message of ${length} bytes does not fit ${this.#endpoint}: the limit is ${limit} bytes, half of its capacity of ${(limit + 8) * 2} less a header of 8. Open it with a larger capacity, or split the message. Nothing was sent.`,
		);
	}

	sendBatch(messages: Iterable<Message>, options?: WaitOptions): number {
		if (this.#closed || this.#shared.batching) throw this.#unavailableError();
		checkIterable(this.name, messages);
		const timeout = checkTimeout(this.name, options);
		const deadline = timeout > 0 ? performance.now() + timeout : 0;
		const left = () => (timeout > 0 ? Math.max(0, Math.ceil(deadline - performance.now())) : timeout);
		let staged = 0;
		let sent = 0;
		/** Whether all that was staged went out. */
		const flush = (): boolean => {
			this.#checkOpen();
			const accepted = this.#engine.flush(left());
			const all = accepted === staged;
			if (accepted > 0) sent += accepted;
			staged = 0;
			if (accepted < 0) this.#refused(accepted, 0);
			return all;
		};
		this.#shared.batching = true;
		// An iterator that throws, or a bad message, must not take the messages before it along.
		try {
			for (const message of messages) {
				this.#checkOpen();
				const length = this.#encoder.encode(message, this.name);
				let status = this.#engine.stage(this.#encoder.bytes, length);
				if (status === Status.timedOut) {
					if (!flush()) return sent;
					status = this.#engine.stage(this.#encoder.bytes, length);
				}
				if (status < 0) throw this.#failure(status, length);
				staged++;
			}
		} finally {
			this.#shared.batching = false;
			if (staged > 0) flush();
		}
		return sent;
	}

	waitForReceivers(count: number, options?: WaitOptions): boolean {
		this.#checkOpen();
		const wanted = checkCount(this.name, "count", count, 0, limits.maxReceivers);
		const status = this.#engine.waitForReceivers(wanted, checkTimeout(this.name, options));
		return status === 0 || this.#refused(status, 0);
	}

	clone(): Sender {
		this.#checkOpen();
		return this.#reopen(this.#shared);
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		if (--this.#shared.handles === 0) this.#engine.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
	}

	#unavailableError(): IpcError {
		if (this.#closed) return closedError(this.name, this.#endpoint, "sender");
		return new IpcError(
			"ERR_IPC_REENTRANT",
			this.name,
			`The iterable of a batch on ${this.#endpoint} tried to send on the sender that is sending the batch. Yield the message instead.`,
		);
	}

	#checkOpen(): void {
		if (this.#closed) throw closedError(this.name, this.#endpoint, "sender");
	}
}
