import {
	type Engine,
	type EngineMemory,
	limits,
	modes,
	type SharedMemoryMode,
	Status,
	WaitBits,
} from "@libipc/protocol";
import { checkCount, checkInteger, invalid, show } from "../check/argument.ts";
import { byteLengthOf, memoryOf } from "../check/bytes.ts";
import { checkTimeout, checkWaitOptions } from "../check/call_options.ts";
import { throwIfAborted } from "../check/signal.ts";
import type { AsyncWaitOptions, WaitOptions } from "../endpoint/types.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { checkHandle, clearHandle, type Handle, type HandleOptions, NamedHandle } from "./handle.ts";

/** How shared memory is opened. */
export interface SharedMemoryOptions extends HandleOptions {
	/**
	 * The size in bytes: 1 to 4,294,967,296 (4 GiB). It is required unless `mode` is `"open"`. New memory is all zeros. Existing
	 * memory may be larger; if it is smaller, the open fails with `ERR_IPC_OPTIONS_MISMATCH`.
	 *
	 * @defaultValue with `mode: "open"`, the size that the memory has
	 */
	readonly size?: number | undefined;
	/**
	 * Whether the memory must exist, must not exist, or may exist.
	 *
	 * @defaultValue `"create-or-open"`
	 */
	readonly mode?: SharedMemoryMode | undefined;
}

/** How a wait on a word ended: it was woken, the word did not have the expected value, or the time was up. */
export type WordWait = "ok" | "not-equal" | "timed-out";

/**
 * Memory that processes share, and waits on 32-bit words in it. It is the base for data structures of your own.
 *
 * @example
 * import { SharedMemory } from "libipc";
 *
 * using memory = SharedMemory.open("counters", { size: 4096 });
 * const { words } = memory;
 * const woken = memory.waitOnAsync(0, 0); // in another process: memory.waitOn(0, 0)
 * Atomics.add(words, 0, 1);
 * memory.wake(0);
 * console.log(await woken); // ok
 */
