import { notAMessage } from "../check/argument.ts";
import type { Message } from "./types.ts";

const encoder = new TextEncoder();
const EMPTY_CAPACITY = 256;
/** Longer strings are encoded into new memory, which is not kept. */
const LARGE = 65_536;

/**
 * Converts messages that are not a `Uint8Array` to bytes. Each sender has one: strings are encoded into memory that is reused for
 * the next string.
 */
export class MessageEncoder {
	/** The last message that was passed to {@link encode}: the first `length` bytes. */
	bytes: Uint8Array = new Uint8Array(EMPTY_CAPACITY);
	#scratch: Uint8Array<ArrayBuffer> = new Uint8Array(EMPTY_CAPACITY);

	/** Sets {@link bytes} and returns the length of the message. `bytes` is never empty: an empty view has no address for an FFI. */
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
