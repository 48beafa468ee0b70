/**
 * Messages that can be checked. The first 16 bytes are the sending task, the instance of its endpoint, the number of the message
 * from that instance, and its length. Every other byte follows from those.
 */
export interface Tag {
	readonly task: number;
	/** Which of the endpoints that the task has opened. */
	readonly instance: number;
	readonly sequence: number;
}

/** A number for a message. The sums of what was sent and what was received must be equal. */
export const checksum = ({ task, instance, sequence }: Tag): number => task * 7919 + instance * 104_729 + sequence;

export const HEADER = 16;
const TILE = 4096;

function fillByte({ task, instance, sequence }: Tag): number {
	return (task * 61 + instance * 17 + sequence * 7) & 0xff;
}

export function writeMessage(into: Uint8Array, tag: Tag, length: number): Uint8Array {
	const view = new DataView(into.buffer, into.byteOffset);
	view.setUint32(0, tag.task, true);
	view.setUint32(4, tag.instance, true);
	view.setUint32(8, tag.sequence, true);
	view.setUint32(12, length, true);
	const byte = fillByte(tag);
	into.fill(byte, HEADER, length);
	// No two pages are equal, so a fragment in the wrong position is found.
	for (let at = TILE; at < length; at += TILE) into[at] = (byte + at / TILE) & 0xff;
	return into.subarray(0, length);
}

/** Reads who sent a message. Throws if any byte is wrong. */
export function readMessage(bytes: Uint8Array): Tag {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const tag: Tag = {
		task: view.getUint32(0, true),
		instance: view.getUint32(4, true),
		sequence: view.getUint32(8, true),
	};
	const length = view.getUint32(12, true);
	const about = `message ${tag.sequence} of task ${tag.task}, instance ${tag.instance},`;
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
