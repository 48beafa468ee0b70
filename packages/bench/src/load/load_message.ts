import { MESSAGE_BYTES } from "../latency/ping_message.ts";

/** Which word of the message is the sequence, which double the due time, and where the pattern begins. */
const SEQUENCE_WORD = 0;
const DUE_DOUBLE = 1;
const PATTERN_WORD = 4;

/** A message says when it was due, and every other word follows from its sequence. native/bench/load.c sends the same. */
export class LoadMessage {
	readonly bytes = new Uint8Array(MESSAGE_BYTES);
	readonly #words = new Int32Array(this.bytes.buffer);
	readonly #doubles = new Float64Array(this.bytes.buffer);

	/** When the message was due, in nanoseconds of monotonicNs(). */
	get due(): number {
		return this.#doubles[DUE_DOUBLE] as number;
	}

	write(sequence: number, due: number): void {
		const words = this.#words;
		words[SEQUENCE_WORD] = sequence;
		this.#doubles[DUE_DOUBLE] = due;
		for (let word = PATTERN_WORD; word < words.length; word++) words[word] = pattern(sequence, word);
	}

	/** Whether these bytes are the message with this sequence, to the last bit but for the due time. */
	isNext(sequence: number): boolean {
		const words = this.#words;
		if (words[SEQUENCE_WORD] !== sequence) return false;
		for (let word = PATTERN_WORD; word < words.length; word++)
			if (words[word] !== pattern(sequence, word)) return false;
		return true;
	}
}

function pattern(sequence: number, word: number): number {
	return (Math.imul(sequence, 0x9e37_79b1) + word * 40_503) | 0;
}
