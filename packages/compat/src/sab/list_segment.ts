import {
	BUFFER_BITS,
	bufferStride,
	EVENT_WORDS,
	EVENTS,
	hasRing,
	headerLong,
	headerWord,
	Kind,
	kindName,
	type ListedName,
	overflows,
	segmentBytes,
} from "@libipc/protocol";
import { codecOf } from "../segment/codec.ts";
import { deadLetterOf, maxAttemptsOf } from "../segment/dead_letter.ts";
import { isKept } from "../segment/kept.ts";
import { marksLastNumber } from "../segment/marks.ts";
import { isStamped, type Segment } from "../segment/segment.ts";
import { endpointsOf } from "./list_endpoint.ts";
import { ageOf, bytesBefore, headOf, type Leases, lagOf } from "./listing.ts";
import type { Key } from "./name_table.ts";

const decoder = new TextDecoder();

/** The long `head` has the low half of the number of messages sent. The last mark is near enough to give the high half. */
function messagesOf(segment: Segment): number {
	const sent = Number((segment.longs[headerLong.head] as bigint) >> 32n) | 0;
	if (segment.longs[headerLong.markCount] === 0n) return sent >>> 0;
	const number = marksLastNumber(segment);
	return number + ((sent - number) | 0);
}

/** How often endpoints were woken; without a ring, how many waits began. */
function wakeupsOf({ kind, words }: Segment): number {
	if (!hasRing(kind)) return (words[headerWord.nextTicket] as number) >>> 0;
	let count = 0;
	for (let event = 0; event < EVENTS; event++) count += words[headerWord.eventWords + event * EVENT_WORDS] as number;
	return count >>> 0;
}

export const nameOf = (key: Key): Pick<ListedName, "name" | "prefix" | "kind" | "path"> => ({
	name: decoder.decode(key.name),
	prefix: decoder.decode(key.prefix),
	kind: kindName(key.kind) ?? "unknown",
	path: "",
});

export const nothing = {
	capacity: 0,
	maxReceivers: 0,
	overflow: "unknown",
	permissions: 0,
	codec: "",
	stamped: false,
	messages: 0,
	written: 0,
	wakeups: 0,
	valueLength: 0,
	waiting: 0,
	permits: 0,
	initial: 0,
	robust: false,
	recovered: 0,
	unusable: false,
	maxAttempts: 0,
	deadLetter: "",
	age: 0,
	layoutVersion: 0,
	endpoints: [],
} as const;

/** How often a latest value was set. */
const versionOf = ({ longs }: Segment): number =>
	Number(BigInt.asUintN(64, longs[headerLong.current] as bigint) >> BigInt(BUFFER_BITS));

/** The bytes that a name uses. Of a latest value, the buffers that were never used count for nothing. */
function bytesOf({ kind, words, body, capacity, maxReceivers }: Segment, memory: number): number {
	const { total } = segmentBytes(kind, capacity, maxReceivers);
	if (kind !== Kind.latest) return total + memory;
	return Math.min(total, body + ((words[headerWord.buffers] as number) >>> 0) * bufferStride(capacity));
}

/** All that a listing says of a copied segment: `native/src/list_segment.c`. */
export function describeSegment(key: Key, segment: Segment, valueLength: number, leases: Leases): ListedName {
	const { kind, words, longs } = segment;
	const isSemaphore = kind === Kind.semaphore;
	const memory = kind === Kind.memory ? Number(longs[headerLong.memoryBytes]) : 0;
	const endpoints = endpointsOf(segment, leases);
	return {
		...nameOf(key),
		...nothing,
		state: endpoints.some(({ alive }) => alive) ? "live" : isKept(segment) ? "kept" : "leftover",
		capacity: segment.capacity + memory,
		maxReceivers: segment.maxReceivers,
		overflow: overflows[segment.overflow - 1] ?? "unknown",
		permissions: words[headerWord.permissions] as number,
		codec: codecOf(segment) ?? "",
		stamped: isStamped(segment),
		messages: hasRing(kind) ? messagesOf(segment) : kind === Kind.latest ? versionOf(segment) : 0,
		written: hasRing(kind) ? bytesBefore(segment, headOf(segment)) : 0,
		wakeups: wakeupsOf(segment),
		valueLength,
		waiting: kind === Kind.queue ? lagOf(segment, words[headerWord.cursor] as number) : 0,
		permits: isSemaphore ? (words[headerWord.permits] as number) : 0,
		initial: isSemaphore ? segment.initial : 0,
		robust: isSemaphore && segment.robust,
		recovered: isSemaphore ? (words[headerWord.recovered] as number) : 0,
		unusable: words[headerWord.unusable] !== 0,
		maxAttempts: kind === Kind.queue ? maxAttemptsOf(segment) : 0,
		deadLetter: (kind === Kind.queue && deadLetterOf(segment)) || "",
		age: ageOf(segment, longs[headerLong.created] as bigint),
		layoutVersion: words[headerWord.version] as number,
		endpoints,
		byteLength: bytesOf(segment, memory),
	};
}
