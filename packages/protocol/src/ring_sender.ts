import { checkCount, checkIterable, checkTimeout, limits } from "./argument.ts";
import type { Loan, Message, Sender, WaitOptions } from "./endpoint.ts";
import { type EngineSender, Status } from "./engine.ts";
import { IpcError } from "./error.ts";
import { closedError, failure } from "./failure.ts";
import { MessageEncoder } from "./message_encoder.ts";
import { endLoan, type OpenLoan, RingLoan } from "./ring_loan.ts";

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
	readonly #loans = new Set<OpenLoan>();
	#closed = false;
	/** This handle's batch is being gathered; `#shared.batching` is any handle's. */
	#batching = false;

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
		if (message instanceof Uint8Array && ArrayBuffer.isView(message) && message.byteLength > 0) {
			bytes = message;
			length = message.byteLength;
		} else {
			length = this.#encode(message);
			bytes = this.#encoder.bytes;
		}
		// Here, because native code takes lengths of 32 bits.
		if (length > this.#engine.maxMessageLength) throw this.#failure(Status.messageTooLarge, length);
		const status = this.#engine.send(bytes, length, timeout);
		return status === 0 || this.#refused(status, length);
	}

	/** Makes bytes of a message that is not a plain `Uint8Array`: they are in the encoder then. */
	#encode(message: Message): number {
		const limit = this.#engine.maxMessageLength;
		// UTF-8 has at least as many bytes as UTF-16 has units: no need to encode what cannot fit.
		if (typeof message === "string" && message.length > limit)
			throw this.#failure(Status.messageTooLarge, message.length);
		const length = this.#encoder.encode(message, this.name);
		if (length > limit) throw this.#failure(Status.messageTooLarge, length);
		return length;
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
			const accepted = this.#engine.flush(left());
			const all = accepted === staged;
			if (accepted > 0) sent += accepted;
			staged = 0;
			if (accepted < 0) this.#refused(accepted, 0);
			return all;
		};
		this.#shared.batching = this.#batching = true;
		// An iterator that throws, or a bad message, must not take the messages before it along.
		try {
			for (const message of messages) {
				this.#checkOpen();
				const length = this.#encode(message);
				let status = this.#engine.stage(this.#encoder.bytes, length);
				if (status === Status.timedOut) {
					if (!flush()) return sent;
					status = this.#engine.stage(this.#encoder.bytes, length);
				}
				if (status < 0) throw this.#failure(status, length);
				staged++;
			}
		} finally {
			this.#shared.batching = this.#batching = false;
			try {
				if (staged > 0) flush();
			} finally {
				if (this.#closed) this.#leave();
			}
		}
		return sent;
	}

	loan(byteLength: number, options?: WaitOptions): Loan | null {
		if (this.#closed || this.#shared.batching) throw this.#unavailableError();
		const limit = this.#engine.maxLoanLength;
		const length = checkCount(this.name, "byteLength", byteLength, 0, limit);
		const offset = this.#engine.loan(length, checkTimeout(this.name, options));
		if (offset < 0) {
			this.#refused(offset, length);
			return null;
		}
		const loan: OpenLoan = { engine: this.#engine, offset, among: this.#loans };
		this.#loans.add(loan);
		return new RingLoan(this.name, loan, new Uint8Array(this.#engine.ring(), offset, length));
	}

	waitForReceivers(count: number, options?: WaitOptions): boolean {
		this.#checkOpen();
		const wanted = checkCount(this.name, "count", count, 0, limits.maxReceivers);
		const status = this.#engine.waitForReceivers(wanted, checkTimeout(this.name, options));
		if (status === Status.invalidArgument)
			throw new IpcError(
				"ERR_IPC_INVALID_ARGUMENT",
				this.name,
				`${this.#endpoint} cannot have ${wanted} receivers: its creator allowed fewer. Create it with a larger maxReceivers.`,
			);
		return status === 0 || this.#refused(status, 0);
	}

	clone(): Sender {
		this.#checkOpen();
		return this.#reopen(this.#shared);
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		for (const loan of this.#loans) endLoan(loan, -1);
		// Inside a batch what was gathered has to go out first: sendBatch leaves when it has.
		if (!this.#batching) this.#leave();
	}

	#leave(): void {
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
