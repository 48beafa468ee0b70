import {
	type Engine,
	type EngineMemory,
	limits,
	modes,
	type SharedMemoryMode,
	Status,
	WaitBits,
} from "@libipc/protocol";
import { checkAsyncWait, checkCount, checkInteger, checkTimeout, invalid, show } from "../check/argument.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";

/** How shared memory is opened. */
export interface SharedMemoryOptions extends HandleOptions {
	/** Bytes, 1 to 4 GiB; what is there may be larger. Needed unless `mode` is "open". New memory is all zeros. */
	readonly size?: number | undefined;
	/** Default "create-or-open". */
	readonly mode?: SharedMemoryMode | undefined;
}

/** How a wait on a word ended: it was woken, the word was not as expected, or the time was up. */
export type WordWait = "ok" | "not-equal" | "timed-out";

/**
 * Memory that processes share, and waiting on 32-bit words in it: what to build one's own structures on.
 *
 * @example
 * using memory = SharedMemory.open("counters", { size: 4096 });
 * const { words } = memory;
 * Atomics.add(words, 0, 1);
 * memory.wake(0);
 * // in another process
 * const seen = Atomics.load(words, 0);
 * memory.waitOn(0, seen);   // until it is no longer what was seen
 */
export interface SharedMemory extends Handle {
	/**
	 * All of it, as it is now. After the memory has grown this is another one, and those from before go on being the same
	 * memory. They may be kept after `close`. Its `buffer` is an ArrayBuffer, or a part of a SharedArrayBuffer: whichever
	 * the engine has. Of the latter, keep `bytes` or `words` for as long as views of your own: a part that nobody has any more
	 * becomes other memory.
	 *
	 * `new Int32Array(memory.bytes)` would be a copy, one number for each byte. A view of the same memory is {@link words}, or
	 * `new Float64Array(memory.bytes.buffer, memory.bytes.byteOffset, length)`; `byteOffset` is a multiple of 8.
	 *
	 * @throws IpcError `ERR_IPC_ORPHANED`: it has grown and its name was removed since, so the rest cannot be had;
	 * `ERR_IPC_CLOSED`, `ERR_IPC_CORRUPT`
	 */
	readonly bytes: Uint8Array;
	/**
	 * All whole 32-bit words of {@link bytes}, for Atomics: the word at index `i` is the one at byte `4 * i`, which is how
	 * `waitOn` and `wake` count.
	 *
	 * @throws IpcError as `bytes`
	 */
	readonly words: Int32Array;
	/** How many bytes it has now. */
	readonly byteLength: number;
	/** How many handles are open on it, in all processes. It asks the system about each. */
	readonly referenceCount: number;
	/**
	 * Makes it at least this large, for everybody; it never shrinks. Answers how large it is now.
	 *
	 * @throws IpcError `ERR_IPC_NO_SPACE`, `ERR_IPC_ORPHANED` (the name was removed): then it stays as it was
	 */
	grow(byteLength: number): number;
	/** Removes the name. Who has it open keeps the memory; the next to open the name gets other memory. */
	unlink(): void;
	/**
	 * Sleeps while the word at byte `offset` (a multiple of 4) is `expected`, until {@link wake}. It may end as "ok" without
	 * one when a process that had the memory open has died: look at the word again.
	 *
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_TOO_MANY_WAITS`, `ERR_IPC_CLOSED`
	 */
	waitOn(offset: number, expected: number, options?: WaitOptions): WordWait;
	/** {@link waitOn} that lets the event loop go on. */
	waitOnAsync(offset: number, expected: number, options?: AsyncWaitOptions): Promise<WordWait>;
	/** Wakes up to `count` (default: all) that wait on the word, who came first first. Answers how many. Change the word before. */
	wake(offset: number, count?: number): number;
}

/** What a package exports as `SharedMemory`. */
export interface SharedMemoryFactory {
	/**
	 * Opens the memory of this name.
	 *
	 * @throws IpcError `ERR_IPC_EXISTS`, `ERR_IPC_NOT_FOUND`, `ERR_IPC_OPTIONS_MISMATCH` (it is smaller), and what
	 * `Mutex.open` throws
	 */
	open(name: string, options: SharedMemoryOptions): SharedMemory;
	/** Removes what the name has in the system. Who has it open keeps the memory. */
	clear(name: string, options?: { prefix?: string }): void;
}

/** An engine may keep the memory for as long as the bytes live that it has handed out: words keep those. */
const bytesOf = new WeakMap<Int32Array, Uint8Array>();

