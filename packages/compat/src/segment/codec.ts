import { header, headerWord, limits } from "@libipc/protocol";
import type { Segment } from "./segment.ts";

const { codecLength: LENGTH, codecPid: PID } = headerWord;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The codec of a name: `native/src/codec.h`. Under the name lock, or on a copy. */

/** Its id; `""` if it is not set; `undefined` if it is damaged. */
export function codecOf({ words, bytes }: Segment): string | undefined {
	const length = Atomics.load(words, LENGTH) >>> 0;
	if (length > limits.codecBytes) return undefined;
	// A copy: a TextDecoder refuses views of shared memory.
	const id = bytes.slice(header.codec, header.codec + length);
	return id.every((byte) => byte >= 0x20 && byte <= 0x7e) ? decoder.decode(Uint8Array.from(id)) : undefined;
}

/** The process that has set it. */
export const codecPid = ({ words }: Segment): number => words[PID] as number;

/** Sets the codec of an endpoint that has just joined, if it has one and the name has none. */
export function setCodec({ words, bytes, platform }: Segment, id: string): void {
	if (id === "" || Atomics.load(words, LENGTH) !== 0) return;
	bytes.set(encoder.encode(id), header.codec);
	words[PID] = platform.pid;
	// The length comes last: a thread that is terminated before it leaves a codec that is not set.
	Atomics.store(words, LENGTH, id.length);
}
