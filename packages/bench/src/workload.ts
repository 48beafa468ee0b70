/**
 * What every benchmark here sends, and how every receiver checks it.
 *
 * bench_ipc sends messages of random length; so do we, but a receiver can tell from any message who sent it,
 * which one it is, and what every byte must be. `native/bench/workload.h` makes the same messages in C: a change
 * here is a change there.
 *
 * A sender cycles through templates of random length and content. Its first four bytes are stamped with
 * `sender | sequence << 8` (a message shorter than that carries as much of it as fits), so a lost, repeated,
 * reordered, torn or mixed-up message differs from the expected one in its length or in a byte.
 */
export interface WorkloadOptions {
	/** Shortest message in bytes, at least 2: one byte for the sender, one for the sequence. */
	readonly min: number;
	/** Longest message in bytes. */
	readonly max: number;
	/** How many senders there are, at most 256. */
	readonly senders: number;
}

const TEMPLATE_BYTES = 256 * 1024;
const MAX_TEMPLATES = 1024;
/** Senders start at different templates, so that swapped senders are seen. */
const SENDER_STRIDE = 37;

export class Workload {
	/** Where a receiver puts a message before {@link accept} checks it. */
	readonly target: Uint8Array<ArrayBuffer>;
	readonly #views: Uint8Array<ArrayBuffer>[] = [];
	readonly #lengths: Int32Array;
	readonly #mask: number;
	readonly #stride: number;
	readonly #bytes: Uint8Array;
	readonly #ints: Int32Array;
	readonly #doubles: Float64Array;
	readonly #targetInts: Int32Array;
	readonly #targetDoubles: Float64Array;
	readonly #next: Int32Array;

	constructor({ min, max, senders }: WorkloadOptions) {
		this.#stride = (max + 7) & ~7;
		let templates = MAX_TEMPLATES;
		while (templates > 16 && templates * this.#stride > TEMPLATE_BYTES) templates /= 2;
		this.#mask = templates - 1;
		const buffer = new ArrayBuffer(templates * this.#stride);
		this.#bytes = new Uint8Array(buffer);
		this.#ints = new Int32Array(buffer);
		this.#doubles = new Float64Array(buffer);
		this.#lengths = new Int32Array(templates);
		const random = xorshift32(0x9e3779b9);
		for (let k = 0; k < templates; k++) {
			const length = min + (random() % (max - min + 1));
			this.#lengths[k] = length;
			const start = k * this.#stride;
			// 0x20 to 0x5f: eight such bytes are never NaN, 0 or -0 as a double, so === on doubles compares all bits.
			for (let i = 0; i < this.#stride; i++) this.#bytes[start + i] = 0x20 + (random() & 0x3f);
			this.#views.push(new Uint8Array(buffer, start, length));
		}
		const target = new ArrayBuffer(this.#stride);
		this.target = new Uint8Array(target);
		this.#targetInts = new Int32Array(target);
		this.#targetDoubles = new Float64Array(target);
		this.#next = new Int32Array(senders);
	}

	/** Message `sequence` of `sender`: valid until the next call. */
	message(sender: number, sequence: number): Uint8Array<ArrayBuffer> {
		const k = (sequence + sender * SENDER_STRIDE) & this.#mask;
		this.#ints[(k * this.#stride) >> 2] = sender | (sequence << 8);
		return this.#views[k] as Uint8Array<ArrayBuffer>;
	}

	/** Start of a round: every sender is expected to begin at sequence 0 again. */
	restart(): void {
		this.#next.fill(0);
	}

	/** Whether the `length` bytes in {@link target} are, to the last bit, the next message of their sender. */
	accept(length: number): boolean {
		const target = this.target;
		const sender = target[0] as number;
		if (sender >= this.#next.length) return false;
		const sequence = this.#next[sender] as number;
		this.#next[sender] = sequence + 1;
		const k = (sequence + sender * SENDER_STRIDE) & this.#mask;
		if (length !== this.#lengths[k]) return false;
		const start = k * this.#stride;
		const tag = sender | (sequence << 8);
		if (length < 8) return this.#acceptShort(length, start, tag);
		if (this.#targetInts[0] !== tag || this.#targetInts[1] !== this.#ints[(start >> 2) + 1]) return false;
		const targetDoubles = this.#targetDoubles;
		const doubles = this.#doubles;
		const words = length >> 3;
		const first = start >> 3;
		for (let i = 1; i < words; i++) if (targetDoubles[i] !== doubles[first + i]) return false;
		for (let i = words << 3; i < length; i++) if (target[i] !== this.#bytes[start + i]) return false;
		return true;
	}

	#acceptShort(length: number, start: number, tag: number): boolean {
		for (let i = 0; i < length; i++) {
			const expected = i < 4 ? (tag >>> (8 * i)) & 0xff : this.#bytes[start + i];
			if (this.target[i] !== expected) return false;
		}
		return true;
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
