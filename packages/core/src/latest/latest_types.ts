import type { AsyncWaitOptions, IterationOptions, Message, WaitOptions } from "../endpoint/endpoint_types.ts";
import type { Handle, HandleOptions } from "../lock/handle.ts";
import type { StandardSchema } from "../value/standard_schema.ts";
import type { ValueOptions } from "../value/value_types.ts";

/** How a latest value is opened. The process that opens a name first sets `maxLength`, `maxHandles` and `permissions`. */
export interface LatestOptions extends HandleOptions {
	/**
	 * The longest value in bytes: 1 to 67,108,864 (64 MiB). The name uses memory for four values of this length, and for one more for
	 * each reader that is stopped or killed while it reads.
	 *
	 * @defaultValue `65536`, or what the name has
	 */
	readonly maxLength?: number | undefined;
	/**
	 * true: the name and its value stay when no handle is open, until {@link LatestFactory.clear} or a restart of the machine. Once
	 * a handle was opened with it, it holds for the name. Between threads: until the process ends.
	 *
	 * @defaultValue `false`
	 */
	readonly keep?: boolean | undefined;
}

/** How a latest value is opened whose values a codec turns into bytes. */
export type ValueLatestOptions<Value, Sent = Value, Schema = StandardSchema> = LatestOptions &
	ValueOptions<Value, Sent, Schema>;

/** How long to wait for a change, and of which version. */
export interface LatestWaitOptions extends WaitOptions {
	/**
	 * A version: the wait ends when the value has another one. 0: a value that was ever set is new.
	 *
	 * @defaultValue the version that this handle has got or set last: {@link Latest.seen}
	 */
	readonly since?: number | undefined;
}

/** How long to wait for a change, of which version, and what ends the wait. */
export interface LatestWaitAsyncOptions extends LatestWaitOptions, AsyncWaitOptions {}

/** What latest values of bytes and of values have in common. */
export interface LatestHandle extends Handle {
	/** The longest value in bytes. */
	readonly maxLength: number;
	/**
	 * The version of the present value: how often it was set. 0: never.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`
	 */
	readonly version: number;
	/**
	 * The version of the value that this handle has returned or set last; 0: none. Of {@link Latest.wait} it is what a value has to
	 * be newer than.
	 *
	 * @throws IpcError `ERR_IPC_CLOSED`
	 */
	readonly seen: number;
	/**
	 * A waiting call keeps the process alive. This is the state of a new handle.
	 *
	 * @returns this handle
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using settings = Latest.open("settings").unref();
	 * settings.ref();
	 */
	ref(): this;
	/**
	 * A waiting call does not keep the process alive.
	 *
	 * @returns this handle
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using settings = Latest.open("settings").unref();
	 * settings.waitAsync().catch(() => {}); // the process may exit while this waits
	 */
	unref(): this;
}

/**
 * One named value, which any process replaces as a whole and reads without waiting. A process that opens the name later gets the
 * present value. A value is bytes; with a codec it is a {@link ValueLatest}.
 *
 * `set` never waits for readers; writers take turns. `get` never waits, and returns a whole value: the one of a moment during the
 * call. If a writer is killed at any point, the value is the one before, or the new one.
 *
 * @example
 * import { Latest } from "libipc";
 *
 * using settings = Latest.open("settings"); // in one process
 * settings.set("dark");
 * using viewer = Latest.open("settings"); // in another one, later
 * console.log(new TextDecoder().decode(viewer.get() ?? undefined), viewer.version); // dark 1
 */
