/**
 * What happens in a round, decided by its seed alone: who takes part, on what, how large the messages are, who is killed or
 * stopped and when. The same seed makes the same round again, but for how the machine schedules it.
 */

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

export type Role = "sender" | "receiver" | "user";

/** SIGKILL, and another takes the place; or SIGSTOP for so many milliseconds. */
export interface Blow {
	readonly at: number;
	readonly seat: number;
	/** 0: it is killed. */
	readonly stopMs: number;
}

export interface Plan {
	readonly seed: number;
	readonly kind: Kind;
	readonly overflow: "block" | "drop-newest" | "drop-oldest";
	readonly capacity: number;
	/** The largest message in bytes. */
	readonly largest: number;
	/** One for each process at a time. */
	readonly seats: readonly Role[];
	readonly blows: readonly Blow[];
	/** How long it goes on, in milliseconds, before all are asked to end. */
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
	const seats: Role[] = [];
	if (hasRing) {
		const senders = kind === "route" ? 1 : 1 + random(4);
		const receivers = 1 + random(4);
		for (let i = 0; i < receivers; i++) seats.push("receiver");
		for (let i = 0; i < senders; i++) seats.push("sender");
	} else {
		for (let i = 2 + random(5); i > 0; i--) seats.push("user");
	}
	const duration = 1200 + random(1500);
	const blows = Array.from({ length: 3 + random(6) }, (): Blow => {
		const stopMs = random(4) === 0 ? 50 + random(900) : 0;
		return { at: random(duration), seat: random(seats.length), stopMs };
	}).sort((a, b) => a.at - b.at);
	// In fragments now and then; a queue's messages fit its ring.
	const largest = kind === "queue" ? capacity / 4 : random(3) === 0 ? capacity * 2 : capacity / 8;
	return { seed, kind, overflow, capacity, largest, seats, blows, duration };
}

/** A plan on one line. */
export function describePlan({ kind, overflow, capacity, largest, seats }: Plan): string {
	const count = (role: Role): number => seats.filter((seat) => seat === role).length;
	if (count("user") > 0) return `${kind}, ${count("user")} users`;
	return `${kind} ${count("sender")}-${count("receiver")}, ${overflow}, ring of ${capacity} B, messages to ${largest} B`;
}