export interface SharedMemory extends Handle {
	/**
	 * All bytes of the memory, as large as it is now. After the memory has grown, this is a new view; earlier views still show
	 * the same memory. Views stay valid after `close`. The `buffer` is an ArrayBuffer or a part of a SharedArrayBuffer, depending
	 * on the engine. With a SharedArrayBuffer, keep a reference to `bytes` or `words` while you use your own views of the buffer;
	 * once both are collected, the region may be reused. What such views keep, {@link SharedMemoryFactory.keptBytes} counts.
	 *
	 * `new Int32Array(memory.bytes)` would be a copy. For a view of the same memory use {@link words}, or
	 * `new Float64Array(memory.bytes.buffer, memory.bytes.byteOffset, length)`; `byteOffset` is a multiple of 8.
	 *
	 * @throws IpcError `ERR_IPC_ORPHANED` if the memory has grown and its name was removed since, so that the rest cannot be mapped;
	 * `ERR_IPC_CLOSED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`, `ERR_IPC_NO_SPACE`
	 */
	readonly bytes: Uint8Array;
	/**
	 * All whole 32-bit words of {@link bytes}, for `Atomics`. The word at index `i` is at byte `4 * i`, which is the offset for
	 * {@link waitOn} and {@link wake}.
	 *
	 * @throws IpcError as {@link bytes}
	 */
	readonly words: Int32Array;
	/**
	 * The size of the memory now, in bytes.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 */
	readonly byteLength: number;
	/**
	 * How many handles are open on the memory, in all processes. It asks the system about each of them.
	 *
	 * @throws IpcError as {@link byteLength}
	 */
	readonly referenceCount: number;
	/**
	 * Makes the memory at least this large, for all processes. It never shrinks.
	 *
	 * @param byteLength - 1 to 4,294,967,296 (4 GiB).
	 * @returns The size of the memory now, in bytes.
	 * @throws IpcError `ERR_IPC_NO_SPACE`, `ERR_IPC_ORPHANED` if the name was removed: the memory keeps its size;
	 * `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_FORKED`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { SharedMemory } from "libipc";
	 *
	 * using memory = SharedMemory.open("counters", { size: 4096 });
	 * console.log(memory.grow(10000) >= 10000); // true
	 */
	grow(byteLength: number): number;
	/**
	 * Removes the name. Open handles keep the memory; the next open of the name gets other memory.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`, `ERR_IPC_FORKED`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { SharedMemory } from "libipc";
	 *
	 * using memory = SharedMemory.open("counters", { size: 4096 });
	 * memory.unlink();
	 * using other = SharedMemory.open("counters", { size: 4096 });
	 * memory.words[0] = 1;
	 * console.log(other.words[0]); // 0
	 */
	unlink(): void;
	/**
	 * Blocks the thread while the word at `offset` has the value `expected`, until {@link wake}; {@link waitOnAsync} does not. It
	 * may return `"ok"` without a wake if a process that had the memory open has died, so read the word again.
	 *
	 * @param offset - Where the word begins, in bytes: a multiple of 4.
	 * @param expected - An integer from -2,147,483,648 to 4,294,967,295, compared as 32 bits.
	 * @throws IpcError `ERR_IPC_TOO_MANY_WAITS`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { SharedMemory } from "libipc";
	 *
	 * using memory = SharedMemory.open("counters", { size: 4096 });
	 * console.log(memory.waitOn(0, 1)); // not-equal
	 * console.log(memory.waitOn(0, 0, { timeout: 10 })); // timed-out
	 */
	waitOn(offset: number, expected: number, options?: WaitOptions): WordWait;
	/**
	 * The same as {@link waitOn}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link waitOn}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { SharedMemory } from "libipc";
	 *
	 * using memory = SharedMemory.open("counters", { size: 4096 });
	 * const woken = memory.waitOnAsync(8, 0);
	 * memory.wake(8);
	 * console.log(await woken); // ok
	 */
	waitOnAsync(offset: number, expected: number, options?: AsyncWaitOptions): Promise<WordWait>;
	/**
	 * Wakes waits on the word at `offset`, the oldest first. Change the word before.
	 *
	 * @param offset - Where the word begins, in bytes: a multiple of 4.
	 * @param count - How many waits to wake at most. Default: all.
	 * @returns How many waits it woke.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { SharedMemory } from "libipc";
	 *
	 * using memory = SharedMemory.open("counters", { size: 4096 });
	 * console.log(memory.wake(0)); // 0
	 */
	wake(offset: number, count?: number): number;
}

/** Opens shared memory. */
export interface SharedMemoryFactory {
	/**
	 * Opens the shared memory of this name.
	 *
	 * @param name - 1 to 128 bytes of UTF-8, without `/` and control characters.
	 * @throws IpcError `ERR_IPC_EXISTS`, `ERR_IPC_NOT_FOUND`, `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_OPTIONS_MISMATCH`,
	 * `ERR_IPC_TOO_MANY_HANDLES`, `ERR_IPC_PERMISSION`, `ERR_IPC_NO_SPACE`, `ERR_IPC_VERSION`, `ERR_IPC_CORRUPT`, `ERR_IPC_FOREIGN`, `ERR_IPC_BUSY`,
	 * `ERR_IPC_LIBRARY`, `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { SharedMemory } from "libipc";
	 *
	 * using memory = SharedMemory.open("counters", { size: 4096 });
	 * console.log(memory.byteLength >= 4096); // true
	 */
	open(name: string, options: SharedMemoryOptions): SharedMemory;
	/**
	 * Removes the shared memory of a name. It does nothing if the name does not exist. Open handles keep the memory.
	 *
	 * @param options - `prefix`: as in {@link HandleOptions.prefix}.
	 * @throws IpcError `ERR_IPC_INVALID_NAME`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_PERMISSION`, `ERR_IPC_BUSY`, `ERR_IPC_LIBRARY`,
	 * `ERR_IPC_ENGINE`, `ERR_IPC_SYSTEM`
	 * @example
	 * import { SharedMemory } from "libipc";
	 *
	 * SharedMemory.clear("counters");
	 */
	clear(name: string, options?: { prefix?: string }): void;
	/**
	 * How many bytes of shared memory stay mapped only because views of closed handles still exist: `bytes`, `words`, and views of
	 * their buffers stay valid after `close`, until they are garbage-collected. A handle whose views were never used gives its memory
	 * back at once. Native: of this process; between threads: of this thread.
	 *
	 * @returns Bytes. They are in use in the storage, too, also after the name was removed.
	 * @example
	 * import { SharedMemory } from "libipc";
	 *
	 * const memory = SharedMemory.open("counters", { size: 4096 });
	 * const { words } = memory;
	 * memory.close();
	 * words[0] = 1; // still valid
	 * console.log(SharedMemory.keptBytes() >= 4096); // true
	 */
	keptBytes(): number;
}

