/** Which names to list. */
export interface ListOptions {
	/**
	 * List only the names of this prefix; `""` is a prefix too. (On macOS a file does not show its name: a file that is damaged,
	 * foreign or not readable belongs to no prefix there.)
	 *
	 * @defaultValue the environment variable `LIBIPC_PREFIX`; if it is not set, or empty, all names of all prefixes
	 */
	readonly prefix?: string | undefined;
}

/** Which names to clear. */
export interface ClearOptions extends ListOptions {
	/**
	 * Clear the names of all prefixes, whatever `LIBIPC_PREFIX` says, and locks that were left locked, too. Not together with `prefix`.
	 *
	 * @defaultValue `false`
	 */
	readonly all?: boolean | undefined;
	/**
	 * Is called for each name that would be removed, and says whether to remove it. Then no warning is given without a prefix.
	 *
	 * @defaultValue all of them
	 */
	readonly filter?: ((name: ListedName) => boolean) | undefined;
}

/**
 * The state of a listed name.
 *
 * - `live`: a live process or thread has it open.
 * - `leftover`: no live process or thread has it open. Its processes were killed, and it uses memory until the name is opened
 *   again or cleared; or the first endpoint is being opened, or the last one closed, at this moment.
 * - `kept`: a latest value that was opened with `keep`, and that no live process or thread has open.
 * - `unfinished`: a process is creating it, or was killed while it created it.
 * - `other-version`: created by a libipc with another memory layout; its endpoints are not known.
 * - `damaged`: truncated or overwritten, or a copy under another name.
 * - `foreign`: a file that is not a libipc segment has this name.
 * - `denied`: this user may not read it.
 */
export type ListedState =
	| "live"
	| "kept"
	| "leftover"
	| "unfinished"
	| "other-version"
	| "damaged"
	| "foreign"
	| "denied";

/**
 * One sender or receiver of a name, or one handle of a lock, a semaphore, a condition or shared memory, at the moment of the
 * listing. Positions and lag are bytes, headers included; of a handle they are 0.
 */
export interface ListedEndpoint {
	/** What it is. */
	readonly role: "sender" | "receiver" | "handle";
	/** The process that opened it. */
	readonly pid: number;
	/** false: its process or thread has ended, and its slot has not been reused. */
	readonly alive: boolean;
	/**
	 * Whether it waits, in a system call or in its event loop: for a message or for space, for a lock or a permit, for a
	 * notification of a condition, or for a change of a word in shared memory.
	 */
	readonly sleeping: boolean;
	/** How many bytes of the ring come before the next message it reads; of a sender, before the next one it writes. */
	readonly position: number;
	/**
	 * How many bytes it has not read yet: at most the capacity. A receiver publishes its position from time to time (at least
	 * every eighth of the ring, and when it has read everything), so this may be more than the true value, never less. 0 for
	 * senders. In a queue: how many bytes lie from the oldest message that it holds to the end, and 0 if it holds none;
	 * {@link ListedName.waiting} has what no receiver has taken.
	 */
	readonly lag: number;
	/**
	 * How many messages were lost here. Of a receiver: those that it has missed because they were overwritten (`lossy`, or
	 * `overflow: "drop-oldest"`). Of a sender: those that it did not send because the ring was full (`overflow: "drop-newest"`).
	 */
	readonly lost: number;
	/**
	 * How much a handle holds: of a mutex 1 or 0, of a reader-writer lock how often it is locked, of a `robust` semaphore how
	 * many permits, of a Signal how many ids are pending. 0 of other semaphores, which do not record owners. Of a receiver of a queue:
	 * how many messages it has taken, and not finished. A dead handle or receiver holds what it held at its death until another one
	 * has noticed the death. (The messages in the first 16 MiB of a queue are counted.)
	 */
	readonly holds: number;
	/**
	 * Of a receiver of a queue: how often the message was taken that was taken most often, among those that it holds; 0 if it holds
	 * none.
	 */
	readonly attempts: number;
	/** Whether it holds a mutex, or a reader-writer lock for writing. */
	readonly exclusive: boolean;
	/** Milliseconds since it was opened. Of a process in another time namespace, wrong by the difference of the clocks, or 0. */
	readonly age: number;
	/** If it sleeps: milliseconds since it began to wait, to about 10; otherwise 0. */
	readonly slept: number;
	/** The PID namespace of the process, as the number that Linux shows in `/proc/self/ns/pid`: `pid` counts in it. 0: unknown. */
	readonly pidNamespace: number;
	/**
	 * Whether it is an observer: a receiver that was opened with `lossy`, and that no sender waits for. Of a Signal: whether the handle
	 * was opened with `listen: false`.
	 */
	readonly observer: boolean;
	/** Its number. No other endpoint or handle gets it while the shared memory of the name exists. */
	readonly instance: number;
}

