export const MESSAGE_BYTES = 64;

/** The message of a round: no two rounds have a word in common, so that an old echo is never taken for a new one. */
export class PingMessage {
	readonly bytes = new Uint8Array(MESSAGE_BYTES);
	readonly #words = new Uint32Array(this.bytes.buffer);

	write(round: number): void {
		const words = this.#words;
		for (let i = 0; i < words.length; i++) words[i] = Math.imul(round, 0x9e37_79b1) + i * 40_503;
	}

	/** Whether these are, to the last bit, the bytes of this message. */
	equals(echo: Uint32Array): boolean {
		const words = this.#words;
		for (let i = 0; i < words.length; i++) if (words[i] !== echo[i]) return false;
		return true;
	}
}
