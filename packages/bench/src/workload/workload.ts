/**
 * What every benchmark here sends, and how every receiver checks it.
 *
 * bench_ipc sends messages of random length; so do we, but a receiver can tell from any message who sent it, which one
 * it is, and what every byte must be. `native/bench/workload.h` makes the same messages in C: a change here is a change
 * there.
 *
 * A sender cycles through messages of random length, each a different stretch of one pool of random bytes. The first
 * four bytes are stamped with `sender | sequence << 8` (a message shorter than that carries as much of it as fits), so a
 * lost, repeated, reordered, torn or mixed-up message differs from the expected one in its length or in a byte.
 */
export interface WorkloadOptions {
	/** Shortest message in bytes, at least 2: one byte for the sender, one for the sequence. */
	readonly min: number;
	/** Longest message in bytes. */
	readonly max: number;
	/** How many senders there are, at most 256. */
	readonly senders: number;
}

/** Makes what tells whether `length` bytes of the target equal those of the pool, from a multiple of four on in each. */
export type Comparer = (
	target: Uint8Array<ArrayBuffer>,
	pool: Uint8Array<ArrayBuffer>,
) => (targetStart: number, poolStart: number, length: number) => boolean;

/** How many different messages there are, at most; a power of two. Fewer if they are large. */
const MAX_DIFFERENT = 1024;
const MAX_DIFFERENT_BYTES = 1 << 18;
const MIN_DIFFERENT = 16;
/** Random bytes that messages begin in, 8 bytes further on for each: a receiver's cache holds what it compares with. */
const POOL_STARTS = 512;
/** Senders start at different messages, so that swapped senders are seen. */
const SENDER_STRIDE = 37;

export class Workload {
	/** Where a receiver puts a message before {@link accept} checks it. */
	readonly target: Uint8Array<ArrayBuffer>;
	readonly #lengths: Int32Array;
	readonly #mask: number;
	/** The messages to send, ready but for the stamp; made when the first is asked for. */
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

	/** Start of a round: every sender is expected to begin at sequence 0 again. */
	restart(): void {
		this.#next.fill(0);
	}

	/** Whether the `length` bytes in {@link target} are, to the last bit, the next message of their sender. */
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

/** Marsaglia, "Xorshift RNGs" (2003), the 13/17/5 triple: small enough to be the same in C. */
function xorshift32(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state ^= state << 13;
		state >>>= 0;
		state ^= state >>> 17;
		state ^= state << 5;
		state >>>= 0;
		return state;
	};
}
