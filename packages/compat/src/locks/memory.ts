import { bufferLengthOf, openFailure } from "@libipc/core/api";
import { type EngineMemory, type EngineWaker, headerLong, Status } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { unlink } from "../segment/slots.ts";
import { leave, notifyWaits } from "../segment/waits.ts";
import { WakeableHandle } from "./wakeable.ts";

const { memoryBytes: MEMORY_BYTES_LONG } = headerLong;

/** How long to wait for the name lock, as long as an open does. Milliseconds. */
const PATIENCE = 5000;

/** What a handle of shared memory needs from the engine that holds the segments. */
export interface MemoryKeeper {
	readonly prefix: string;
	readonly name: string;
	/**
	 * Makes the shared memory at least `byteLength` bytes long, in place. The new bytes are zeros. Under the name lock. Returns 0, or a
	 * status, and then nothing has changed.
	 */
	reserve(before: number, byteLength: number): number;
	/** Keeps the memory as long as `view` lives, also after the handle is closed. */
	retain(view: Uint8Array): void;
	/** The error to throw when there is no room. */
	noSpace(byteLength: number): Error;
}

/**
 * A handle of shared memory: `native/src/memory.c`. The memory lies in the segment's buffer behind its tables. Every thread has the
 * whole buffer, so nothing needs to be mapped again after a grow.
 */
export class SegmentMemory extends WakeableHandle implements EngineMemory {
	readonly #keeper: MemoryKeeper;
	/** Its whole words, as many as there were when one of them was last needed. */
	#words: Int32Array = new Int32Array(0);

	constructor(segment: Segment, at: number, instance: number, leave: () => void, keeper: MemoryKeeper) {
		super(segment, at, instance, leave);
		this.#keeper = keeper;
	}

	#error(code: number, wanted = 0): Error {
		if (code === Status.noSpace) return this.#keeper.noSpace(wanted);
		const { prefix, name } = this.#keeper;
		return openFailure({ code, systemError: 0, option: 0, pid: 0, found: 0, wanted }, "memory", prefix, name);
	}

	/** The byte offset of the memory in the buffer. */
	get #start(): number {
		return this.segment.bytes.byteOffset + this.segment.body;
	}

	/** Its length in bytes, or `Status.corrupt`. */
	#length(): number {
		const { segment } = this;
		const byteLength = Number(Atomics.load(segment.longs, MEMORY_BYTES_LONG));
		const isThere = byteLength > 0 && byteLength <= bufferLengthOf(segment.bytes) - this.#start;
		return isThere ? segment.result(byteLength) : Status.corrupt;
	}

	byteLength(): number {
		return this.isOpen ? this.#length() : Status.closed;
	}

	map(): Uint8Array {
		const byteLength = this.byteLength();
		if (byteLength < 0) throw this.#error(byteLength);
		const view = new Uint8Array(this.segment.bytes.buffer, this.#start, byteLength);
		this.#keeper.retain(view);
		return view;
	}

	grow(byteLength: number): void {
		const status = this.isOpen ? this.#grow(byteLength) : Status.closed;
		if (status < 0) throw this.#error(status, byteLength);
	}

	#grow(byteLength: number): number {
		const { segment } = this;
		const { platform } = segment;
		const locked = platform.lock(segment, PATIENCE);
		if (locked < 0) return segment.result(locked);
		// A kill before the store leaves more room than is needed.
		const before = this.#length();
		let status = Math.min(before, 0);
		if (status === 0 && before < byteLength) status = this.#keeper.reserve(before, byteLength);
		if (status === 0 && before < byteLength) Atomics.store(segment.longs, MEMORY_BYTES_LONG, BigInt(byteLength));
		platform.unlock(segment);
		return segment.result(status);
	}

	unlink(): void {
		const { segment } = this;
		const locked = this.isOpen ? segment.platform.lock(segment, PATIENCE) : Status.closed;
		if (locked === Status.orphaned) return;
		if (locked < 0) throw this.#error(locked);
		unlink(segment);
		segment.platform.unlock(segment);
	}

	/** The index of a word, or a status. */
	#wordAt(offset: number): number {
		if (offset % 4 !== 0) return Status.invalidArgument;
		const index = offset / 4;
		if (index >= this.#words.length) {
			const byteLength = this.#length();
			if (byteLength < 0) return byteLength;
			this.#words = new Int32Array(this.segment.bytes.buffer, this.#start, Math.floor(byteLength / 4));
		}
		return index < this.#words.length ? index : Status.invalidArgument;
	}

	enter(offset: number, expected: number, waker: EngineWaker | undefined): number {
		if (!this.isOpen) return Status.closed;
		const { segment } = this;
		const word = this.#wordAt(offset);
		if (word < 0) return word;
		const index = this.beginWait(word, waker);
		if (index < 0) return segment.result(index);
		// A thread that changes the word after this load, and then wakes, finds the wait.
		if (Atomics.load(this.#words, word) === (expected | 0)) return segment.result(index);
		if (leave(segment, index)) notifyWaits(segment, word, 1);
		return segment.result(Status.notEqual);
	}

	wake(offset: number, count: number): number {
		return this.isOpen ? this.segment.result(notifyWaits(this.segment, offset / 4, count)) : Status.closed;
	}
}
