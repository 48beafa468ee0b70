import {
	BUFFER_BITS,
	BUFFERS_MORE,
	buffer,
	bufferStride,
	confusableWith,
	type Engine,
	EVENT_WORDS,
	EVENTS,
	EventIndex,
	HEADER_BYTES,
	hasRing,
	headerLong,
	headerWord,
	IpcError,
	Kind,
	kindName,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	limits,
	overflows,
	type ReceiversOfName,
	SLOT_WORDS,
	Status,
	segmentBytes,
	slotLong,
	slotWord,
	TRUNCATED,
	UNIT,
	WAIT_WORDS,
} from "@libipc/protocol";
import { codecOf } from "../segment/codec.ts";
import { deadLetterOf, maxAttemptsOf } from "../segment/dead_letter.ts";
import { isKept } from "../segment/kept.ts";
import { marksLastNumber } from "../segment/marks.ts";
import { isStamped, Segment } from "../segment/segment.ts";
import { isOwnerAlive } from "../segment/slots.ts";
import { waitingSince } from "../segment/waits.ts";
import { type ListedLeases, listedLeases, noLeases } from "./listed_leases.ts";
import { findBlock, type Key, keyIn, keyOf } from "./name_table.ts";
import { removeLeftover, segmentIn } from "./names.ts";
import { type Threads, threads } from "./threads.ts";

/** Lists the names in the hub: `native/src/list.c`. It reads copies, made under the lock of names, one name at a time. */

/** How long a list waits for that lock. Milliseconds. */
const PATIENCE = 1000;

const SPACE = (1 << EventIndex.space) | (1 << EventIndex.claimFree);
const DATA = 1 << EventIndex.data;

const decoder = new TextDecoder();

/** How many entries of a table have been used at some time. */
const entriesUsed = ({ words }: Segment, index: number, most: number): number =>
	Math.min((words[index] as number) >>> 0, most);

/** As large as header and tables can be. */
const newScratch = (): ArrayBuffer => new ArrayBuffer(segmentBytes(Kind.memory, 0, limits.maxReceivers).total);

/** A copy of a segment's header and tables, as far as they have been used. No thread changes it. */
function copyOf(segment: Segment, scratch: ArrayBuffer): Segment {
	const { platform, words, receivers, senders, waits, body } = segment;
	const copy = new Segment(platform, scratch, 0, body, segment);
	const add = (first: number, count: number): void => copy.words.set(words.subarray(first, first + count), first);
	// The header first: its numbers of used entries then say how much of the copy is valid.
	add(0, HEADER_BYTES >> 2);
	add(receivers, entriesUsed(copy, headerWord.receiverSlotsUsed, segment.maxReceivers) * SLOT_WORDS);
	add(senders, entriesUsed(copy, headerWord.senderSlotsUsed, segment.maxSenders) * SLOT_WORDS);
	add(waits, entriesUsed(copy, headerWord.waitEntriesUsed, segment.maxWaits) * WAIT_WORDS);
	return copy;
}

const headOf = ({ longs }: Segment): number => Number(BigInt.asIntN(32, longs[headerLong.head] as bigint));

/** A position at most 2^32 units before head, in bytes. `announced` is near enough to head to give its high half. */
function bytesBefore(segment: Segment, position: number): number {
	const announced = segment.longs[headerLong.announced] as bigint;
	const head = headOf(segment);
	const wholeHead = announced + BigInt((head - Number(BigInt.asIntN(32, announced))) | 0);
	return Number(wholeHead - BigInt((head - position) >>> 0)) * UNIT;
}

/** The bytes between a position and head. More bytes than the ring holds have been overwritten. */
const lagOf = (segment: Segment, position: number): number =>
	Math.min(((headOf(segment) - position) >>> 0) * UNIT, segment.capacity);

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

/** Milliseconds since a time that {@link asleepSince} gave. */
const sleptSince = ({ platform }: Segment, since: number): number => Math.max(0, (platform.monotonicMs() - since) | 0);

const ageOf = ({ platform }: Segment, nanoseconds: bigint): number =>
	Math.max(0, platform.monotonicMs() - Math.floor(Number(nanoseconds) / 1e6));

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

/** The leases of a queue, by the instances of its receivers. */
type Leases = ReadonlyMap<number, ListedLeases>;

const unknownLeases: Leases = new Map();

