/** Values of which every byte, and the length, follow from their first four bytes. */

const LONGEST = 9000;

const lengthOf = (seed: number): number => 8 + ((seed * 13) % (LONGEST - 8));

export function patternOf(seed: number): Uint8Array {
	const value = new Uint8Array(lengthOf(seed)).fill(seed & 0xff);
	new DataView(value.buffer).setUint32(0, seed, true);
	return value;
}

/** Throws if the value is not whole. */
export function checkPattern(value: Uint8Array | null): void {
	if (value === null) throw new Error("there is no value");
	const seed = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
	if (value.byteLength !== lengthOf(seed)) throw new Error(`a value of ${value.byteLength} bytes begins with ${seed}`);
	for (let i = 4; i < value.byteLength; i++)
		if (value[i] !== (seed & 0xff)) throw new Error(`byte ${i} of ${value.byteLength} is another value's`);
}
