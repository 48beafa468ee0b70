/**
 * Messages that can be checked: sender, sequence and length follow from the message, and every byte from those.
 * Lengths go from 9 bytes to `largest`, small and large mixed.
 */
const HEADER = 9;

export function patternLength(sender: number, sequence: number, largest: number): number {
	const mixed = (Math.imul(sequence + 1, 0x9e3779b1) ^ Math.imul(sender + 1, 0x85ebca6b)) >>> 0;
	// One in 64 is large: the rest stay small enough to make a million of them quickly.
	const limit = mixed % 64 === 0 ? largest : Math.min(largest, 64);
	return HEADER + ((mixed >>> 8) % Math.max(1, limit - HEADER + 1));
}

/** Writes message `sequence` of `sender` into `into` and answers its bytes. */
export function writePattern(into: Uint8Array, sender: number, sequence: number, largest: number): Uint8Array {
	const length = patternLength(sender, sequence, largest);
	const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
	view.setUint8(0, sender);
	view.setUint32(1, sequence, true);
	view.setUint32(5, length, true);
	into.fill((sender * 31 + sequence * 7) & 0xff, HEADER, length);
	return into.subarray(0, length);
}

/** Who sent these bytes and as which message; throws if a byte is not what that message has. */
export function readPattern(bytes: Uint8Array, largest: number): { sender: number; sequence: number } {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const sender = view.getUint8(0);
	const sequence = view.getUint32(1, true);
	const length = view.getUint32(5, true);
	if (length !== bytes.byteLength || length !== patternLength(sender, sequence, largest))
		throw new Error(`message ${sequence} of sender ${sender} has ${bytes.byteLength} bytes, says ${length}`);
	const fill = (sender * 31 + sequence * 7) & 0xff;
	for (let i = HEADER; i < length; i++)
		if (bytes[i] !== fill) throw new Error(`message ${sequence} of sender ${sender} is wrong at byte ${i}`);
	return { sender, sequence };
}
