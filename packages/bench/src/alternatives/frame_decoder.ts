import { FRAME_PREFIX_BYTES } from "./frame_batch.ts";

/** Called for each message: it is the bytes `start` to `end` of `chunk`, valid until the call returns. */
export type FrameHandler = (chunk: Buffer, start: number, end: number) => void;

/** Finds length-prefixed frames in a stream that is cut anywhere. Only a frame cut in two is copied. */
export class FrameDecoder {
	readonly #maxLength: number;
	readonly #handle: FrameHandler;
	readonly #carry: Buffer;
	#carried = 0;

	constructor(maxLength: number, handle: FrameHandler) {
		this.#maxLength = maxLength;
		this.#handle = handle;
		this.#carry = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + maxLength);
	}

	/** The next bytes of the stream. Throws when a length cannot be right: what follows has no known beginning. */
	push(bytes: Uint8Array): void {
		const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		let offset = this.#carried > 0 ? this.#completeCarried(chunk) : 0;
		while (chunk.length - offset >= FRAME_PREFIX_BYTES) {
			const start = offset + FRAME_PREFIX_BYTES;
			const end = start + this.#checked(chunk.readUInt32LE(offset));
			if (end > chunk.length) break;
			this.#handle(chunk, start, end);
			offset = end;
		}
		this.#carryOn(chunk, offset, chunk.length);
	}

	/** Feeds the frame that the last chunk began; returns where the rest of this chunk starts. */
	#completeCarried(chunk: Buffer): number {
		const prefixEnd = Math.min(chunk.length, Math.max(0, FRAME_PREFIX_BYTES - this.#carried));
		this.#carryOn(chunk, 0, prefixEnd);
		if (this.#carried < FRAME_PREFIX_BYTES) return chunk.length;
		const end = FRAME_PREFIX_BYTES + this.#checked(this.#carry.readUInt32LE(0));
		const offset = Math.min(chunk.length, prefixEnd + end - this.#carried);
		this.#carryOn(chunk, prefixEnd, offset);
		if (this.#carried < end) return chunk.length;
		this.#carried = 0;
		this.#handle(this.#carry, FRAME_PREFIX_BYTES, end);
		return offset;
	}

	#carryOn(chunk: Buffer, start: number, end: number): void {
		if (start < end) this.#carried += chunk.copy(this.#carry, this.#carried, start, end);
	}

	#checked(length: number): number {
		if (length > this.#maxLength) throw new RangeError(`A frame of ${length} bytes; at most ${this.#maxLength} fit.`);
		return length;
	}
}