/**
 * A name and its endpoints or handles. If {@link state} is neither `live`, `leftover` nor `kept`, the content is not known: `endpoints` is
 * empty, and numbers are 0.
 */
export interface ListedName {
	/** The name; `""` if the file does not show it. */
	readonly name: string;
	/** The prefix; `""` if there is none, or if the file does not show it. */
	readonly prefix: string;
	/** What the name was opened as. */
	readonly kind:
		| "route"
		| "channel"
		| "queue"
		| "mutex"
		| "condition"
		| "semaphore"
		| "rwlock"
		| "memory"
		| "signal"
		| "latest"
		| "unknown";
	/** Whether it is in use. */
	readonly state: ListedState;
	/** Of a latest value: its length in bytes; 0 if it was never set. */
	readonly valueLength: number;
	/** Bytes of the ring, of the shared memory, or of the longest value of a latest value; otherwise 0. */
	readonly capacity: number;
	/** How many receivers may be open at once; of a name without a ring, how many handles. */
	readonly maxReceivers: number;
	/** What happens to a message if the ring is full. `unknown` also of a name without a ring. */
	readonly overflow: "block" | "drop-newest" | "drop-oldest" | "unknown";
	/** File mode bits: which users may open it. */
	readonly permissions: number;
	/**
	 * The id of the codec of its messages or values, for example `json`; `""` if no endpoint has had one. Of a damaged one, `""`, too.
	 */
	readonly codec: string;
	/** Whether each message carries a stamp: which sender has sent it, and when. */
	readonly stamped: boolean;
	/** How many messages have been sent since it was created; of a latest value, its version: how often it was set. */
	readonly messages: number;
	/** How many bytes of records have been written since it was created, headers included. */
	readonly written: number;
	/**
	 * How often a change has woken endpoints that slept, in a system call or in their event loop: each time costs the process that
	 * made the change a system call. Of a name without a ring, how many waits have begun. Modulo 2^32: take the difference of two listings.
	 */
	readonly wakeups: number;
	/** Of a queue: how many bytes of its ring, headers included, wait to be taken. */
	readonly waiting: number;
	/** Of a semaphore: how many permits are free. */
	readonly permits: number;
	/** Of a semaphore: how many permits there were at first. */
	readonly initial: number;
	/** Of a semaphore: whether the permits of killed processes come back. */
	readonly robust: boolean;
	/** Of a robust semaphore: how many permits of killed processes have come back. */
	readonly recovered: number;
	/** Of a mutex or a reader-writer lock: whether it was made unusable, so that no handle can lock it. */
	readonly unusable: boolean;
	/** Of a queue with a dead-letter queue: after so many attempts a message goes there. 0: there is no limit. */
	readonly maxAttempts: number;
	/** Of a queue: the name of its dead-letter queue; `""` if it has none. */
	readonly deadLetter: string;
	/** Milliseconds since it was created. Seen from another time namespace, wrong by the difference of the clocks, or 0. */
	readonly age: number;
	/** The version of the layout of its shared memory, also if {@link state} is `other-version`; 0: it is not known. */
	readonly layoutVersion: number;
	/** Live and dead ones, senders first. */
	readonly endpoints: readonly ListedEndpoint[];
	/** The file in the file system; `""` on the engine between threads. */
	readonly path: string;
	/** How many bytes of shared memory it uses; 0 if `state` is `denied`. */
	readonly byteLength: number;
}
