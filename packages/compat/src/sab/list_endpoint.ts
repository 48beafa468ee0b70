import {
	EventIndex,
	hasRing,
	headerWord,
	Kind,
	type ListedEndpoint,
	SLOT_WORDS,
	slotLong,
	slotWord,
} from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { isOwnerAlive } from "../segment/slots.ts";
import { waitingSince } from "../segment/waits.ts";
import { noLeases } from "./listed_leases.ts";

import { ageOf, bytesBefore, entriesUsed, headOf, type Leases, lagOf, sleptSince, unknownLeases } from "./listing.ts";

const SPACE = (1 << EventIndex.space) | (1 << EventIndex.claimFree);
const DATA = 1 << EventIndex.data;

function countBits(bits: number): number {
	let count = 0;
	for (let left = bits; left !== 0; left &= left - 1) count++;
	return count;
}

/** What the handle in a slot holds: of a Signal, its pending ids. */
function holdOf({ kind, words }: Segment, at: number): { holds: number; exclusive: boolean } {
	if (kind === Kind.signal) {
		const [low, high] = [words[at + slotWord.pending] as number, words[at + slotWord.pending + 1] as number];
		return { holds: countBits(low) + countBits(high), exclusive: false };
	}
	const owner = words[headerWord.claim] as number;
	// The owner of the claim of a reader-writer lock may still wait for readers to leave.
	const isLocked =
		kind === Kind.mutex || kind === Kind.latest || (kind === Kind.rwlock && words[headerWord.writing] === owner);
	if (!isLocked || owner === 0) return { holds: (words[at + slotWord.held] as number) >>> 0, exclusive: false };
	// What other handles seem to hold shared is an attempt that will fail, or has ended.
	const exclusive = words[at + slotWord.instance] === owner;
	return { holds: exclusive ? 1 : 0, exclusive };
}

/** Whether it waits for a message or for space. A wait for other endpoints to join does not count. */
const isSleeping = ({ words }: Segment, at: number, isSender: boolean): boolean =>
	words[at + slotWord.asleep] !== 0 || ((words[at + slotWord.armed] as number) & (isSender ? SPACE : DATA)) !== 0;

/** When it was opened, and how long it has been sleeping. */
function timesOf(
	segment: Segment,
	at: number,
	sleeping: boolean,
): Pick<ListedEndpoint, "age" | "slept" | "pidNamespace"> {
	const { words, longs } = segment;
	return {
		age: ageOf(segment, longs[(at >> 1) + slotLong.opened] as bigint),
		slept: sleeping ? sleptSince(segment, words[at + slotWord.since] as number) : 0,
		pidNamespace: (words[at + slotWord.pidNamespace] as number) >>> 0,
	};
}

function describeHandle(segment: Segment, at: number): ListedEndpoint {
	const instance = segment.words[at + slotWord.instance] as number;
	const alive = isOwnerAlive(segment, at);
	const since = alive ? waitingSince(segment, instance) : [];
	const sleeping = since.length > 0 || (alive && isSleeping(segment, at, false));
	return {
		role: "handle",
		pid: segment.words[at + slotWord.pid] as number,
		alive,
		sleeping,
		position: 0,
		lag: 0,
		lost: 0,
		...holdOf(segment, at),
		attempts: 0,
		observer: segment.words[at + slotWord.observer] !== 0,
		...timesOf(segment, at, sleeping),
		...(since.length > 0 && { slept: Math.max(...since.map((each) => sleptSince(segment, each))) }),
		instance: instance >>> 0,
	};
}

function describeEndpoint(segment: Segment, at: number, isSender: boolean, leases: Leases): ListedEndpoint {
	const { kind, words, longs } = segment;
	const instance = words[at + slotWord.instance] as number;
	const { holds, attempts, lag } = (!isSender && leases.get(instance)) || noLeases;
	const alive = isOwnerAlive(segment, at);
	const sleeping = alive && isSleeping(segment, at, isSender);
	const isReader = !isSender && kind !== Kind.queue; // it has its own position
	let position = headOf(segment);
	if (!isSender) position = words[isReader ? at + slotWord.position : headerWord.cursor] as number;
	return {
		role: isSender ? "sender" : "receiver",
		pid: words[at + slotWord.pid] as number,
		alive,
		sleeping,
		position: bytesBefore(segment, position),
		lag: isReader ? lagOf(segment, position) : lag,
		lost: Number(longs[(at >> 1) + slotLong.lost]),
		holds,
		attempts,
		exclusive: false,
		observer: !isSender && words[at + slotWord.observer] !== 0,
		...timesOf(segment, at, sleeping),
		instance: instance >>> 0,
	};
}

function* usedSlots({ words }: Segment, first: number, count: number): IterableIterator<number> {
	for (let at = first, end = first + count * SLOT_WORDS; at < end; at += SLOT_WORDS)
		if (words[at + slotWord.instance] !== 0) yield at;
}

/** The endpoints of a copied segment: `native/src/list_endpoint.c`. It asks the system whether their threads live. */
export function endpointsOf(segment: Segment, leases = unknownLeases): ListedEndpoint[] {
	const limit = entriesUsed(segment, headerWord.receiverSlotsUsed, segment.maxReceivers);
	const receivers = [...usedSlots(segment, segment.receivers, limit)];
	if (!hasRing(segment.kind)) return receivers.map((at) => describeHandle(segment, at));
	const senderSlotsUsed = entriesUsed(segment, headerWord.senderSlotsUsed, segment.maxSenders);
	const senders = [...usedSlots(segment, segment.senders, senderSlotsUsed)];
	return [
		...senders.map((at) => describeEndpoint(segment, at, true, leases)),
		...receivers.map((at) => describeEndpoint(segment, at, false, leases)),
	];
}
