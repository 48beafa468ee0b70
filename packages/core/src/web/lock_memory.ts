import { IpcError } from "@libipc/protocol";
import type { SharedMemory } from "../lock/shared_memory.ts";
import { type LockState, readState, writeState } from "./lock_state.ts";

/**
 * The words at the beginning of the memory. Word `current`: its lowest bit says which of two descriptors holds; the other bits count the
 * changes. A descriptor is two words: where the state begins, in bytes, and its length.
 *
 * Invariant: the descriptor that `current` chooses, and the bytes that it names, are not written. A change writes the state to other bytes,
 * then the other descriptor, then `current`: that one store publishes it. A process that is killed before leaves the state as it was. All
 * this happens under the mutex, which orders it for the others.
 */
const Word = { current: 0, descriptors: 2 } as const;
const HEADER_BYTES = 64;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Where the state is. */
interface Place {
	readonly start: number;
	readonly length: number;
}

/** The state of all locks, in shared memory. The caller holds the mutex. */
export class LockMemory {
	readonly #memory: SharedMemory;

	constructor(memory: SharedMemory) {
		this.#memory = memory;
	}

	#place(): Place {
		const { words, byteLength } = this.#memory;
		const at = Word.descriptors + 2 * (Atomics.load(words, Word.current) & 1);
		const start = (words[at] as number) >>> 0;
		const length = (words[at + 1] as number) >>> 0;
		if (length > 0 && (start < HEADER_BYTES || start + length > byteLength))
			throw new IpcError("ERR_IPC_CORRUPT", this.#memory.name, "The shared state of the web locks is damaged.");
		return { start, length };
	}

	read(): LockState {
		const { start, length } = this.#place();
		// A copy: the memory may be a SharedArrayBuffer, which not every decoder accepts.
		return readState(length === 0 ? "" : decoder.decode(this.#memory.bytes.slice(start, start + length)));
	}

	write(state: LockState): void {
		const present = this.#place();
		const bytes = encoder.encode(writeState(state));
		const fitsBefore = present.length === 0 || bytes.byteLength <= present.start - HEADER_BYTES;
		const start = fitsBefore ? HEADER_BYTES : present.start + present.length;
		if (start + bytes.byteLength > this.#memory.byteLength)
			this.#memory.grow(Math.max(start + bytes.byteLength, 2 * this.#memory.byteLength));
		this.#memory.bytes.set(bytes, start);
		const { words } = this.#memory;
		const current = Atomics.load(words, Word.current);
		const other = (current & 1) ^ 1;
		words[Word.descriptors + 2 * other] = start;
		words[Word.descriptors + 2 * other + 1] = bytes.byteLength;
		// Release: the bytes and the descriptor come before it. Partner: the load in #place, of the next owner of the mutex.
		Atomics.store(words, Word.current, (((current >>> 1) + 1) << 1) | other);
	}
}