export interface Latest extends LatestHandle, AsyncIterable<Uint8Array<ArrayBuffer>> {
	/**
	 * Replaces the value. It waits only while another process is setting it, or is in {@link update}.
	 *
	 * @param value - Bytes, or a string, which is stored as UTF-8; at most {@link maxLength} bytes.
	 * @returns false if the time was up: another writer had the value. Without a timeout always true.
	 * @throws IpcError `ERR_IPC_MESSAGE_TOO_LARGE`; `ERR_IPC_DEADLOCK` if another handle of this thread is in {@link update};
	 * `ERR_IPC_REENTRANT` in the function that this handle calls for {@link update}; `ERR_IPC_NO_SPACE` if readers are stopped while they
	 * read, and there is no memory for another value; `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`,
	 * `ERR_IPC_FORKED`. The value is the one before then
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using settings = Latest.open("settings");
	 * settings.set("dark");
	 * settings.set(Uint8Array.of(1, 2, 3), { timeout: 100 });
	 * console.log(settings.version); // 2
	 */
	set(value: Message, options?: WaitOptions): boolean;
	/**
	 * Replaces the value by what `change` makes of it; no other writer sets it in between. `change` is called once, while other
	 * writers wait, so it should be short; it must not be asynchronous. If it throws, or returns `undefined`, the value stays. If
	 * the process is killed in it, the value stays, and the other writers go on within a second.
	 *
	 * @param change - Gets the present value, or `null` if it was never set.
	 * @returns false if the time was up before `change` could be called.
	 * @throws IpcError as {@link set}; and what `change` throws
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using settings = Latest.open("settings");
	 * settings.update((value) => Uint8Array.of((value?.[0] ?? 0) + 1));
	 * console.log(settings.get()?.[0]); // 1
	 */
	update(change: (value: Uint8Array<ArrayBuffer> | null) => Message | undefined, options?: WaitOptions): boolean;
	/**
	 * The present value. It never waits.
	 *
	 * @returns A copy that belongs to the caller; `null` if the value was never set.
	 * @throws IpcError `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`, `ERR_IPC_CORRUPT`, `ERR_IPC_FORKED`
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using settings = Latest.open("settings");
	 * console.log(settings.get()); // null
	 */
	get(): Uint8Array<ArrayBuffer> | null;
	/**
	 * Copies the present value to the beginning of `target`: {@link get} without an allocation.
	 *
	 * @returns The length of the value; -1 if it was never set.
	 * @throws IpcError `ERR_IPC_BUFFER_TOO_SMALL`, otherwise as {@link get}; `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using settings = Latest.open("settings", { maxLength: 100 });
	 * settings.set("dark");
	 * const target = new Uint8Array(settings.maxLength);
	 * console.log(settings.getInto(target)); // 4
	 */
	getInto(target: Uint8Array): number;
	/**
	 * Waits for a value that is newer than the one that this handle has returned or set last ({@link LatestHandle.seen}), and
	 * blocks the thread. If there is one already, it returns at once. Values in between are passed over.
	 *
	 * @returns `null` if the time was up.
	 * @throws IpcError as {@link get}; `ERR_IPC_TOO_MANY_WAITS`, `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using writer = Latest.open("settings");
	 * using viewer = Latest.open("settings");
	 * writer.set("dark");
	 * console.log(viewer.wait()?.byteLength, viewer.wait({ timeout: 10 })); // 4 null
	 */
	wait(options?: LatestWaitOptions): Uint8Array<ArrayBuffer> | null;
	/**
	 * The same as {@link wait}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link wait}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using writer = Latest.open("settings");
	 * using viewer = Latest.open("settings");
	 * const changed = viewer.waitAsync({ timeout: 5000 });
	 * writer.set("dark");
	 * console.log((await changed)?.byteLength); // 4
	 */
	waitAsync(options?: LatestWaitAsyncOptions): Promise<Uint8Array<ArrayBuffer> | null>;
	/**
	 * The present value, if there is one, and then each change, for `for await`. While the loop is at work, changes are passed
	 * over: it always goes on with the newest value. It ends when the handle is closed.
	 *
	 * @throws IpcError as {@link wait}; or the reason of the aborted `signal`
	 * @example
	 * import { Latest } from "libipc";
	 *
	 * using writer = Latest.open("settings");
	 * using viewer = Latest.open("settings");
	 * writer.set("one");
	 * writer.set("three");
	 * for await (const value of viewer.changed({ signal: AbortSignal.timeout(5000) })) {
	 *   console.log(value.byteLength); // 5
	 *   break;
	 * }
	 */
	changed(options?: IterationOptions): AsyncIterableIterator<Uint8Array<ArrayBuffer>>;
}

