const encoder = new TextEncoder();
const EMPTY_CAPACITY = 256;
/** Longer strings are encoded into new memory, which is not kept. */
const LARGE = 65_536;

/** Converts strings to bytes. Each sender has one, whose memory is reused for the next string. */
export class MessageEncoder {
	/** The last string that was passed to {@link encode}: the first `length` bytes. Never empty: an empty view has no address for an FFI. */
	bytes: Uint8Array = new Uint8Array(EMPTY_CAPACITY);
	#scratch: Uint8Array<ArrayBuffer> = new Uint8Array(EMPTY_CAPACITY);

	/** Sets {@link bytes} and returns the length of the message. */
	encode(message: string): number {
		if (message.length > LARGE) {
			this.bytes = encoder.encode(message);
			return this.bytes.byteLength;
		}
		// UTF-8 takes at most three bytes for each UTF-16 unit.
		if (this.#scratch.byteLength < message.length * 3) this.#scratch = new Uint8Array(message.length * 3);
		this.bytes = this.#scratch;
		return encoder.encodeInto(message, this.#scratch).written;
	}
}
