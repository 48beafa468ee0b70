import type { ListedName } from "libipc";
import { hasRing, slowest } from "../summary.ts";

/** What `top` shows of a name. Rates are per second, between two looks; `undefined`: there was no look before. */
export interface Row {
	readonly name: ListedName;
	/** Messages; of a latest value, how often it was set. */
	readonly messages: number | undefined;
	/** Bytes of records, headers included. */
	readonly bytes: number | undefined;
	/** The mean of the messages since the look before, headers included; 0: there were none. */
	readonly bytesPerMessage: number;
	/** Messages that receivers have missed because they were overwritten, and that senders have refused because the ring was full. */
	readonly drops: number | undefined;
	/** Wake-ups of sleeping endpoints; of a name without a ring, waits that began. */
	readonly wakeups: number | undefined;
	/** Bytes that the slowest receiver has not read, and their share of the ring: 0 to 1. */
	readonly lag: number;
	readonly lagShare: number;
	readonly senders: number;
	/** Or handles. */
	readonly receivers: number;
}

/** A look at all names. */
export interface Sample {
	readonly rows: readonly Row[];
	/** Seconds since the look before. */
	readonly seconds: number;
}

interface Seen {
	readonly name: ListedName;
	readonly lost: ReadonlyMap<number, number>;
}

const keyOf = ({ path, kind, prefix, name }: ListedName): string => path || JSON.stringify([kind, prefix, name]);

const lostOf = ({ endpoints }: ListedName): ReadonlyMap<number, number> => {
	const lost = new Map<number, number>();
	for (const endpoint of endpoints) lost.set(endpoint.instance, endpoint.lost);
	return lost;
};

function dropsBetween(before: Seen, after: Seen): number {
	let drops = 0;
	for (const [instance, lost] of after.lost) drops += Math.max(0, lost - (before.lost.get(instance) ?? 0));
	return drops;
}

/** Turns listings into rates. It reads counters that are in shared memory anyway: no process notices it. */
export class Sampler {
	#seen = new Map<string, Seen>();
	#at = 0;

	/** The rates since the last call. */
	take(names: readonly ListedName[], now: number): Sample {
		const seconds = this.#at === 0 ? 0 : (now - this.#at) / 1000;
		const seen = new Map<string, Seen>();
		const rows = names.map((name) => {
			const key = keyOf(name);
			const after = { name, lost: lostOf(name) };
			seen.set(key, after);
			return rowOf(name, this.#seen.get(key), after, seconds);
		});
		this.#seen = seen;
		this.#at = now;
		return { rows, seconds };
	}
}

function rowOf(name: ListedName, before: Seen | undefined, after: Seen, seconds: number): Row {
	// With fewer messages than before, it is another name: the old one was removed, and created again.
	const isSame = before !== undefined && name.written >= before.name.written && seconds > 0;
	const rate = (difference: (since: Seen) => number) => (isSame ? difference(before) / seconds : undefined);
	const isRing = hasRing(name);
	const sent = isRing && isSame ? name.messages - before.name.messages : 0;
	const isKnown = name.state === "live" || name.state === "leftover" || name.state === "kept";
	const lag = isRing ? slowest(name) : 0;
	let senders = 0;
	let receivers = 0;
	for (const { role, alive } of name.endpoints)
		if (alive && role === "sender") senders++;
		else if (alive) receivers++;
	return {
		name,
		messages: isRing || name.kind === "latest" ? rate((since) => name.messages - since.name.messages) : undefined,
		bytes: isRing ? rate((since) => name.written - since.name.written) : undefined,
		// Of the counters, not of the rates: these are rounded.
		bytesPerMessage: sent > 0 ? (name.written - (before?.name.written ?? 0)) / sent : 0,
		drops: isRing ? rate((since) => dropsBetween(since, after)) : undefined,
		wakeups: isKnown ? rate((since) => (name.wakeups - since.name.wakeups) >>> 0) : undefined,
		lag,
		lagShare: isRing && name.capacity > 0 ? lag / name.capacity : 0,
		senders,
		receivers,
	};
}
