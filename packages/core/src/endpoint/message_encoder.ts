import { notAMessage } from "../check/argument.ts";
import type { Message } from "./types.ts";

const encoder = new TextEncoder();
const EMPTY_CAPACITY = 256;
/** Longer strings are encoded into separate memory, which need not be kept. */
const LARGE = 65_536;

/**
 * Turns messages that are not a `Uint8Array` into bytes. One per sender: strings are encoded into memory that is used
 * again for the next one.
 */
export class MessageEncoder {
	/** The bytes of the last message given to {@link encode}: the first `length` of them. */
	bytes: Uint8Array = new Uint8Array(EMPTY_CAPACITY);
	#scratch: Uint8Array<ArrayBuffer> = new Uint8Array(EMPTY_CAPACITY);

	/** Sets {@link bytes} and answers how many of them are the message. `bytes` is never empty, for the sake of FFI. */
	encode(message: Message, endpoint: string): number {
		if (typeof message === "string") {
			if (message.length > LARGE) {
				this.bytes = encoder.encode(message);
				return this.bytes.byteLength;
			}
			// UTF-8 takes at most three bytes for each UTF-16 unit.
			if (this.#scratch.byteLength < message.length * 3) this.#scratch = new Uint8Array(message.length * 3);
			this.bytes = this.#scratch;
			return encoder.encodeInto(message, this.#scratch).written;
		}
		let view: Uint8Array;
		if (ArrayBuffer.isView(message)) {
			if (message.byteLength === 0 && isDetached(message.buffer)) throw notAMessage(endpoint, message);
			view = new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
		} else if (message instanceof ArrayBuffer || message instanceof SharedArrayBuffer) {
			if (isDetached(message)) throw notAMessage(endpoint, message);
			view = new Uint8Array(message);
		} else {
			throw notAMessage(endpoint, message);
		}
		this.bytes = view.byteLength === 0 ? this.#scratch : view;
		return view.byteLength;
	}
}

function isDetached(buffer: ArrayBufferLike): boolean {
	return buffer instanceof ArrayBuffer && buffer.detached;
}
