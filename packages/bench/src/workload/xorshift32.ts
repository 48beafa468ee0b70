/** Random numbers of 32 bits. Marsaglia, "Xorshift RNGs" (2003), the triple 13/17/5: small enough to be the same in C. */
export function xorshift32(seed: number): () => number {
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
