import type { LockMode } from "./lock_state.ts";

export type { LockMode };

/** A lock that was granted, for the callback of {@link LockManager.request}. It is held until what the callback returned settles. */
export interface WebLock {
	/** The name that was requested. */
	readonly name: string;
	/** Whether others may hold it at the same time. */
	readonly mode: LockMode;
}

/** How a lock is requested. */
export interface WebLockOptions {
	/**
	 * `exclusive`: nobody else holds the lock. `shared`: others may hold it in the mode `shared`.
	 *
	 * @defaultValue `"exclusive"`
	 */
	readonly mode?: LockMode | undefined;
	/**
	 * Do not wait: if the lock cannot be granted at once, the callback is called with null.
	 *
	 * @defaultValue `false`
	 */
	readonly ifAvailable?: boolean | undefined;
	/**
	 * Take the lock from all that hold it, before all that wait for it. Their promises reject with an `AbortError`; their callbacks go on,
	 * without the lock.
	 *
	 * @defaultValue `false`
	 */
	readonly steal?: boolean | undefined;
	/**
	 * If it is aborted before the lock is granted, the request is withdrawn, and the promise rejects with the signal's reason.
	 *
	 * @defaultValue no signal
	 */
	readonly signal?: AbortSignal | undefined;
}

/** A lock or a request of the snapshot that {@link LockManager.query} gives. */
export interface WebLockInfo {
	/** The name that was requested. */
	readonly name: string;
	/** In which mode it was requested. */
	readonly mode: LockMode;
	/** The thread that has requested it: its process, the number of the thread there, and random digits, with dots between them. */
	readonly clientId: string;
}

/** All locks and requests of all processes, at one moment. */
export interface WebLocksSnapshot {
	/** The locks that are held, as they were granted. */
	readonly held: WebLockInfo[];
	/** The requests that wait, as they were made. */
	readonly pending: WebLockInfo[];
}

/**
 * The `navigator.locks` of the web, across processes and threads. The lock of a killed process, and its requests, are gone within a
 * second.
 *
 * @example
 * import { locks } from "libipc/web";
 *
 * const result = await locks.request("accounts", async (lock) => {
 *   console.log(lock.mode); // exclusive
 *   return 42;
 * });
 * console.log(result); // 42
 */
export interface LockManager {
	/**
	 * Requests a lock, and calls the callback when it is granted. The lock is held until the promise that the callback returns has settled.
	 * Requests for a name are granted in the order in which they were made, in all processes.
	 *
	 * @param name - Any string that does not begin with `-`.
	 * @returns What the callback returned, once the lock is released.
	 * @throws as a rejection: what the callback throws; the reason of the aborted `signal`; DOMException `AbortError` if the lock was stolen;
	 * `NotSupportedError` for a name that begins with `-`, and for options that exclude each other; `SecurityError` if the locks belong to
	 * another user (the `cause` is the IpcError); TypeError for arguments of other types; IpcError as opening names of libipc
	 * @example
	 * import { locks } from "libipc/web";
	 *
	 * await locks.request("report", () => console.log("alone")); // alone
	 */
	request<Result>(name: string, callback: (lock: WebLock) => Result): Promise<Awaited<Result>>;
	/**
	 * Requests a lock that may not be available: the callback gets null then.
	 *
	 * @throws as the other form, as a rejection
	 * @example
	 * import { locks } from "libipc/web";
	 *
	 * await locks.request("leader", { ifAvailable: true }, (lock) => console.log(lock !== null)); // true
	 */
	request<Result>(
		name: string,
		options: WebLockOptions & { readonly ifAvailable: true },
		callback: (lock: WebLock | null) => Result,
	): Promise<Awaited<Result>>;
	/**
	 * Requests a lock with options.
	 *
	 * @throws as the other form, as a rejection
	 * @example
	 * import { locks } from "libipc/web";
	 *
	 * await locks.request("config", { mode: "shared", signal: AbortSignal.timeout(5000) }, async (lock) => {
	 *   console.log(lock.mode); // shared
	 * });
	 */
	request<Result>(name: string, options: WebLockOptions, callback: (lock: WebLock) => Result): Promise<Awaited<Result>>;
	/**
	 * All locks and requests of all processes.
	 *
	 * @throws as {@link request}, as a rejection
	 * @example
	 * import { locks } from "libipc/web";
	 *
	 * await locks.request("accounts", async () => {
	 *   const { held, pending } = await locks.query();
	 *   console.log(held[0]?.mode, pending.length); // exclusive 0
	 * });
	 */
	query(): Promise<WebLocksSnapshot>;
}
