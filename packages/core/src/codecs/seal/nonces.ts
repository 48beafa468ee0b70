import { randomFillSync } from "node:crypto";
import { NONCE_BYTES } from "./envelope.ts";

const STREAM_BYTES = 8;
const LAST = 0xffff_ffff;

/**
 * The nonces of one stream of messages: the number of the stream, 64 random bits, then the number of the message, 32 bits. Two streams
 * never share a state, so a nonce repeats only if two streams drew the same number: for n streams under one key, with a probability of
 * at most n² / 2^65. After the last message number, a new stream begins.
 *
 * A stream number is drawn at the first message, not when a program is loaded: a snapshot of a program that has not sent contains none.
 */
export class Nonces {
	readonly #nonce = new Uint8Array(NONCE_BYTES);
	readonly #view = new DataView(this.#nonce.buffer);
	#sequence: number;

	/** `sequence`: the number of the message before the first one; for tests. */
	constructor(sequence = LAST) {
		this.#sequence = sequence;
	}

	/** The next nonce. It is valid until the next call. */
	next(): Uint8Array {
		// Counted before anything can fail: a number is never used twice.
		this.#sequence = this.#sequence === LAST ? 0 : this.#sequence + 1;
		if (this.#sequence === 0) randomFillSync(this.#nonce, 0, STREAM_BYTES);
		this.#view.setUint32(STREAM_BYTES, this.#sequence, true);
		return this.#nonce;
	}
}

/** Which streams a receiver has read from, and how far. */
export class SeenStreams {
	/** The number of the last message of each stream, the stream that was read from last at the end. */
	readonly #last = new Map<bigint, number>();
	readonly #most: number;

	/** `most`: how many streams it remembers. */
	constructor(most: number) {
		this.#most = most;
	}

	/** Notes a message that was authentic. Returns false if it, or a later one of its stream, was read before. */
	accept(nonce: Uint8Array): boolean {
		const view = new DataView(nonce.buffer, nonce.byteOffset, NONCE_BYTES);
		const stream = view.getBigUint64(0, true);
		const sequence = view.getUint32(STREAM_BYTES, true);
		const last = this.#last.get(stream);
		if (last !== undefined) {
			if (sequence <= last) return false;
			this.#last.delete(stream);
		} else if (this.#last.size >= this.#most) {
			for (const oldest of this.#last.keys()) {
				this.#last.delete(oldest);
				break;
			}
		}
		this.#last.set(stream, sequence);
		return true;
	}
}
