import { IpcError } from "@libipc/protocol";
import { invalid } from "../check/argument.ts";
import { checkTimeout } from "../check/call_options.ts";
import { checkIterable } from "../check/message.ts";
import type { SenderEndpoint } from "../endpoint/sender.ts";
import type { AsyncWaitOptions, Flushed, Refusal, Sender, Sending, WaitOptions } from "../endpoint/types.ts";
import { viewOf } from "../endpoint/view.ts";
import type { AnyCodec } from "./check_codec.ts";
import type { CodecInto } from "./codec.ts";
import { Encoding, type Sent } from "./encoding.ts";
import { ValueEndpoint } from "./value_endpoint.ts";
import type { ValueSender } from "./value_types.ts";

/** A value of at most so many bytes is written to memory of the sender, and copied: a loan costs more than the copy. */
const SCRATCH_BYTES = 4096;

/** The {@link ValueSender} of every engine. */
export class ValueSenderEndpoint<Value> extends ValueEndpoint<Sender> implements ValueSender<Value> {
	readonly #bytes: SenderEndpoint;
	/** How error messages name the name. */
	readonly #endpoint: string;
	readonly #encoding: Encoding;
	readonly #into: CodecInto<Sent> | undefined;
	readonly #encode: (value: Sent) => Uint8Array | string;
	/** The same for {@link sendAsync}, whose messages others may overtake: a codec with state has another state for them. */
	#encodeLater: ((value: Sent) => Uint8Array | string) | undefined;
	#scratch: Uint8Array | undefined;
	/** The codec writes to memory that is about to be sent. */
	#writing = false;

