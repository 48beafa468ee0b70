/** A function that returns integers from 0 to below `end`: the same ones for the same seed (xorshift32). */
export function seededRandom(seed: number): (end: number) => number {
	// The state must not be 0.
	let state = (Math.imul(seed, 2_654_435_761) + 1) | 0 || 1;
	return (end) => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % end;
	};
}