class NamedMemory extends NamedHandle<EngineMemory> implements SharedMemory {
	readonly #line: WaitQueue;
	#bytes: Uint8Array | undefined;
	#words: Int32Array | undefined;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineMemory) {
		super(engines, "memory", prefix, name, engine);
		this.#line = new WaitQueue(this.loop, engine, WaitBits.woken);
	}

	get bytes(): Uint8Array {
		const byteLength = this.#checkLength();
		const bytes = this.#bytes;
		// The user may have transferred it away, which leaves it empty; it lives on there, and here a new one is made.
		if (bytes?.byteLength === byteLength) return bytes;
		this.#bytes = this.engine.map();
		return this.#bytes;
	}

	get words(): Int32Array {
		const { bytes } = this;
		const { buffer, byteOffset, byteLength } = bytes;
		const length = Math.floor(byteLength / 4); // of 4 GiB, which are no 32-bit number
		// As long as it is of the same buffer, which one that was transferred away is not, and of the same length.
		if (this.#words?.buffer === buffer && this.#words.length === length) return this.#words;
		this.#words = new Int32Array(buffer, byteOffset, length);
		bytesOf.set(this.#words, bytes);
		return this.#words;
	}

	get byteLength(): number {
		return this.#checkLength();
	}

	/** How long it is, if it is open: the process may be about to exit, with its native objects gone already. */
	#checkLength(): number {
		const byteLength = this.engine.byteLength();
		// There is no empty memory: none is damage.
		if (byteLength <= 0) throw this.failure(byteLength === 0 ? Status.corrupt : byteLength);
		return byteLength;
	}

	get referenceCount(): number {
		this.#checkLength();
		return this.engine.count();
	}

	grow(byteLength: number): number {
		this.#checkLength();
		this.engine.grow(checkCount(this.name, "byteLength", byteLength, 1, limits.maxMemory));
		return this.#checkLength();
	}

	unlink(): void {
		this.#checkLength();
		this.engine.unlink();
	}

	#checkOffset(offset: unknown): number {
		const last = this.#checkLength() - 4;
		if (typeof offset === "number" && offset >= 0 && offset <= last && offset % 4 === 0) return offset;
		throw invalid(
			this.name,
			`offset must be a multiple of 4 from 0 to ${last - (last % 4)}, the last whole word of ${this.what}, not ${show(offset)}.`,
		);
	}

	#enter(offset: number, expected: number, waker: Parameters<EngineMemory["enter"]>[2]): number {
		const word = checkCount(this.name, "expected", expected, -(2 ** 31), 2 ** 32 - 1);
		const wait = this.engine.enter(this.#checkOffset(offset), word >>> 0, waker);
		if (wait < 0 && wait !== Status.notEqual) throw this.failure(wait);
		return wait;
	}

	waitOn(offset: number, expected: number, options?: WaitOptions): WordWait {
		const timeout = checkTimeout(this.name, options);
		const wait = this.#enter(offset, expected, undefined);
		if (wait < 0) return "not-equal";
		const status = this.engine.sleep(wait, timeout);
		if (status === 0 || (status === Status.timedOut && this.engine.leave(wait))) return "ok";
		if (status === Status.timedOut) return "timed-out";
		throw this.failure(status);
	}

	async waitOnAsync(offset: number, expected: number, options?: AsyncWaitOptions): Promise<WordWait> {
		checkAsyncWait(this.name, options)?.throwIfAborted();
		this.checkOpen();
		const wait = this.#enter(offset, expected, this.loop.waker(this.engine));
		if (wait < 0) return "not-equal";
		const attempt = (): WordWait | undefined => {
			const status = this.engine.sleep(wait, 0);
			if (status === Status.timedOut) return undefined;
			if (status < 0) throw this.failure(status);
			return "ok";
		};
		return await this.#line.wait<WordWait>(this.name, options, attempt, {
			timedOut: "timed-out",
			closed: () => {
				throw this.closedError();
			},
			// Woken all the same: another is to be.
			givenUp: () => {
				if (this.engine.leave(wait)) this.engine.wake(offset, 1);
			},
		});
	}

	wake(offset: number, count?: number): number {
		const most = count === undefined || count === Infinity ? 0xffffffff : count;
		const woken = this.engine.wake(this.#checkOffset(offset), checkCount(this.name, "count", most, 0, 0xffffffff));
		if (woken < 0) throw this.failure(woken);
		return woken;
	}

	protected endWaits(): void {
		this.#line.close();
	}
}

function checkMode(name: string, mode: unknown): number {
	if (mode === undefined) return 0;
	const index = (modes as readonly unknown[]).indexOf(mode);
	if (index >= 0) return index;
	throw invalid(name, `mode must be "create", "open" or "create-or-open", not ${show(mode)}.`);
}

function checkSize(name: string, size: unknown, mode: number): number {
	if (size === undefined && modes[mode] !== "open")
		throw invalid(name, `size is needed: the bytes that the memory is to have, 1 to ${limits.maxMemory} (4 GiB).`);
	return checkInteger(name, "size", size, 1, limits.maxMemory, `1 to ${limits.maxMemory} (4 GiB)`);
}

/** Makes what a package exports as `SharedMemory` out of its engine. */
export function createSharedMemoryFactory(engine: () => Engine): SharedMemoryFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle(name, options);
			const mode = checkMode(name, options?.mode);
			const all = { ...checked, mode, size: checkSize(name, options?.size, mode) };
			return new NamedMemory(engine(), prefix, name, engine().openMemory(prefix, name, all));
		},
		clear: (name, options) => clearHandle(engine(), "memory", name, options),
	};
}