/**
 * A latest value with a codec: a {@link Latest} of values. `undefined` is no value: it stands for "never set".
 *
 * @example
 * import { Latest } from "libipc";
 * import { json } from "libipc/codecs";
 *
 * using settings = Latest.open("settings", { codec: json<{ theme: string }>() });
 * settings.set({ theme: "dark" });
 * console.log(settings.get()?.theme); // dark
 */
export interface ValueLatest<Value, Sent = Value> extends LatestHandle, AsyncIterable<Value> {
	/** This handle without its codec. It is the same handle: closing one closes both. */
	readonly bytes: Latest;
	/**
	 * Replaces the value: {@link Latest.set} of its bytes.
	 *
	 * @throws IpcError as {@link Latest.set}; `ERR_IPC_INVALID_ARGUMENT` for `undefined`, or if the codec does not keep its contract; and what
	 * the codec throws
	 * @example
	 * import { Latest } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using volume = Latest.open("volume", { codec: json<number>() });
	 * console.log(volume.set(11)); // true
	 */
	set(value: Sent, options?: WaitOptions): boolean;
	/**
	 * Replaces the value by what `change` makes of it: {@link Latest.update}.
	 *
	 * @param change - Gets the present value, or `undefined` if it was never set. If it returns `undefined`, the value stays.
	 * @throws IpcError as {@link set} and {@link get}; and what `change` throws
	 * @example
	 * import { Latest } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using volume = Latest.open("volume", { codec: json<number>() });
	 * volume.update((value = 10) => value + 1);
	 * console.log(volume.get()); // 11
	 */
	update(change: (value: Value | undefined) => Sent | undefined, options?: WaitOptions): boolean;
	/**
	 * The present value: {@link Latest.get}.
	 *
	 * @returns `undefined` if the value was never set. (`null` may be a value.)
	 * @throws IpcError as {@link Latest.get}; `ERR_IPC_INVALID_MESSAGE` if the codec or the schema refuses the value
	 * @example
	 * import { Latest } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using volume = Latest.open("volume", { codec: json<number>() });
	 * console.log(volume.get()); // undefined
	 */
	get(): Value | undefined;
	/**
	 * Waits for a value that is newer than the one that this handle has returned or set last: {@link Latest.wait}.
	 *
	 * @returns `undefined` if the time was up.
	 * @throws IpcError as {@link Latest.wait} and {@link get}
	 * @example
	 * import { Latest } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using writer = Latest.open("volume", { codec: json<number>() });
	 * using viewer = Latest.open("volume", { codec: json<number>() });
	 * writer.set(11);
	 * console.log(viewer.wait({ timeout: 1000 })); // 11
	 */
	wait(options?: LatestWaitOptions): Value | undefined;
	/**
	 * The same as {@link wait}, but the event loop continues while it waits.
	 *
	 * @throws IpcError as {@link wait}, as a rejection; or the reason of the aborted `signal`
	 * @example
	 * import { Latest } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using writer = Latest.open("volume", { codec: json<number>() });
	 * using viewer = Latest.open("volume", { codec: json<number>() });
	 * const changed = viewer.waitAsync({ timeout: 5000 });
	 * writer.set(11);
	 * console.log(await changed); // 11
	 */
	waitAsync(options?: LatestWaitAsyncOptions): Promise<Value | undefined>;
	/**
	 * The present value, if there is one, and then each change, for `for await`: {@link Latest.changed}. A value that the codec or the
	 * schema refuses is thrown; another loop begins with the value that is present then.
	 *
	 * @throws IpcError as {@link waitAsync}
	 * @example
	 * import { Latest } from "libipc";
	 * import { json } from "libipc/codecs";
	 *
	 * using volume = Latest.open("volume", { codec: json<number>() });
	 * volume.set(11);
	 * for await (const value of volume.changed()) {
	 *   console.log(value); // 11
	 *   break;
	 * }
	 */
	changed(options?: IterationOptions): AsyncIterableIterator<Value>;
}
