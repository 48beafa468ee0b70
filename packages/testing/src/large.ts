/** Bytes that can only be those of message `seed`, of any length. */
export function large(seed: number, byteLength: number): Uint8Array<ArrayBuffer> {
	const words = new Uint32Array(Math.ceil(byteLength / 4));
	for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b);
	return new Uint8Array(words.buffer, 0, byteLength);
}

/** Whether they are those, without a second copy of them. */
export function isLarge(bytes: Uint8Array, seed: number, byteLength: number): boolean {
	if (bytes.byteLength !== byteLength) return false;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const word = (i: number) => (Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b)) >>> 0;
	const words = byteLength >>> 2;
	for (let i = 0; i < words; i++) if (view.getUint32(i * 4, true) !== word(i)) return false;
	for (let i = words * 4; i < byteLength; i++) if (bytes[i] !== ((word(words) >>> ((i % 4) * 8)) & 0xff)) return false;
	return true;
}
