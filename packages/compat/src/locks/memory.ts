import { openFailure } from "@libipc/core/api";
import { type EngineMemory, type EngineWaker, headerLong, Status } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { unlink } from "../segment/slots.ts";
import { leave, notifyWaits } from "../segment/waits.ts";
import { WakeableHandle } from "./wakeable.ts";

const { memoryBytes: MEMORY_BYTES_LONG } = headerLong;

/** How long to wait for the name lock, as an open does. Milliseconds. */
const PATIENCE = 5000;

/** What shared memory asks of whoever keeps the segments. */
export interface MemoryKeeper {
	readonly prefix: string;
	readonly name: string;
	/**
	 * Makes the segment's memory, without its header and tables, at least so large, with zeros where there was none before. What
	 * was there stays where it is. Under the name lock. 0, or a status: then nothing has changed.
	 */
	reserve(before: number, byteLength: number): number;
	/** Keeps the memory for its name as long as `view` lives, also when the handle is closed. */
	retain(view: Uint8Array): void;
	/** What is thrown when there is no room. */
	noSpace(byteLength: number): Error;
}

/**
 * A handle of shared memory: `native/src/memory.c`. The memory is what the segment's buffer has behind its tables; all of
 * that is there for everybody, so nothing has to be mapped again when it has grown.
 */
export class SegmentMemory extends WakeableHandle implements EngineMemory {
	readonly #keeper: MemoryKeeper;
	/** As many whole words of it as there were when one of them was needed last. */
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

	/** Where it begins in the buffer. */
	get #start(): number {
		return this.segment.bytes.byteOffset + this.segment.body;
	}

	/** How many bytes it has, or `Status.corrupt`. */
	#length(): number {
		const { segment } = this;
		const byteLength = Number(Atomics.load(segment.longs, MEMORY_BYTES_LONG));
		const isThere = byteLength > 0 && byteLength <= segment.bytes.buffer.byteLength - this.#start;
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
		// Killed before the store, we leave room that is more than it need be.
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
		const index = this.begins(word, waker);
		if (index < 0) return segment.result(index);
		// Whoever changes it from now on, and wakes then, finds the wait.
		if (Atomics.load(this.#words, word) === (expected | 0)) return segment.result(index);
		if (leave(segment, index)) notifyWaits(segment, word, 1);
		return segment.result(Status.notEqual);
	}

	wake(offset: number, count: number): number {
		return this.isOpen ? this.segment.result(notifyWaits(this.segment, offset / 4, count)) : Status.closed;
	}
}
