/** Which names to list. */
export interface ListOptions {
	/**
	 * Only the names of this prefix; "" is one too. Absent: all names of all prefixes. (On macOS files do not tell their names:
	 * those that are no sound segment, or may not be read, are in no prefix.)
	 */
	readonly prefix?: string | undefined;
}

/**
 * What a listed name is.
 *
 * - `live`: somebody is on it.
 * - `leftover`: nobody alive is on it. Its processes were killed (then it takes memory until the name is opened again, or
 *   cleared), or the first endpoint is just coming, or the last one just leaving.
 * - `unfinished`: somebody is just creating it, or was killed at it.
 * - `other-version`: made by a libipc with another memory layout; who is on it cannot be told.
 * - `damaged`: truncated or overwritten, or a copy under another name.
 * - `foreign`: something that is no libipc segment lies in its place.
 * - `denied`: this user may not read it.
 */
export type ListedState = "live" | "leftover" | "unfinished" | "other-version" | "damaged" | "foreign" | "denied";

/**
 * One sender or receiver of a name, or a handle of what has no ring (a mutex, shared memory), as it was at the moment of
 * listing. Positions and lag are bytes, headers included; of a handle they are 0.
 */
export interface ListedEndpoint {
	readonly role: "sender" | "receiver" | "handle";
	/** The process that opened it. */
	readonly pid: number;
	/** False: its process or thread has ended, and nobody has needed its place yet. */
	readonly alive: boolean;
	/**
	 * Whether it waits, in the system or in its event loop: for a message or for space; for a lock or a permit; to be notified
	 * by a condition, or of a word in shared memory.
	 */
	readonly sleeping: boolean;
	/** How much lies before the next message it reads; of a sender, before the next one it writes. */
	readonly position: number;
	/**
	 * How much it has yet to read: at most the capacity. A receiver tells how far it is now and then (at least every eighth
	 * of the ring, and when it has read everything), so this may be more than the truth, never less. 0 for senders, and in
	 * a queue, where {@link ListedName.waiting} has it.
	 */
	readonly lag: number;
	/** How many messages it has missed because they were overwritten (`overflow: "drop-oldest"`). */
	readonly lost: number;
	/**
	 * How much a handle holds: of a mutex 1 or 0, of a reader-writer lock how often it is inside, of a `robust` semaphore how
	 * many permits. Always 0 of other semaphores: they do not know who has their permits. What the dead held they are told to
	 * hold until somebody has missed them.
	 */
	readonly holds: number;
	/** Whether what it holds keeps all others out: a mutex, or a reader-writer lock for writing. */
	readonly exclusive: boolean;
	/** Its number: never used twice in the life of a name's storage. */
	readonly instance: number;
}

/**
 * A name and who is on it. If {@link state} is neither `live` nor `leftover`, nothing is known of what is inside: there are
 * no endpoints, and numbers are 0.
 */
export interface ListedName {
	/** "" if the file does not tell. */
	readonly name: string;
	/** "" if there is none, or the file does not tell. */
	readonly prefix: string;
	readonly kind: "route" | "channel" | "queue" | "mutex" | "condition" | "semaphore" | "rwlock" | "memory" | "unknown";
	readonly state: ListedState;
	/** Bytes of the ring, or of the shared memory; 0 of what has neither. */
	readonly capacity: number;
	/** How many receivers may be open at once; of what has no ring, how many handles. */
	readonly maxReceivers: number;
	/** What becomes of a message for which there is no room. `unknown` also of what has no ring. */
	readonly overflow: "block" | "drop-newest" | "drop-oldest" | "unknown";
	/** Who may open it, as file mode bits. */
	readonly permissions: number;
	/** How many messages were ever sent on it. */
	readonly messages: number;
	/** Of a queue: how many bytes of its ring, headers included, wait to be taken. */
	readonly waiting: number;
	/** Of a semaphore: how many permits are free. */
	readonly permits: number;
	/** Of a semaphore: how many permits there were at first. */
	readonly initial: number;
	/** Of a semaphore: whether the permits of the dead are given back. */
	readonly robust: boolean;
	/** Of a robust semaphore: how many permits were given back for the dead. */
	readonly recovered: number;
	/** Of a mutex or a reader-writer lock: whether it was given up after a death, so that nobody can lock it any more. */
	readonly unusable: boolean;
	/** Living and dead ones, senders first. */
	readonly endpoints: readonly ListedEndpoint[];
	/** Where it lies in the file system. */
	readonly path: string;
	/** How much shared memory it takes, in bytes; 0 if `denied`. */
	readonly byteLength: number;
}
