import { checkInteger, checkOptionsObject } from "../check/argument.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { type BroadcastChannelConstructor, BroadcastHubs, createBroadcastChannelClass } from "./broadcast_channel.ts";
import { WebLockManager } from "./lock_manager.ts";
import type { LockManager } from "./lock_types.ts";
import type { WebLibrary } from "./web_library.ts";

/** How {@link createWeb} makes the interfaces of the web. */
export interface WebOptions {
	/**
	 * A namespace: the same name under two prefixes is two names. At most 64 bytes of UTF-8.
	 *
	 * @defaultValue the environment variable `LIBIPC_PREFIX`; if it is not set, or empty, `""`
	 */
	readonly prefix?: string | undefined;
	/**
	 * File mode bits of the shared memory, to share channels and locks with other users: pass the same value in every process, for example
	 * 0o660.
	 *
	 * @defaultValue `0o600` (this user only)
	 */
	readonly permissions?: number | undefined;
	/**
	 * The size of the ring of each broadcast channel in bytes: a power of two from 4,096 (4 KiB) to 1,073,741,824 (1 GiB). The first object
	 * that opens a channel sets it; one that passes another value fails with `ERR_IPC_OPTIONS_MISMATCH`. Values of any size can be posted.
	 *
	 * @defaultValue what the channel has, or `4194304` (4 MiB); memory that is never used takes no room
	 */
	readonly capacity?: number | undefined;
	/**
	 * How many bytes of one channel may wait in this thread: to be sent, and to be handed to its listeners. If more wait to be sent,
	 * `postMessage` throws a `QuotaExceededError`. If more wait for listeners, messages stay in the ring until the listeners have caught up.
	 *
	 * @defaultValue `67108864` (64 MiB)
	 */
	readonly maxPending?: number | undefined;
	/**
	 * The libipc whose names are used: `import * as library from "@libipc/compat"`, for example.
	 *
	 * @defaultValue the package `libipc` of this runtime
	 */
	readonly library?: WebLibrary | undefined;
}

/** `BroadcastChannel` and `locks` of a prefix. */
export interface Web extends Disposable {
	/** As the `BroadcastChannel` of the web, across processes. */
	readonly BroadcastChannel: BroadcastChannelConstructor;
	/** As the `navigator.locks` of the web, across processes. */
	readonly locks: LockManager;
	/**
	 * Closes all channels of this object, and withdraws all requests for locks and releases its locks: their promises reject with an
	 * `AbortError`. What waits to be sent is not sent. The end of a `using` block calls it.
	 *
	 * @example
	 * import { createWeb } from "libipc/web";
	 *
	 * const web = createWeb({ prefix: "shop" });
	 * const channel = new web.BroadcastChannel("orders");
	 * channel.postMessage({ id: 1 });
	 * web.close();
	 */
	close(): void;
}

const DEFAULT_PENDING = 64 << 20;

/** Makes the interfaces of the web on a libipc. Nothing is opened before they are used. */
export function createWebOn(library: WebLibrary, given: WebOptions | undefined): Web {
	const options = checkOptionsObject("", given, '{ prefix: "app" }') ?? {};
	checkOptionNames("", "createWeb", options, optionNames.web);
	const { prefix, permissions } = options;
	const hubs = new BroadcastHubs(options.library ?? library, {
		prefix,
		permissions,
		capacity: options.capacity,
		maxPending:
			options.maxPending === undefined
				? DEFAULT_PENDING
				: checkInteger("", "maxPending", options.maxPending, 1, Number.MAX_SAFE_INTEGER),
	});
	const locks = new WebLockManager(options.library ?? library, { prefix, permissions });
	const close = (): void => {
		hubs.close();
		WebLockManager.close(locks);
	};
	return { BroadcastChannel: createBroadcastChannelClass(hubs), locks, close, [Symbol.dispose]: close };
}
