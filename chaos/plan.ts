/**
 * What happens in an experiment, decided by its seed alone: the participants and their namespaces, the object under test, the
 * sizes of messages, the faults and their times. The same seed gives the same experiment again, apart from how the system schedules it.
 */

import { NAMESPACES, type Namespace } from "./namespaces.ts";

/** xorshift: numbers below `limit`, the same for the same seed. */
export function randomFrom(seed: number): (limit: number) => number {
	let state = Math.imul(seed + 1, 2654435761) | 1;
	const next = (): number => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return state >>> 0;
	};
	for (let i = 0; i < 8; i++) next();
	return (limit) => next() % limit;
}

export const KINDS = ["route", "channel", "queue", "mutex", "rwlock", "semaphore"] as const;
export type Kind = (typeof KINDS)[number];

/** An observer is a receiver that no sender waits for. */
export type Role = "sender" | "receiver" | "observer" | "user";

/**
 * A participant is killed and started again (SIGKILL), replaced by its own program in the same process (execve), or stopped
 * for some time (SIGSTOP).
 */
export interface Fault {
	/** Milliseconds after the start of the experiment. */
	readonly at: number;
	readonly participant: number;
	readonly strike: "kill" | "exec" | "stop";
	/** How many milliseconds it is stopped; 0 if it is killed or replaced. */
	readonly stopMs: number;
}

export interface Plan {
	readonly seed: number;
	readonly kind: Kind;
	readonly overflow: "block" | "drop-newest" | "drop-oldest";
	readonly capacity: number;
	/** The largest message in bytes. */
	readonly largest: number;
	/** The role of each participant: of each process that runs at a time. */
	readonly roles: readonly Role[];
	/** The namespaces of each participant. */
	readonly namespaces: readonly Namespace[];
	readonly faults: readonly Fault[];
	/** Whether senders wait at times until receivers have read. */
	readonly flushes: boolean;
	/** How many milliseconds the participants work before they end. */
	readonly duration: number;
}

export function makePlan(seed: number): Plan {
	const random = randomFrom(seed);
	const kind = KINDS[random(KINDS.length)] ?? "channel";
	const hasRing = kind === "route" || kind === "channel" || kind === "queue";
	const policies =
		kind === "queue" ? (["block", "drop-newest"] as const) : (["block", "drop-newest", "drop-oldest"] as const);
	const overflow = hasRing && random(2) ? (policies[random(policies.length)] ?? "block") : "block";
	const capacity = 2 ** (13 + random(8));
	const roles: Role[] = [];
	if (hasRing) {
		const senders = kind === "route" ? 1 : 1 + random(4);
		const receivers = 1 + random(4);
		const observers = kind !== "queue" && random(2) ? 1 + random(2) : 0;
		for (let i = 0; i < receivers; i++) roles.push("receiver");
		for (let i = 0; i < observers; i++) roles.push("observer");
		for (let i = 0; i < senders; i++) roles.push("sender");
	} else {
		for (let i = 2 + random(5); i > 0; i--) roles.push("user");
	}
	const flushes = hasRing && random(2) === 0;
	const duration = 1200 + random(1500);
	const faults = Array.from({ length: 3 + random(6) }, (): Fault => {
		const strike = (["kill", "exec", "stop"] as const)[random(3)] ?? "kill";
		const stopMs = strike === "stop" ? 50 + random(900) : 0;
		return { at: random(duration), participant: random(roles.length), strike, stopMs };
	}).sort((a, b) => a.at - b.at);
	// Some messages are sent in fragments. The messages of a queue, and of a ring that drops the oldest, fit the ring.
	const large = kind === "queue" ? capacity / 4 : overflow === "drop-oldest" ? (capacity * 3) / 4 : capacity * 2;
	const largest = kind === "queue" || random(3) === 0 ? large : capacity / 8;
	// In half of the experiments all share their namespaces. In the others some participants do, and some have their own.
	const count = random(2) ? NAMESPACES.length : 1;
	const namespaces = roles.map(() => NAMESPACES[random(count)] ?? "none");
	return { seed, kind, overflow, capacity, largest, roles, namespaces, faults, flushes, duration };
}

/** A plan on one line. */
export function describePlan({ kind, overflow, capacity, largest, roles, namespaces, flushes }: Plan): string {
	const count = (role: Role): number => roles.filter((each) => each === role).length;
	const where = namespaces.every((each) => each === "none") ? "" : `, namespaces ${namespaces.join(" ")}`;
	if (count("user") > 0) return `${kind}, ${count("user")} users${where}`;
	const ring = `${overflow}, ring of ${capacity} B, messages to ${largest} B`;
	const more = [count("observer") > 0 ? `${count("observer")} observers` : "", flushes ? "flushes" : ""];
	return [`${kind} ${count("sender")}-${count("receiver")}`, ...more.filter(Boolean), ring].join(", ") + where;
}