function endpointsOf(segment: Segment, leases = unknownLeases): ListedEndpoint[] {
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

const nameOf = (key: Key): Pick<ListedName, "name" | "prefix" | "kind" | "path"> => ({
	name: decoder.decode(key.name),
	prefix: decoder.decode(key.prefix),
	kind: kindName(key.kind) ?? "unknown",
	path: "",
});

const nothing = {
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

/** The length of a latest value; 0 if it was never set, is set at this moment, or is damaged. Under the lock. */
function valueLengthOf(here: Threads, key: Key): number {
	const unit = key.kind === Kind.latest ? findBlock(here.blocks, key) : 0;
	const segment = unit === 0 ? undefined : segmentIn(here, unit);
	if (!(segment instanceof Segment)) return 0;
	const { words, longs, body, capacity, maxReceivers } = segment;
	const current = Atomics.load(longs, headerLong.current);
	const index = Number(current & BigInt(2 ** BUFFER_BITS - 1));
	if (current === 0n || index >= maxReceivers + BUFFERS_MORE) return 0;
	const at = body + index * bufferStride(capacity);
	const length = (words[(at + buffer.length) >> 2] as number) >>> 0;
	return Atomics.load(longs, at >> 3) === BigInt.asUintN(64, current) >> BigInt(BUFFER_BITS) && length <= capacity
		? length
		: 0;
}

/** How often a latest value was set. */
const versionOf = ({ longs }: Segment): number =>
	Number(BigInt.asUintN(64, longs[headerLong.current] as bigint) >> BigInt(BUFFER_BITS));

/** The bytes that a name uses. Of a latest value, the buffers that were never used count for nothing. */
function bytesOf({ kind, words, body, capacity, maxReceivers }: Segment, memory: number): number {
	const { total } = segmentBytes(kind, capacity, maxReceivers);
	if (kind !== Kind.latest) return total + memory;
	return Math.min(total, body + ((words[headerWord.buffers] as number) >>> 0) * bufferStride(capacity));
}

function describeSegment(key: Key, segment: Segment, valueLength: number, leases: Leases): ListedName {
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

const stateOf = (code: number): ListedState =>
	code === Status.foreign ? "foreign" : code === Status.version ? "other-version" : "damaged";

function underLock<Answer>(here: Threads, action: () => Answer): Answer {
	if (!here.lockNames(PATIENCE))
		throw new IpcError(
			"ERR_IPC_BUSY",
			"",
			"Names could not be listed within 1 s: a thread that is opening or closing a name seems to be stopped. Let it continue, or end it.",
		);
	try {
		return action();
	} finally {
		here.unlockNames();
	}
}

/** A copy of the segment of a name, or what is wrong with it; `undefined`: the name does not exist. Under the lock. */
function copyOfName(here: Threads, key: Key, scratch: () => ArrayBuffer) {
	const unit = findBlock(here.blocks, key);
	const segment = unit === 0 ? undefined : segmentIn(here, unit);
	return segment instanceof Segment ? copyOf(segment, scratch()) : segment;
}

/** The leases of a queue whose header was copied. Under the lock. */
function leasesOf(here: Threads, key: Key, copy: ReturnType<typeof copyOfName>): Leases {
	if (!(copy instanceof Segment) || copy.kind !== Kind.queue) return unknownLeases;
	const segment = segmentIn(here, findBlock(here.blocks, key));
	return segment instanceof Segment ? listedLeases(copy, segment) : unknownLeases;
}

/** The name as it is now; `undefined`: it does not exist any more. */
function describeName(here: Threads, key: Key, scratch: ArrayBuffer): ListedName | undefined {
	const [found, valueLength, leases] = underLock(here, () => {
		const copy = copyOfName(here, key, () => scratch);
		return [copy, valueLengthOf(here, key), leasesOf(here, key, copy)] as const;
	});
	if (found === undefined) return undefined;
	// Only after the lock is free again the system is asked which threads live.
	if (found instanceof Segment && found.words[headerWord.orphaned] !== TRUNCATED)
		return describeSegment(key, found, valueLength, leases);
	const state = found instanceof Segment ? "damaged" : stateOf(found.code);
	return { ...nameOf(key), ...nothing, state, byteLength: 0 };
}

/** The names of a prefix, or all names, that `accept` accepts. */
function collect(
	prefix: string | undefined,
	accept: (here: Threads, key: Key, name: ListedName) => boolean,
): ListedName[] {
	const here = threads();
	const keys = underLock(here, () => [...here.blocks.used()].map((unit) => keyIn(here.blocks, unit)));
	const scratch = newScratch();
	const accepted = new Map<string, ListedName>();
	for (const key of keys) {
		if (prefix !== undefined && decoder.decode(key.prefix) !== prefix) continue;
		// A block that has lost its name, or has none yet, has a key that belongs to another block, or to none.
		const name = describeName(here, key, scratch);
		if (!name) continue;
		const id = JSON.stringify([name.kind, name.prefix, name.name]);
		if (!accepted.has(id) && accept(here, key, name)) accepted.set(id, name);
	}
	return [...accepted.values()];
}

/** A live name of one of the kinds that this one is easily taken for; each is looked up under the lock. */
function otherKind(...[kind, prefix, name]: Parameters<Engine["otherKind"]>): ReturnType<Engine["otherKind"]> {
	const here = threads();
	for (const other of confusableWith(kind)) {
		const key = keyOf(Kind[other], prefix, name);
		// The open that asks has succeeded, and must not fail here.
		if (!here.lockNames(PATIENCE)) return undefined;
		try {
			const found = copyOfName(here, key, newScratch);
			const alive = found instanceof Segment ? endpointsOf(found).find((each) => each.alive) : undefined;
			if (alive) return { kind: other, pid: alive.pid };
		} finally {
			here.unlockNames();
		}
	}
	return undefined;
}

/** The live receivers of a name, without observers; it is read under the lock. A name that is damaged has none. */
function countReceivers(...[kind, prefix, name]: Parameters<Engine["countReceivers"]>): ReceiversOfName {
	const here = threads();
	const key = keyOf(Kind[kind], prefix, name);
	const found = underLock(here, () => copyOfName(here, key, newScratch));
	if (!(found instanceof Segment)) return { count: 0, most: 0 };
	const alive = endpointsOf(found).filter((each) => each.alive);
	const receivers = alive.filter(({ role, observer }) => role === "receiver" && !observer);
	return { count: receivers.length, most: alive.length > 0 ? found.maxReceivers : 0 };
}

/** `list`, `clearLeftovers`, `otherKind` and `countReceivers` for the names that the threads of this process share. */
export const sabLists: Pick<Engine, "list" | "clearLeftovers" | "otherKind" | "countReceivers"> = {
	otherKind,
	countReceivers,
	list: (prefix) => collect(prefix, () => true),
	clearLeftovers: (prefix, keepsLocked, filter) =>
		collect(
			prefix,
			(here, key, name) =>
				name.state === "leftover" && filter(name) && underLock(here, () => removeLeftover(here, key, keepsLocked)),
		),
};