/** An engine may keep the memory only while the bytes that it returned are referenced, so the words keep a reference to them. */
const bytesOf = new WeakMap<Int32Array, Uint8Array>();

class NamedMemory extends NamedHandle<EngineMemory> implements SharedMemory {
	readonly #queue: WaitQueue;
	#bytes: Uint8Array | undefined;
	#words: Int32Array | undefined;

	constructor(engines: Engine, prefix: string, name: string, engine: EngineMemory) {
		super(engines, "memory", prefix, name, engine);
		this.#queue = new WaitQueue(this.loop, engine, WaitBits.woken);
	}

	get bytes(): Uint8Array {
		const byteLength = this.#checkLength();
		const bytes = this.#bytes;
		// The user may have transferred the buffer, which leaves this view empty. The memory is then mapped again.
		if (bytes && byteLengthOf(bytes) === byteLength) return bytes;
		this.#bytes = this.engine.map();
		return this.#bytes;
	}

	get words(): Int32Array {
		const { bytes } = this;
		// The views were handed out: their properties may be overridden.
		const { buffer, byteOffset } = memoryOf(bytes);
		const length = Math.floor(byteLengthOf(bytes) / 4); // not `>> 2`: 4 GiB does not fit in 32 bits
		const words = this.#words;
		// Reused if the buffer is the same (it differs after a transfer) and the length is the same.
		if (words && memoryOf(words).buffer === buffer && byteLengthOf(words) === length * 4) return words;
		this.#words = new Int32Array(buffer, byteOffset, length);
		bytesOf.set(this.#words, bytes);
		return this.#words;
	}

	get byteLength(): number {
		return this.#checkLength();
	}

	/** The length in bytes. Throws if the handle is closed, also during the exit of the process, when native objects are closed already. */
	#checkLength(): number {
		const byteLength = this.engine.byteLength();
		// Memory is never empty: 0 is damage.
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
		if (typeof offset === "number" && offset >= 0 && offset <= last && offset % 4 === 0) return offset + 0; // not -0
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
		const checked = checkWaitOptions(this.name, options);
		throwIfAborted(checked.signal);
		this.checkOpen();
		const wait = this.#enter(offset, expected, this.loop.waker(this.engine));
		if (wait < 0) return "not-equal";
		const attempt = (): WordWait | undefined => {
			const status = this.engine.sleep(wait, 0);
			if (status === Status.timedOut) return undefined;
			if (status < 0) throw this.failure(status);
			return "ok";
		};
		return await this.#queue.waitChecked<WordWait>(checked, attempt, {
			timedOut: () => "timed-out",
			closed: () => {
				throw this.closedError();
			},
			// The wait was woken before it ended: pass the wake on to another wait.
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
		this.#queue.close();
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

/** Makes `SharedMemory` of an API from its engine. */
export function createSharedMemoryFactory(engine: () => Engine): SharedMemoryFactory {
	return {
		open(name, options) {
			const { prefix, options: checked } = checkHandle("memory", name, options);
			const mode = checkMode(name, options?.mode);
			const all = { ...checked, mode, size: checkSize(name, options?.size, mode) };
			return new NamedMemory(engine(), prefix, name, engine().openMemory(prefix, name, all));
		},
		clear: (name, options) => clearHandle(engine(), "memory", name, options),
		keptBytes: () => engine().keptBytes(),
	};
}
