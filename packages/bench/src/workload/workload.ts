/**
 * The messages that every benchmark sends, and how every receiver checks them.
 *
 * bench_ipc sends messages of random length. These messages do too, but a receiver can tell from each message which sender
 * sent it, which number it has, and what every byte must be. `native/bench/workload.h` makes the same messages in C: change
 * both together.
 *
 * A sender repeats a series of messages of random length. Each is a different part of one pool of random bytes. The first
 * four bytes hold the stamp `sender | sequence << 8` (a shorter message holds as much of it as fits). A message that is
 * lost, repeated, reordered, torn or mixed up therefore differs from the expected one in its length or in a byte.
 */
import { xorshift32 } from "./xorshift32.ts";

export interface WorkloadOptions {
	/** Shortest message in bytes, at least 2: one byte for the sender, one for the sequence. */
	readonly min: number;
	/** Longest message in bytes. */
	readonly max: number;
	/** How many senders there are, at most 256. */
	readonly senders: number;
}

/** Makes the function that compares `length` bytes of the target with bytes of the pool; both starts are multiples of 4. */
export type Comparer = (
	target: Uint8Array<ArrayBuffer>,
	pool: Uint8Array<ArrayBuffer>,
) => (targetStart: number, poolStart: number, length: number) => boolean;

/** How many different messages there are, at most; a power of two. Fewer if they are large. */
const MAX_DIFFERENT = 1024;
const MAX_DIFFERENT_BYTES = 1 << 18;
const MIN_DIFFERENT = 16;
/** Messages start at so many places in the pool, 8 bytes apart. The pool stays in the receiver's cache. */
const POOL_STARTS = 512;
/** Senders start at different messages, so that swapped senders are detected. */
const SENDER_STRIDE = 37;

export class Workload {
	/** A receiver puts a message here before {@link accept} checks it. */
	readonly target: Uint8Array<ArrayBuffer>;
	readonly #lengths: Int32Array;
	readonly #mask: number;
	/** The messages to send, without the stamp; made at the first call of {@link message}. */
	#messages: Uint8Array<ArrayBuffer>[] = [];
	#stamps: Int32Array = new Int32Array(0);
	readonly #stride: number;
	readonly #pool: Uint8Array<ArrayBuffer>;
	readonly #targetInts: Int32Array;
	readonly #isEqual: ReturnType<Comparer>;
	readonly #next: Int32Array;

	constructor({ min, max, senders }: WorkloadOptions, compare: Comparer) {
		this.#stride = (Math.max(max, 4) + 7) & ~7;
		let different = MAX_DIFFERENT;
		while (different > MIN_DIFFERENT && different * this.#stride > MAX_DIFFERENT_BYTES) different /= 2;
		this.#mask = different - 1;
		const random = xorshift32(0x9e3779b9);
		this.#lengths = Int32Array.from({ length: different }, () => min + (random() % (max - min + 1)));

		const pool = new ArrayBuffer(POOL_STARTS * 8 + this.#stride);
		this.#pool = new Uint8Array(pool).map(() => random() & 0xff);

		const target = new ArrayBuffer(this.#stride);
		this.target = new Uint8Array(target);
		this.#targetInts = new Int32Array(target);
		this.#isEqual = compare(this.target, this.#pool);
		this.#next = new Int32Array(senders);
	}

	/** Message `sequence` of `sender`: valid until the next call. */
	message(sender: number, sequence: number): Uint8Array<ArrayBuffer> {
		if (this.#messages.length === 0) this.#makeMessages();
		const k = (sequence + sender * SENDER_STRIDE) & this.#mask;
		this.#stamps[(k * this.#stride) >> 2] = sender | (sequence << 8);
		return this.#messages[k] as Uint8Array<ArrayBuffer>;
	}

	#makeMessages(): void {
		const bytes = new Uint8Array(this.#lengths.length * this.#stride);
		this.#stamps = new Int32Array(bytes.buffer);
		this.#messages = Array.from(this.#lengths, (length, k) => {
			const start = this.#poolStart(k);
			const message = bytes.subarray(k * this.#stride, k * this.#stride + length);
			message.set(this.#pool.subarray(start, start + length));
			return message;
		});
	}

	/** Where in the pool message k begins. */
	#poolStart(k: number): number {
		return ((k * 7) & (POOL_STARTS - 1)) * 8;
	}

	/** A round starts: every sender begins at sequence 0 again. */
	restart(): void {
		this.#next.fill(0);
	}

	/** Whether the first `length` bytes of {@link target} are, to the last bit, the next message of their sender. */
	accept(length: number): boolean {
		const sender = this.target[0] as number;
		if (sender >= this.#next.length) return false;
		const sequence = this.#next[sender] as number;
		this.#next[sender] = sequence + 1;
		const k = (sequence + sender * SENDER_STRIDE) & this.#mask;
		if (length !== this.#lengths[k]) return false;
		const tag = sender | (sequence << 8);
		if (length < 4) return (((this.#targetInts[0] as number) ^ tag) & ((1 << (8 * length)) - 1)) === 0;
		if (this.#targetInts[0] !== tag) return false;
		return this.#isEqual(4, this.#poolStart(k) + 4, length - 4);
	}
}
