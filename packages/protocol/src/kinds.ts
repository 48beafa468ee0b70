/** Numbers that C and TypeScript give to the same choices: `native/include/libipc/options.h`. A test compares the two. */

/**
 * `route`: one sender. `channel`: many senders. Every receiver gets every message of both. `queue`: many senders, each
 * message goes to one of the receivers.
 */
export type EndpointKind = "route" | "channel" | "queue";

/** What is opened by name and has no ring: locks, semaphores, conditions, shared memory, Signals and latest values. */
export type HandleKind = "mutex" | "condition" | "semaphore" | "rwlock" | "memory" | "signal" | "latest";

/** `ipc_kind`. */
export const Kind = {
	route: 1,
	channel: 2,
	queue: 3,
	mutex: 4,
	condition: 5,
	semaphore: 6,
	rwlock: 7,
	memory: 8,
	signal: 9,
	latest: 10,
} as const satisfies Record<EndpointKind | HandleKind, number>;

/** The name of an `ipc_kind`; `undefined` if no kind has this number. */
export const kindName = (kind: number): EndpointKind | HandleKind | undefined =>
	(Object.keys(Kind) as (EndpointKind | HandleKind)[]).find((name) => Kind[name] === kind);

const MESSAGES = ["route", "channel", "queue"] as const;
const LOCKS = ["mutex", "rwlock"] as const;

/** The other kinds that are easily taken for a kind: `list_groups` in `native/src/list_name.c`. */
export function confusableWith(kind: EndpointKind | HandleKind): readonly (EndpointKind | HandleKind)[] {
	const group: readonly (EndpointKind | HandleKind)[] | undefined = [MESSAGES, LOCKS].find((each) =>
		(each as readonly string[]).includes(kind),
	);
	return group?.filter((each) => each !== kind) ?? [];
}

/** Whether segments of this `ipc_kind` have a ring: whether they are opened by senders and receivers. */
export const hasRing = (kind: number): boolean => kind <= Kind.queue;

/**
 * What happens to a message if the ring has no space for it. `block`: its sender waits. `drop-newest`: the message is not sent, and
 * `send` returns false. `drop-oldest`: the message replaces the oldest ones; a receiver that has not read them counts them in
 * `lost`.
 */
export type Overflow = "block" | "drop-newest" | "drop-oldest";

/** `ipc_overflow`. */
export const OverflowKind = { block: 1, dropNewest: 2, dropOldest: 3 } as const;

/** In the order of `ipc_overflow`, which starts at 1. */
export const overflows = ["block", "drop-newest", "drop-oldest"] as const satisfies readonly Overflow[];

/**
 * `create`: the open fails if the memory exists. `open`: it fails if the memory does not exist. `create-or-open`: it creates the
 * memory if it does not exist. Memory that only killed processes had open does not count as existing: it is removed.
 */
export type SharedMemoryMode = "create" | "open" | "create-or-open";

/** In the order of `ipc_mode`, which starts at 0. */
export const modes = ["create-or-open", "create", "open"] as const satisfies readonly SharedMemoryMode[];
