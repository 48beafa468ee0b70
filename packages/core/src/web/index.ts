/**
 * `BroadcastChannel` and Web Locks on a libipc, for `libipc/web`.
 *
 * @module @libipc/core/web
 */
export type {
	BroadcastChannel,
	BroadcastChannelConstructor,
	BroadcastErrorEvent,
} from "./broadcast_channel.ts";
export { createWebOn, type Web, type WebOptions } from "./create_web.ts";
export type { LockManager, LockMode, WebLock, WebLockInfo, WebLockOptions, WebLocksSnapshot } from "./lock_types.ts";
export type { WebLibrary } from "./web_library.ts";
