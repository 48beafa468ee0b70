import { headerWord, LEASE_ATTEMPTS, LEASE_BYTES, RECORD_BYTES, RecordKind, UNIT } from "@libipc/protocol";
import { Ring } from "../ring/ring.ts";
import type { Segment } from "../segment/segment.ts";

/** Which receivers hold messages of a queue: `native/src/listed_leases.c`, which says what is read, and why. */

const { head: HEAD, tail: TAIL } = headerWord;

/** What is further from the tail is left out. Units. */
const MOST_UNITS = (16 << 20) / UNIT;

/** What a receiver holds. */
export interface ListedLeases {
	readonly holds: number;
	/** Of the message that was taken most often. */
	readonly attempts: number;
	/** Bytes from the oldest of them to head. */
	readonly lag: number;
}

/** A receiver that holds nothing, and what is no receiver of a queue. */
export const noLeases: ListedLeases = { holds: 0, attempts: 0, lag: 0 };

/**
 * The leases of a queue, by the instances of their holders.
 *
 * @param header - A copy of its header, with the head and the tail to begin with.
 * @param segment - Its memory, which threads change meanwhile.
 */
export function listedLeases(header: Segment, segment: Segment): ReadonlyMap<number, ListedLeases> {
	const leases = new Map<number, ListedLeases>();
	const ring = new Ring(segment);
	const head = header.words[HEAD] as number;
	const first = header.words[TAIL] as number;
	for (let at = first; at !== head && (at - first) >>> 0 < MOST_UNITS; ) {
		const units = ring.read(at, head, true);
		const lease = (ring.offset(at) + RECORD_BYTES) >> 2;
		const holder = ring.words[lease] as number;
		const attempts = (ring.words[lease + 1] as number) & LEASE_ATTEMPTS;
		// Senders overwrite only what lies before the tail. If it has come past the position, all that was counted is done.
		const tail = Atomics.load(segment.words, TAIL);
		if (((tail - at) | 0) > 0) {
			leases.clear();
			if (((head - tail) | 0) <= 0) break;
			at = tail;
			continue;
		}
		if (units === 0) break;
		if (ring.kind === RecordKind.message) {
			if (ring.length < LEASE_BYTES) break;
			// Below zero it is done, or delayed.
			if (holder > 0) {
				const before = leases.get(holder) ?? { ...noLeases, lag: ((head - at) >>> 0) * UNIT };
				const most = Math.max(before.attempts, attempts);
				leases.set(holder, { holds: before.holds + 1, attempts: most, lag: before.lag });
			}
		}
		at = (at + units) | 0;
	}
	return leases;
}