	constructor(bytes: SenderEndpoint, endpoint: string, codec: AnyCodec) {
		super(bytes);
		this.#bytes = bytes;
		this.#endpoint = endpoint;
		this.#encoding = new Encoding(bytes.name, codec, {
			room: `a message of ${endpoint} has at most`,
			outcome: "Nothing was sent.",
		});
		this.#into = codec.into;
		this.#encode = this.#encoderOf(codec);
	}

	#encoderOf({ encode, into }: AnyCodec): (value: Sent) => Uint8Array | string {
		return encode ?? ((value) => this.#written(into as CodecInto<Sent>, value));
	}

	get receiverCount(): number {
		return this.#bytes.receiverCount;
	}

	get observerCount(): number {
		return this.#bytes.observerCount;
	}

	get maxMessageLength(): number {
		return this.#bytes.maxMessageLength;
	}

	get refusal(): Refusal | undefined {
		return this.#bytes.refusal;
	}

	send(value: Value, options?: WaitOptions): boolean {
		return this.#send(value, options === undefined ? -1 : checkTimeout(this.name, options));
	}

	trySend(value: Value): boolean {
		return this.#send(value, 0);
	}

	#send(value: Value, timeout: number): boolean {
		if (this.#writing || value === undefined || this.#bytes.closed) this.#check(value);
		const into = this.#into;
		if (into) return this.#sendInto(into, value as Sent, timeout);
		const message = this.#encode(value as Sent);
		if (typeof message !== "string" && !(message instanceof Uint8Array)) this.#encoding.check(message);
		return this.#bytes.transmit(message, timeout);
	}

	sendAsync(value: Value, options?: AsyncWaitOptions): Sending {
		let message: Uint8Array | string;
		try {
			this.#check(value);
			this.#encodeLater ??= this.#encoderOf(this.#encoding.codec.renew());
			message = this.#encodeLater(value as Sent);
			this.#encoding.check(message);
			// The codec may use its memory for the next value before this one is sent.
			if (typeof message !== "string") message = copyOf(message);
		} catch (error) {
			return Promise.reject(error);
		}
		return this.#bytes.sendAsync(message, options);
	}

	sendBatch(values: Iterable<Value>, options?: WaitOptions): number {
		this.#checkWriting();
		this.#bytes.checkSendable();
		checkIterable(this.name, values);
		return this.#bytes.sendBatch(this.#encoded(values), options);
	}

	*#encoded(values: Iterable<Value>): IterableIterator<Uint8Array | string> {
		for (const value of values) {
			if (value === undefined) throw this.#undefinedError();
			const message = this.#encode(value as Sent);
			this.#encoding.check(message);
			yield message;
		}
	}

	/** Sends a value that the codec writes itself: to the ring if it is large, otherwise to memory that is then copied. */
	#sendInto(into: CodecInto<Sent>, value: Sent, timeout: number): boolean {
		const most = this.#sizeOf(into, value);
		if (most <= SCRATCH_BYTES || most > this.#bytes.maxLoanLength)
			return this.#bytes.transmit(this.#writtenTo(into, value, this.#memory(most)), timeout);
		const loan = this.#bytes.lend(most, timeout);
		if (!loan) return false;
		try {
			const length = this.#write(into, value, loan.bytes);
			this.#bytes.checkSendable(); // the codec may have closed it
			return loan.send(length);
		} finally {
			loan[Symbol.dispose](); // if it was not sent, its space is given back
		}
	}

	/** A value that the codec writes itself, in memory that is used again. */
	#written(into: CodecInto<Sent>, value: Sent): Uint8Array {
		return this.#writtenTo(into, value, this.#memory(this.#sizeOf(into, value)));
	}

	#writtenTo(into: CodecInto<Sent>, value: Sent, target: Uint8Array): Uint8Array {
		const length = this.#write(into, value, target);
		return length === target.byteLength ? target : viewOf(target, 0, length);
	}

	#sizeOf(into: CodecInto<Sent>, value: Sent): number {
		return this.#encoding.sizeOf(into, value, this.maxMessageLength);
	}

	/** Memory for a value; the same one for each small value. */
	#memory(byteLength: number): Uint8Array {
		if (byteLength > SCRATCH_BYTES) return new Uint8Array(byteLength);
		// A codec may have transferred it.
		if (!this.#scratch || this.#scratch.byteLength === 0) this.#scratch = new Uint8Array(SCRATCH_BYTES);
		return viewOf(this.#scratch, 0, byteLength);
	}

	/** Has the codec write. Returns how many bytes it has written. */
	#write(into: CodecInto<Sent>, value: Sent, target: Uint8Array): number {
		this.#checkWriting();
		this.#writing = true;
		try {
			return this.#encoding.write(into, value, target);
		} finally {
			this.#writing = false;
		}
	}

	/** Checks the sender and a value before any code of the codec runs. */
	#check(value: Value): void {
		this.#checkWriting();
		this.#bytes.checkSendable();
		if (value === undefined) throw this.#undefinedError();
	}

	#undefinedError(): IpcError {
		return invalid(
			this.name,
			`undefined cannot be sent to ${this.#endpoint}: receivers get it where there is no message. Send null. Nothing was sent.`,
		);
	}

	#checkWriting(): void {
		if (this.#writing)
			throw new IpcError(
				"ERR_IPC_REENTRANT",
				this.name,
				`The codec ${JSON.stringify(this.#encoding.codec.id)} of ${this.#endpoint} tried to send on the sender for which it is writing a value. into.write must only write.`,
			);
	}

	flush(options?: AsyncWaitOptions): Promise<Flushed> {
		return this.#bytes.flush(options);
	}

	waitForReceivers(count: number, options?: WaitOptions): boolean {
		return this.#bytes.waitForReceivers(count, options);
	}

	receiversReady(count: number, options?: AsyncWaitOptions): Promise<boolean> {
		return this.#bytes.receiversReady(count, options);
	}

	clone(): ValueSender<Value> {
		const codec = this.#encoding.codec.renew();
		return new ValueSenderEndpoint<Value>(this.#bytes.clone() as SenderEndpoint, this.#endpoint, codec);
	}
}

function copyOf(bytes: Uint8Array): Uint8Array {
	const copy = new Uint8Array(bytes.byteLength);
	copy.set(bytes);
	return copy;
}
