/** Bytes before each message in a byte stream: its length, little-endian. */
export const FRAME_PREFIX_BYTES = 4;

/**
 * Length-prefixed frames gathered in one chunk. A write for each message would cost a system call for each. A program that
 * sends many small messages through a socket or a pipe puts many into one write.
 */
export class FrameBatch {
	readonly #chunk: Buffer;
	#used = 0;

	constructor(byteLength: number) {
		this.#chunk = Buffer.allocUnsafe(byteLength);
	}

	/** False when the message does not fit any more; nothing was added then. */
	add(message: Uint8Array): boolean {
		const start = this.#used + FRAME_PREFIX_BYTES;
		const end = start + message.length;
		if (end > this.#chunk.length) return false;
		this.#chunk.writeUInt32LE(message.length, this.#used);
		this.#chunk.set(message, start);
		this.#used = end;
		return true;
	}

	/** Everything gathered so far, valid until the next {@link add}; the batch is empty afterwards. */
	take(): Buffer {
		const gathered = this.#chunk.subarray(0, this.#used);
		this.#used = 0;
		return gathered;
	}
}
