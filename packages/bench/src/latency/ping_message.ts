export const MESSAGE_BYTES = 64;

/** The message of a round. No two rounds have a word in common, so an old echo never passes for a new one. */
export class PingMessage {
	readonly bytes = new Uint8Array(MESSAGE_BYTES);
	readonly #words = new Uint32Array(this.bytes.buffer);

	write(round: number): void {
		const words = this.#words;
		for (let i = 0; i < words.length; i++) words[i] = Math.imul(round, 0x9e37_79b1) + i * 40_503;
	}

	/** Whether the echo equals this message to the last bit. */
	equals(echo: Uint32Array): boolean {
		const words = this.#words;
		for (let i = 0; i < words.length; i++) if (words[i] !== echo[i]) return false;
		return true;
	}
}
