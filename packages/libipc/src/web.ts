/**
 * Interfaces of the web across processes and threads: `BroadcastChannel`, and Web Locks (`navigator.locks`).
 *
 * `import "libipc/web/global";` puts both on `globalThis`.
 *
 * @module libipc/web
 */
import {
	type BroadcastChannelConstructor,
	createWebOn,
	type LockManager,
	type BroadcastChannel as TheBroadcastChannel,
	type Web,
	type WebOptions,
} from "@libipc/core/web";
import * as library from "libipc";

export type {
	BroadcastChannelConstructor,
	BroadcastErrorEvent,
	LockManager,
	LockMode,
	Web,
	WebLibrary,
	WebLock,
	WebLockInfo,
	WebLockOptions,
	WebLocksSnapshot,
	WebOptions,
} from "@libipc/core/web";

/**
 * Makes `BroadcastChannel` and `locks` with options, which those of the web have no place for. Each call makes a client of its own: two
 * of them in one thread lock each other out, and hear each other.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
 * @example
 * import { createWeb } from "libipc/web";
 *
 * using web = createWeb({ prefix: "shop" });
 * await web.locks.request("stock", () => console.log("nobody else counts")); // nobody else counts
 */
export function createWeb(options?: WebOptions): Web {
	return createWebOn(library, options);
}

const web = createWebOn(library, undefined);

/** The `BroadcastChannel` of the web, across processes and threads. */
export const BroadcastChannel: BroadcastChannelConstructor = web.BroadcastChannel;
export type BroadcastChannel = TheBroadcastChannel;

/** The `navigator.locks` of the web, across processes and threads. */
export const locks: LockManager = web.locks;
