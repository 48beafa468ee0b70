/**
 * A message of a broadcast channel as it travels: this header, and the value as the codec `structured` writes it. A large value is cut
 * into parts. All numbers are little endian.
 *
 * | byte | |
 * | --- | --- |
 * | 0 | {@link VERSION} |
 * | 4 | the number of the object in its thread, for the thread itself: an object does not get its own messages |
 * | 8 | the id of the thread: 64 random bits |
 * | 16 | which part this is, from 0 |
 * | 20 | how many parts there are |
 */
const HEADER_BYTES = 24;
const VERSION = 1;

export interface Frame {
	readonly object: number;
	readonly thread: bigint;
	readonly part: number;
	readonly parts: number;
	readonly payload: Uint8Array;
}

/** The frames of a value; `most`: bytes of a payload. They do not share memory with `value`. */
export function framesOf(thread: bigint, object: number, value: Uint8Array, most: number): Uint8Array[] {
	const parts = Math.max(1, Math.ceil(value.byteLength / most));
	return Array.from({ length: parts }, (_, part) => {
		const payload = value.subarray(part * most, (part + 1) * most);
		const frame = new Uint8Array(HEADER_BYTES + payload.byteLength);
		const header = new DataView(frame.buffer);
		header.setUint8(0, VERSION);
		header.setUint32(4, object, true);
		header.setBigUint64(8, thread, true);
		header.setUint32(16, part, true);
		header.setUint32(20, parts, true);
		frame.set(payload, HEADER_BYTES);
		return frame;
	});
}

/** `undefined`: these bytes are no frame. */
export function readFrame(bytes: Uint8Array): Frame | undefined {
	if (bytes.byteLength < HEADER_BYTES || bytes[0] !== VERSION) return undefined;
	const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
	const part = header.getUint32(16, true);
	const parts = header.getUint32(20, true);
	if (part >= parts) return undefined;
	return {
		object: header.getUint32(4, true),
		thread: header.getBigUint64(8, true),
		part,
		parts,
		payload: bytes.subarray(HEADER_BYTES),
	};
}

/** The bytes of a frame that are not the value. */
export const frameOverhead = HEADER_BYTES;
