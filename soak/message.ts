/**
 * Messages that can be checked: 16 bytes say who sent it, in which of the sender's lives, as which message of that life
 * and how long it is; every other byte follows from those.
 */
export interface Tag {
	readonly task: number;
	readonly life: number;
	readonly sequence: number;
}

export const HEADER = 16;
const TILE = 4096;

function fillByte({ task, life, sequence }: Tag): number {
	return (task * 61 + life * 17 + sequence * 7) & 0xff;
}

export function writeMessage(into: Uint8Array, tag: Tag, length: number): Uint8Array {
	const view = new DataView(into.buffer, into.byteOffset);
	view.setUint32(0, tag.task, true);
	view.setUint32(4, tag.life, true);
	view.setUint32(8, tag.sequence, true);
	view.setUint32(12, length, true);
	const byte = fillByte(tag);
	into.fill(byte, HEADER, length);
	// No two pages alike: a fragment in the wrong place shows.
	for (let at = TILE; at < length; at += TILE) into[at] = (byte + at / TILE) & 0xff;
	return into.subarray(0, length);
}

/** Who sent it; throws if a byte is wrong. */
export function readMessage(bytes: Uint8Array): Tag {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const tag: Tag = {
		task: view.getUint32(0, true),
		life: view.getUint32(4, true),
		sequence: view.getUint32(8, true),
	};
	const length = view.getUint32(12, true);
	const about = `message ${tag.sequence} of life ${tag.life} of task ${tag.task}`;
	if (length !== bytes.byteLength) throw new Error(`${about} has ${bytes.byteLength} bytes, not ${length}`);
	const expected = writeMessage(scratch(length), tag, length);
	if (Buffer.compare(bytes, expected) !== 0) throw new Error(`${about} (${length} bytes) is torn`);
	return tag;
}

let memory = new Uint8Array(HEADER);
function scratch(length: number): Uint8Array {
	if (memory.byteLength < length) memory = new Uint8Array(length);
	return memory;
}
